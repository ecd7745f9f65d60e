"""Building, pulling and pushing images."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from cluster.errors import BrokenError, ConfigError, NodeError
from cluster.model.item import Item
from cluster.model.policy import Amount, Progress
from cluster.model.result import Result
from cluster.model.spec import Image
from cluster.operations.image import build, push, stages
from cluster.operations.image_transfer import pull
from tests.support.digests import digest
from tests.support.fakes import (
    FakeConnection,
    done,
    events,
    fake_node,
    golden,
    half,
    refusal,
)
from tests.support.operation_scenes import building, pulling

IMAGE = Image("skp/docker-ds", "1.0")


def told(*lines: str) -> list[str]:
    said: list[str] = []
    tell = stages(Progress(said.append))
    for line in lines:
        tell(line)
    return said


def test_an_image_is_built_from_its_recipe_and_what_all_recipes_share() -> None:
    scene = building()
    scene.run()
    (ran,) = scene.c01.commands
    assert isinstance(ran.stdin, bytes)
    with tarfile.open(fileobj=io.BytesIO(ran.stdin)) as archive:
        entries = {entry.name: (entry.uid, entry.uname) for entry in archive if entry.isfile()}
    assert entries == {
        "images/build.sh": (0, ""),
        "images/base/Dockerfile": (0, ""),
        "images/host/Dockerfile": (0, ""),
        "images/docker-ds/Dockerfile": (0, ""),
    }


def test_what_the_builder_does_is_told() -> None:
    scene = building()
    scene.run()
    assert scene.said == ["[base 1/2] FROM debian", "[base 1/2] took 7 s"]


def test_an_image_s_id_is_what_the_builder_says_last() -> None:
    c01 = FakeConnection("c01")
    c01.on_run("build.sh", done(stdout="loaded\nsha256:1\n"))
    arguments = {"VERSION": "1 2"}
    assert build(fake_node(c01), IMAGE, arguments, Progress(print)) == "sha256:1"
    assert "--build-arg" in c01.wire[0]
    assert "VERSION=1 2" in c01.wire[0]
    assert c01.commands[0].deadline == fake_node(c01).deadlines.build


def test_a_builder_that_says_nothing_gives_no_id() -> None:
    c01 = FakeConnection("c01")
    c01.on_run("build.sh", done())
    assert build(fake_node(c01), IMAGE, {}, Progress(print)) == ""


def test_a_build_that_fails_is_told_with_its_last_lines() -> None:
    scene = building()
    said = "".join(f"#9 line {number}\n" for number in range(100))
    scene.c01.on_run("build.sh", done(1, stderr=f"{said}ERROR: no such package\n"))
    with pytest.raises(NodeError) as raised:
        scene.run()
    lines = str(raised.value).splitlines()
    assert lines[0] == "c01: building localhost:5000/skp/docker-ds:1.0 failed:"
    assert lines[1:] == [f"#9 line {number}" for number in range(61, 100)] + [
        "ERROR: no such package"
    ]
    assert scene.said == ["ERROR: no such package"]


def test_an_image_without_a_recipe_is_an_error_before_anything_is_sent(images: Path) -> None:
    c01 = FakeConnection("c01")
    with pytest.raises(ConfigError, match="images/other/Dockerfile is not there") as raised:
        build(fake_node(c01), Image("skp/other"), {}, Progress(print))
    assert raised.value.hint == "Images: docker-ds"
    assert c01.wire == []


def test_each_step_of_a_build_is_told_once_and_without_its_mounts() -> None:
    step = "#7 [ds 3/12] RUN --mount=type=cache,target=/x /run/host/with pip install a"
    assert told(step, step, "#7 0.123 Collecting a") == ["[ds 3/12] RUN pip install a"]


def test_only_a_step_that_took_long_is_told_again() -> None:
    step = "#7 [ds 3/12] RUN a"
    assert told(step, "#7 DONE 4.9s", "#8 DONE 99.0s") == ["[ds 3/12] RUN a"]
    assert told(step, "#7 DONE 61.2s") == ["[ds 3/12] RUN a", "[ds 3/12] took 61 s"]


def test_what_went_wrong_is_told() -> None:
    assert told("#7 ERROR: process", "ERROR: failed", "images: docker-ds is new", "other") == [
        "#7 ERROR: process",
        "ERROR: failed",
        "images: docker-ds is new",
    ]


def test_a_step_is_no_longer_than_a_line() -> None:
    (line,) = told(f"#7 [ds 3/12] RUN {200 * 'a'}")
    assert len(line) == 76


# What both image stores of an engine say at the end.
TOLD = {"status": f"1.0: digest: {digest('pushed')} size: 1576"}


def pushing() -> FakeConnection:
    c01 = FakeConnection("c01")
    c01.on("POST /images/*/push", events({"status": "Pushed", "id": "ab12"}, TOLD))
    return c01


def test_a_push_tells_its_layers_and_returns_the_digest() -> None:
    c01, said = pushing(), list[str]()
    assert push(fake_node(c01), IMAGE, Progress(said.append)) == digest("pushed")
    assert said == ["pushed layer ab12"]
    golden("operation-image-push", c01.wire)


class Seen:
    """Notes how far an operation was said to be."""

    def __init__(self) -> None:
        self.amounts: list[Amount] = []

    def begun(self, item: Item) -> None: ...

    def moved(self, item: Item, amount: Amount) -> None:  # noqa: ARG002
        self.amounts.append(amount)

    def ended(self, result: Result) -> None: ...


def seen_by(seen: Seen) -> Progress:
    return Progress(print, watch=seen).begin(pulling().operation)


def test_a_push_tells_how_far_all_layers_are_together() -> None:
    c01, seen = pushing(), Seen()
    parts = [
        {"id": layer, "status": "Pushing", "progressDetail": {"current": done, "total": 9000}}
        for layer, done in (("a", 1000), ("b", 2000), ("a", 3000))
    ]
    there = {"id": "a", "status": "Pushed", "progressDetail": {}}
    c01.on("POST /images/*/push", events(*parts, {"status": "Waiting"}, there, TOLD))
    push(fake_node(c01), IMAGE, seen_by(seen))
    assert [(a.done, a.total) for a in seen.amounts] == [
        (1000, 9000), (3000, 18000), (5000, 18000), (11000, 18000),
    ]  # fmt: skip
    assert {a.doing for a in seen.amounts} == {"pushing"}


def test_a_pull_tells_what_is_fetched_and_then_what_is_unpacked() -> None:
    scene, seen = pulling(), Seen()
    scene.c01.on(
        "POST /images/create",
        events(
            {"status": "Pulling from library/debian", "id": "12"},
            {"status": "Already exists", "id": "x", "progressDetail": {}},
            {"status": "Downloading", "id": "a", "progressDetail": {"current": 5, "total": 50}},
            {"status": "Download complete", "id": "a", "progressDetail": {}},
            {"status": "Extracting", "id": "a", "progressDetail": {"current": 9, "units": "s"}},
            {"status": "Extracting", "id": "a", "progressDetail": {"current": 9, "total": 50}},
        ),
    )
    pull(fake_node(scene.c01), "debian", "12", seen_by(seen))
    assert seen.amounts == [
        Amount("pulling", 5, 50), Amount("pulling", 50, 50), Amount("unpacking", 9, 50),
    ]  # fmt: skip


@pytest.mark.parametrize("detail", [{"current": "much"}, {"current": 1.5}, [1], "much"])
def test_a_node_that_tells_no_amount_is_told(detail: object) -> None:
    c01 = pushing()
    c01.on("POST /images/*/push", events({"status": "Pushing", "progressDetail": detail}))
    with pytest.raises(NodeError, match="its answer is not of its form"):
        push(fake_node(c01), IMAGE, Progress(print))


def test_a_build_tells_its_steps_and_what_is_fetched_for_one() -> None:
    seen = Seen()
    tell = stages(seen_by(seen))
    for line in (
        "#4 [ds 1/12] FROM debian",
        "#4 sha256:ab12 1.05MB / 48.23MB 0.3s",
        "#4 sha256:ab12 900B / 1.5kB 0.4s done",
        "#5 [ds stage-1 2/12] RUN x",
    ):
        tell(line)
    assert seen.amounts == [
        Amount("building", 1, 12, "steps"), Amount("fetching", 1_050_000, 48_230_000),
        Amount("fetching", 900, 1500), Amount("building", 2, 12, "steps"),
    ]  # fmt: skip


def test_a_push_that_is_refused_asks_whether_the_registry_runs() -> None:
    c01 = pushing()
    c01.on("POST /images/*/push", events({"status": "Preparing"}, {"error": "connection refused"}))
    with pytest.raises(NodeError) as raised:
        push(fake_node(c01), IMAGE, Progress(print))
    assert raised.value.what == (
        "c01: pushing localhost:5000/skp/docker-ds:1.0: connection refused"
    )
    assert raised.value.hint == "Is the registry running? ./skp.py docker.registry-run"


def test_a_push_that_breaks_off_is_no_push() -> None:
    c01 = pushing()
    c01.on("POST /images/*/push", half(events({"status": "Pushed", "id": "a"}, {"status": "x"})))
    with pytest.raises(BrokenError):
        push(fake_node(c01), IMAGE, Progress(lambda _: None))


def test_a_push_whose_digest_is_not_told_is_no_push() -> None:
    c01 = pushing()
    c01.on("POST /images/*/push", events({"status": "1.0: digest: sha256:1 size: 7"}))
    with pytest.raises(NodeError, match="does not say which digest it pushed"):
        push(fake_node(c01), IMAGE, Progress(lambda _: None))


def test_an_image_that_is_not_there_can_t_be_pushed() -> None:
    c01 = pushing()
    c01.on("POST /images/*/push", refusal(404, "An image does not exist locally with the tag"))
    with pytest.raises(NodeError, match="An image does not exist locally"):
        push(fake_node(c01), IMAGE, Progress(print))


def test_a_public_image_that_can_t_be_pulled_is_told() -> None:
    scene = pulling()
    scene.c01.on("POST /images/create", events({"status": "Pulling"}, {"error": "too many"}))
    with pytest.raises(NodeError, match="c01: pulling debian:12: too many"):
        scene.run()


def test_operations_on_images_are_called_by_their_references() -> None:
    assert building().operation.name == "localhost:5000/skp/docker-ds:1.0"
    assert pulling().operation.name == "debian:12"
