"""Having an image built: whose it may be, where, what its end means, and what is kept of it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ConfigError, DeadlineError, NodeError, SkpError
from cluster.model.policy import Progress
from tests.support.described import described
from tests.support.fakes import FakeFleet, Ran, done
from workloads import building
from workloads.accounts import Account, Membership, People
from workloads.build_bases import bases
from workloads.build_folder import Folder
from workloads.build_node import Work, builders, on_a_node
from workloads.build_records import Build, Records, State, same

DIGEST = f"sha256:{'a' * 64}"
BUILD = Build(
    "bld_01m8p8qt3q5s3sb1zpsc", "vision", "vision/web:1", "kim", State.PENDING, 10, 99, "i"
)
HOSTS: dict[str, dict[str, Any]] = {
    "c01": {"ipv4": "10.0.0.1", "labels": [], "groups": ["master", "manager"]},
    "c02": {"ipv4": "10.0.0.2", "labels": [{"builder": "enable"}], "groups": ["worker"]},
    "c03": {"ipv4": "10.0.0.3", "labels": [{"builder": "enable"}], "groups": ["worker"]},
}
KIM = People(Account("kim", 20001, {"vision": Membership(30001, "member")}))


@pytest.fixture
def fleet(tmp_path: Path) -> FakeFleet:
    found = FakeFleet(described(tmp_path, HOSTS).inventory.hosts)
    for connection in found.connections.values():
        connection.on_run("docker image inspect", done(0, "sha256:tool"))
        connection.on_run("builds/vision", done())
    return found


@pytest.fixture
def work(tmp_path: Path, fleet: FakeFleet) -> Work:
    cluster = described(tmp_path, HOSTS, {"BUILD_SIZE": "3g", "BUILD_SECONDS": "60"})
    records = Records(fleet.nodes["c01"], "/p", "vision")
    found = {"docker.io/skp/base:trixie": f"skp/base@{DIGEST}"}
    return Work(cluster, fleet, lambda _: None, records, BUILD, found, io.BytesIO(b"x"), 1, False)


def ends(code: int, *lines: str, out: str = "") -> Any:
    """Return what a node does: it prints lines, and ends."""

    def ran(asked: Ran) -> Any:
        for line in ("skp-build-lives", *lines):
            if asked.on_line:
                asked.on_line(line)
        return done(code, out, "\n".join(lines))

    return ran


def tried(work: Work, fleet: FakeFleet) -> tuple[str, str]:
    return on_a_node(work, builders(work.cluster, fleet), "/p/out")


def test_it_is_built_where_a_place_is_free(work: Work, fleet: FakeFleet) -> None:
    fleet.connections["c02"].on_run("bash -c", ends(75))
    fleet.connections["c03"].on_run("bash -c", ends(0, "STEP 1/1", out=f"{DIGEST}\n"))
    assert tried(work, fleet) == ("c03", DIGEST)
    assert work.log == ["STEP 1/1"]
    line = fleet.connections["c03"].wire[-1]
    for word in ("size=3221225472", "seconds=60", "'nodes=10.0.0.1 10.0.0.2 10.0.0.3'",
                 "anew= others= --", "user=58109:58109",
                 f"docker.io/skp/base:trixie=skp/base@{DIGEST}"):  # fmt: skip
        assert word in line
    assert '"state": "running"' in " ".join(fleet.connections["c01"].wire)


def test_no_room_is_kept_that_has_another_projects_image(work: Work, fleet: FakeFleet) -> None:
    bases = {"localhost:5000/secret/x:1": f"secret/x@{DIGEST}"}
    fleet.connections["c02"].on_run("bash -c", ends(0, out=f"{DIGEST}\n"))
    tried(replace(work, bases=bases), fleet)
    assert "others=yes --" in fleet.connections["c02"].wire[-1]


@pytest.mark.parametrize(
    ("code", "lines", "kind", "said"),
    [
        (1, ["STEP 1/2", "skp: oh"], SkpError, "the build failed:\n  STEP 1/2\n  skp: oh"),
        (124, ["STEP 1/2"], DeadlineError, "c02: it is not built within 60 s"),
        (7, ["skp-build: its room is full"], NodeError, "c02: its room of 3g is full"),
        (1, ["write /x: no space left on device"], NodeError, "c02: its room of 3g is full"),
        (6, ["x", "skp-build: it needs more memory than 4g"], NodeError, "c02: it needs more"),
        (3, ["skp-build: no loop devices"], NodeError, "c02: no loop devices"),
    ],
)
def test_what_its_end_means(
    code: int, lines: Sequence[str], kind: type, said: str, work: Work, fleet: FakeFleet
) -> None:
    fleet.connections["c02"].on_run("bash -c", ends(code, *lines))
    with pytest.raises(SkpError) as raised:
        tried(work, fleet)
    assert type(raised.value) is kind
    assert str(raised.value).startswith(said)
    assert "skp-build" not in str(raised.value)
    assert work.log == [line.removeprefix("skp-build: ") for line in lines]


def test_a_digest_that_is_none_is_not_believed(work: Work, fleet: FakeFleet) -> None:
    fleet.connections["c02"].on_run("bash -c", ends(0, out="sha256:x\n"))
    with pytest.raises(NodeError, match="does not say which image"):
        tried(work, fleet)


def test_without_a_node_for_it_nothing_is_begun(tmp_path: Path, fleet: FakeFleet) -> None:
    none: dict[str, Any] = {name: {**said, "labels": []} for name, said in HOSTS.items()}
    with pytest.raises(ConfigError, match='no node has the label "builder"'):
        builders(described(tmp_path, none), fleet)
    away = FakeFleet(fleet.hosts, unreachable=("c02", "c03"))
    with pytest.raises(NodeError, match="c02: can't be reached"):
        builders(described(tmp_path, HOSTS), away)


@pytest.mark.parametrize(
    "name",
    ["web", "vision/", "Vision/web", "vision/a/b", "vision/web:", "vision/web:a/b", "vision/Web",
     "skp/base:trixie", "mirror/x", "vision/web@sha256:0", "../web", "vision/..", "vision/web;id"],
)  # fmt: skip
def test_what_is_no_name_of_an_image_of_a_project_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        building.wanted(name, Folder(Path(), "Dockerfile", "FROM a"))


def test_a_name_without_a_tag_means_latest() -> None:
    folder = Folder(Path(), "Dockerfile", "FROM a")
    assert building.wanted("vision/web", folder).image.name == "vision/web:latest"
    assert building.wanted("vision/web.api:1.0", folder).image.name == "vision/web.api:1.0"


class There:
    """Images that are all in the cluster's registry."""

    def admitted(self, references: Any) -> dict[str, str]:
        return {text: f"localhost:5000/x{n}@{DIGEST}" for n, text in enumerate(references)}


