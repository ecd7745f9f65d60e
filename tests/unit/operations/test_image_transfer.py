"""Bringing images to nodes: by digest from their own registries, or streamed from the master."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.errors import BrokenError, DeadlineError, NodeError
from cluster.model.policy import Progress
from cluster.model.spec import Image, Source
from cluster.operations.image_transfer import Spool, ensure
from tests.support.fake_clock import FakeClock
from tests.support.fakes import (
    SHORT,
    FakeConnection,
    FakeFleet,
    Reply,
    Request,
    content,
    events,
    fake_fleet,
    fake_host,
    golden,
    half,
    refusal,
    reply,
)
from tests.support.scenes import DIGEST, IMAGE, STREAMED, in_registry

NONE = refusal(404, "No such image: x")
HERE = reply({"Descriptor": {"digest": DIGEST}})
REGISTRY_IMAGE = Image("registry", "2", Source.STREAM)


def near(seconds: float = 100) -> FakeFleet:
    """Return a node whose registry has the image."""
    deadlines = replace(SHORT, transfer=seconds)
    fleet = FakeFleet([fake_host("c01", "master", "manager")], deadlines=deadlines)
    in_registry(fleet.connections["c01"])
    return fleet


def bring(fleet: FakeFleet) -> list[str]:
    """Bring the image by its digest, and return what was asked, without the names."""
    ensure(fleet, fleet.nodes["c01"], IMAGE, DIGEST, "c01", Progress(print))
    lines = [line.partition("?")[0] for line in fleet.connections["c01"].wire]
    return [f"{line.split('/')[1]}/{line.split('/')[-1]}" for line in lines]


def test_an_image_that_is_there_only_gets_its_tag() -> None:
    fleet = near()
    fleet.connections["c01"].on("GET /images/*/json", reply({"Id": "sha256:1"}))
    assert bring(fleet) == ["images/json", "images/tag"]


def test_an_image_is_pulled_by_digest_and_then_tagged() -> None:
    assert bring(near()) == ["images/json", "distribution/json", "images/create", "images/tag"]


def test_a_registry_that_shows_a_push_late_is_waited_for(clock: FakeClock) -> None:
    fleet = near()
    fleet.connections["c01"].on("GET /distribution/*", NONE, refusal(500, "eof"), HERE)
    assert bring(fleet).count("distribution/json") == 3
    assert clock.slept == pytest.approx(0.4)


@pytest.mark.parametrize(("seconds", "limit"), [(900, 30), (5, 5)])
def test_a_registry_that_does_not_get_it_is_told(
    clock: FakeClock, seconds: float, limit: float
) -> None:
    fleet = near(seconds)
    fleet.connections["c01"].on("GET /distribution/*", NONE)
    with pytest.raises(NodeError) as raised:
        bring(fleet)
    assert raised.value.what == (
        "c01: its registry does not have localhost:5000/skp/x:1 at sha256:d00dd00dd00d, the one on "
        "record"
    )
    assert "over the same shared folder?" in raised.value.hint
    assert clock.slept == pytest.approx(limit, abs=0.5)
    assert not any("POST" in line for line in fleet.wire)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (events({"status": "Pulling"}, {"error": "manifest unknown"}), NodeError),
        (refusal(500, "manifest unknown"), NodeError),
        (half(events({"status": "Pulling"}, {"status": "manifest unknown"})), BrokenError),
        (content(b'{"status": "Pulling'), BrokenError),
    ],
)
def test_a_pull_that_fails_tags_nothing(answer: Reply, kind: type[NodeError]) -> None:
    fleet = near()
    fleet.connections["c01"].on("POST /images/create", answer)
    with pytest.raises(kind, match="c01: pulling localhost:5000/skp/x:sha256"):
        bring(fleet)
    assert not any("/tag" in line for line in fleet.wire)


def test_a_pull_that_falls_silent_ends_with_its_deadline() -> None:
    fleet = near(7)
    silent = half(events({"status": "Pulling"}, {"status": "Pulling"}), TimeoutError())
    fleet.connections["c01"].on("POST /images/create", silent)
    with pytest.raises(NodeError, match=r"pulling .* \(TimeoutError\)"):
        bring(fleet)
    asked = fleet.connections["c01"].requests
    assert [r.timeout for r in asked if "create" in r.path] == [7]


def test_an_engine_that_fails_is_no_engine_without_the_image() -> None:
    fleet = near()
    fleet.connections["c01"].on("GET /images/*/json", refusal(500, "layer does not exist"))
    with pytest.raises(NodeError, match=r"looking for .* layer does not exist"):
        bring(fleet)
    assert len(fleet.wire) == 1


def keeping(connection: FakeConnection, identity: str = STREAMED) -> None:
    """Have an engine that knows an image once it was loaded."""
    loaded: list[Request] = []

    def load(request: Request) -> Reply:
        loaded.append(request)
        return events({"stream": "Loaded"})

    def inspect(_: Request) -> Reply:
        return reply({"Id": identity}) if loaded else NONE

    connection.on("POST /images/load", load)
    connection.on("GET /images/registry:2/json", inspect)


def streaming(*names: str) -> FakeFleet:
    """Return a fleet whose master has the streamed image, and whose other nodes have not."""
    fleet = fake_fleet(*names)
    master, *others = fleet.connections.values()
    master.on("GET /images/registry:2/json", reply({"Id": STREAMED}))
    master.on("GET /images/registry:2/get", content(b"one", b"two"))
    for other in others:
        keeping(other)
    return fleet


def stream(fleet: FakeFleet, name: str) -> None:
    ensure(fleet, fleet.nodes[name], REGISTRY_IMAGE, STREAMED, "c01", Progress(print))


def test_an_image_is_streamed_from_the_master() -> None:
    fleet = streaming("c01", "c02")
    stream(fleet, "c02")
    golden("operation-image-stream", fleet.wire)
    (loaded,) = [r for r in fleet.connections["c02"].requests if "load" in r.path]
    assert loaded.body == b"onetwo"


def test_an_image_is_read_from_the_master_once_for_all_nodes() -> None:
    fleet = streaming("c01", "c02", "c03", "c04")
    found = fleet.each(lambda node: stream(fleet, node.name), ["c02", "c03", "c04"])
    assert found.errors == {}
    assert sum("/get" in line for line in fleet.wire) == 1
    assert sum("/load" in line for line in fleet.wire) == 3


MANIFEST = "sha256:manifest"
MADE_OF = {
    "RootFS": {"Layers": ["sha256:l1", "sha256:l2"]},
    "Config": {"Cmd": ["registry"], "Env": None, "Labels": {}},
}


def stores(fleet: FakeFleet, made_of: dict[str, object], *, loaded: bool) -> None:
    """Have c02's engine know the image by its manifest, as containerd's store does."""
    there = [True] if loaded else []
    fleet.connections["c01"].on("GET /images/registry:2/json", reply({"Id": STREAMED, **MADE_OF}))

    def load(_: Request) -> Reply:
        there.append(True)
        return events({"stream": "Loaded"})

    node = fleet.connections["c02"]
    node.on("POST /images/load", load)
    answer = reply({"Id": MANIFEST, **made_of})
    node.on("GET /images/registry:2/json", lambda _: answer if there else NONE)


def test_the_same_image_may_have_another_id_in_another_kind_of_store() -> None:
    fleet = streaming("c01", "c02")
    same = {**MADE_OF, "Config": {"Cmd": ["registry"]}}  # what is empty may be left out
    stores(fleet, same, loaded=False)
    stream(fleet, "c02")
    assert sum("/load" in line for line in fleet.wire) == 1
    stream(fleet, "c02")
    assert sum("/load" in line for line in fleet.wire) == 1, "it is there"


@pytest.mark.parametrize(
    "made_of",
    [
        {**MADE_OF, "RootFS": {"Layers": ["sha256:l1"]}},
        {**MADE_OF, "Config": {"Cmd": ["sh"]}},
        {},
    ],
    ids=["layers", "command", "not told"],
)
def test_what_is_made_of_something_else_is_not_the_same(made_of: dict[str, object]) -> None:
    fleet = streaming("c01", "c02")
    stores(fleet, made_of, loaded=True)
    with pytest.raises(NodeError, match="the master has another registry:2 by now than the wanted"):
        stream(fleet, "c02")


def test_the_master_itself_needs_no_stream() -> None:
    fleet = streaming("c01")
    stream(fleet, "c01")
    assert fleet.wire == ["c01: GET /images/registry:2/json"]


def test_without_the_master_there_is_no_stream() -> None:
    fleet = fake_fleet("c01", "c02", unreachable=["c01"])
    keeping(fleet.connections["c02"])
    with pytest.raises(NodeError, match="c02: registry:2 is on the master, which can't be reached"):
        stream(fleet, "c02")


def test_a_master_that_has_another_image_by_now_is_told() -> None:
    fleet = streaming("c01", "c02")
    keeping(fleet.connections["c02"], "sha256:newer")
    with pytest.raises(NodeError, match="the master has another registry:2 by now than the wanted"):
        stream(fleet, "c02")


@pytest.mark.parametrize(
    "answer",
    [
        events({"stream": "Loading"}, {"error": "no space left on device"}),
        refusal(500, "no space left on device"),
    ],
)
def test_an_image_that_can_t_be_loaded_is_told(answer: Reply) -> None:
    fleet = streaming("c01", "c02")
    fleet.connections["c02"].on("POST /images/load", answer)
    with pytest.raises(NodeError, match="c02: loading registry:2: no space left"):
        stream(fleet, "c02")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (half(content(b"one", b"two")), BrokenError),
        (refusal(500, "layer does not exist"), NodeError),
    ],
)
def test_an_image_that_was_read_by_half_is_read_anew_for_the_next_node(
    answer: Reply, kind: type[NodeError]
) -> None:
    fleet = streaming("c01", "c02", "c03")
    fleet.connections["c01"].on("GET /images/registry:2/get", answer, content(b"one", b"two"))
    with pytest.raises(kind, match="c01: reading registry:2"):
        stream(fleet, "c02")
    stream(fleet, "c03")
    (loaded,) = [r for r in fleet.connections["c03"].requests if "load" in r.path]
    assert loaded.body == b"onetwo"
    assert not any("load" in line for line in fleet.connections["c02"].wire)


def test_an_engine_that_falls_silent_while_an_image_is_loaded_is_told() -> None:
    fleet = streaming("c01", "c02")
    fleet.connections["c02"].on("POST /images/load", TimeoutError())
    with pytest.raises(DeadlineError, match="c02: loading registry:2"):
        stream(fleet, "c02")


def test_images_that_were_read_go_with_the_connections() -> None:
    fleet = streaming("c01", "c02")
    stream(fleet, "c02")
    path = fleet.shared(Spool).file(fleet.nodes["c01"], "registry:2", Progress(print))
    assert path.read_bytes() == b"onetwo"
    fleet.close()
    assert not path.parent.exists()