def found_bases(text: str, people: People, fleet: FakeFleet) -> Any:
    images: Any = There()
    folder = Folder(Path(), "Dockerfile", text)
    return bases(folder, "vision", people, images, fleet.nodes["c01"], Progress(print))


def test_what_is_another_projects_is_not_to_be_begun_from(fleet: FakeFleet) -> None:
    secret = "FROM debian\nCOPY --from=localhost:5000/secret/web:1 / /\n"
    with pytest.raises(ConfigError, match=r"Dockerfile:2: .* is of the project secret"):
        found_bases(secret, KIM, fleet)
    assert len(found_bases(secret, People(), fleet).found) == 2
    own = "FROM vision/web:1\nCOPY --from=localhost:5000/vision/x / /\n"
    assert list(found_bases(own, KIM, fleet).found) == [
        "docker.io/vision/web:1", "localhost:5000/vision/x:latest"]  # fmt: skip


def test_a_digest_becomes_a_tag(fleet: FakeFleet) -> None:
    begun = found_bases(f"FROM reg.example/a:1@{DIGEST}\n", KIM, fleet)
    assert list(begun.found) == [f"reg.example/a:sha256-{'a' * 64}"]
    assert begun.folder.text == f"FROM reg.example/a:sha256-{'a' * 64}\n"


def test_records_are_read_as_what_they_are(fleet: FakeFleet) -> None:
    ended = replace(BUILD, ident="bld_01m8p8qt3q5s3sb1zpsd", state=State.COMPLETE, digest=DIGEST)
    lines = [json.dumps(each.document) for each in (BUILD, ended)]
    bad = [json.dumps({**ended.document, "digest": "x"}), "[]", "{", json.dumps({"ident": 1}), "1"]
    master = fleet.connections["c01"]
    master.on_run("cat bld_", done(0, "\n".join([*bad, *lines])))
    records = Records(fleet.nodes["c01"], "/p", "vision")
    assert records.read(50) == [ended, BUILD]
    master.on_run("cat bld_", done(0, "\n".join(lines)))
    (_, left) = records.read(200)
    assert (left.state, left.error) == (State.ERROR, "what asked for it was ended")
    assert same([left, ended], "i") == ended
    assert same([left], "i") is None


def test_what_is_no_name_of_a_build_is_no_path(fleet: FakeFleet) -> None:
    records = Records(fleet.nodes["c01"], "/p", "vision")
    with pytest.raises(ConfigError, match="no name of a build"):
        records.log("../../etc/shadow")
    assert fleet.wire == []


def test_a_record_is_written_whole_and_the_oldest_go(fleet: FakeFleet) -> None:
    records = Records(fleet.nodes["c01"], "/p", "vision")
    records.keep(replace(BUILD, error="it's \u2028 odd"), ["one", "two"])
    (line,) = fleet.wire
    assert ".new && mv" in line
    assert "tail -n +51" in line
    assert "tail -n +1001" in line
    assert fleet.connections["c01"].commands[0].stdin == b"one\ntwo"
