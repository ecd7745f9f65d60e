"""The registry's own API: listing what tags mean, and taking one away from among others."""

from __future__ import annotations

import pytest

from cluster.errors import NodeError
from cluster.facts import registry as facts
from cluster.facts.images import Store, Stored, User, read
from cluster.facts.registry import Registry
from cluster.model.spec import Image
from tests.support.fake_registry import MISSING, REFUSED, FakeRegistry, no_registry
from tests.support.fakes import FakeConnection, fake_node, refusal, reply


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection("c01")


@pytest.fixture
def server(connection: FakeConnection) -> FakeRegistry:
    return FakeRegistry(connection)


@pytest.fixture
def registry(connection: FakeConnection) -> Registry:
    return Registry(fake_node(connection))


def test_all_tags_are_asked_for_at_once(
    connection: FakeConnection, server: FakeRegistry, registry: Registry
) -> None:
    one, two = server.add("skp/a", "1", "latest"), server.add("skp/b", "2")
    assert registry.digests(["skp/b", "skp/a", "skp/none"]) == {
        "skp/a": {"1": one, "latest": one}, "skp/b": {"2": two}, "skp/none": {},
    }  # fmt: skip
    assert len(connection.commands) == 2  # the lists, then the digests
    assert server.asked[:3] == [f"GET /v2/skp/{n}/tags/list" for n in ("a", "b", "none")]


def test_many_are_asked_for_in_several_turns(
    connection: FakeConnection,
    server: FakeRegistry,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(facts, "_AT_ONCE", 2)
    server.add("skp/a", "1", "2", "3")
    assert len(registry.digests(["skp/a"])["skp/a"]) == 3
    assert len(connection.commands) == 3


WANTED = (Image("skp/a", "1"), Image("skp/b", "2"), Image("skp/none"))


def test_images_are_identified_all_at_once(
    connection: FakeConnection, server: FakeRegistry, registry: Registry
) -> None:
    one, two = server.add("skp/a", "1"), server.add("skp/b", "2")
    assert registry.identify(WANTED) == {WANTED[0]: one, WANTED[1]: two}
    assert len(connection.commands) == 1


def test_no_images_are_identified_without_asking(
    connection: FakeConnection, server: FakeRegistry, registry: Registry
) -> None:
    assert registry.identify([]) == {}
    assert connection.commands == []


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n\r\n", MISSING, REFUSED]
)
def test_what_gives_no_whole_answer_identifies_no_image(
    server: FakeRegistry, registry: Registry, said: bytes
) -> None:
    server.add("skp/a", "1")
    server.refuses["HEAD"] = said
    assert registry.identify(WANTED) == {}


def test_where_nothing_listens_no_image_is_identified(
    connection: FakeConnection, registry: Registry
) -> None:
    no_registry(connection)
    assert registry.identify(WANTED) == {}


def test_a_tag_that_goes_between_the_questions_is_left_out(
    server: FakeRegistry, registry: Registry
) -> None:
    kept = server.add("skp/a", "1", "2")
    server.refuses["HEAD /v2/skp/a/manifests/2"] = MISSING
    assert registry.digests(["skp/a"]) == {"skp/a": {"1": kept}}


def test_a_tag_alone_is_taken_away_with_its_manifest(
    server: FakeRegistry, registry: Registry
) -> None:
    digest = server.add("skp/a", "1", content="x")
    kept = server.add("skp/a", "2", content="y")
    registry.untag("skp/a", "1")
    assert server.asked[-1] == f"DELETE /v2/skp/a/manifests/{digest}"
    assert server.tags["skp/a"] == {"2": kept}


def test_a_tag_means_another_image_of_its_repository(
    server: FakeRegistry, registry: Registry
) -> None:
    old, new = server.add("skp/a", "1", content="x"), server.add("skp/a", "2", content="y")
    registry.tag("skp/a", old, "2")
    assert server.tags["skp/a"] == {"1": old, "2": old}
    with pytest.raises(NodeError, match="it answers 404"):
        registry.tag("skp/a", f"sha256:{'0' * 64}", "1")
    assert new not in server.tags["skp/a"].values()


def test_a_tag_among_others_is_first_given_a_manifest_of_its_own(
    server: FakeRegistry, registry: Registry
) -> None:
    digest = server.add("skp/a", "1", "latest")
    registry.untag("skp/a", "1")
    assert server.tags["skp/a"] == {"latest": digest}
    methods = [line.split()[0] for line in server.asked]
    assert methods == ["GET", "HEAD", "HEAD", "GET", "PUT", "DELETE"]


def test_a_tag_that_is_not_there_is_no_error(server: FakeRegistry, registry: Registry) -> None:
    server.add("skp/a", "1")
    registry.untag("skp/a", "gone")
    assert not [line for line in server.asked if line.startswith(("PUT", "DELETE"))]


REFUSALS = ["GET /v2/skp/a/tags", "HEAD", "GET /v2/skp/a/manifests", "PUT", "DELETE"]


@pytest.mark.parametrize("line", REFUSALS)
def test_what_it_refuses_is_told_and_nothing_else_is_taken_away(
    server: FakeRegistry, registry: Registry, line: str
) -> None:
    digest = server.add("skp/a", "1", "latest")
    server.refuses[line] = REFUSED
    with pytest.raises(NodeError, match="it answers 500"):
        registry.untag("skp/a", "1")
    assert server.tags["skp/a"]["latest"] == digest


def test_a_twin_that_is_taken_for_the_same_is_not_deleted(
    server: FakeRegistry, registry: Registry
) -> None:
    digest = server.add("skp/a", "1", "latest")
    head = f"HTTP/1.1 201 Created\r\nDocker-Content-Digest: {digest}\r\nContent-Length: 0\r\n\r\n"
    server.refuses["PUT"] = head.encode()
    with pytest.raises(NodeError, match="took it for the same"):
        registry.untag("skp/a", "1")
    assert not [line for line in server.asked if line.startswith("DELETE")]


HALVES = {
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{hal",
    "no object": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
}


@pytest.mark.parametrize("said", HALVES)
def test_half_an_answer_is_told_as_no_registry(
    server: FakeRegistry, registry: Registry, said: str
) -> None:
    server.refuses["GET"] = HALVES[said]
    with pytest.raises(NodeError, match="there is no registry"):
        registry.digests(["skp/a"])


def test_a_digest_that_is_not_said_is_no_registrys(
    server: FakeRegistry, registry: Registry
) -> None:
    server.add("skp/a", "1")
    server.refuses["HEAD"] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(NodeError, match="there is no registry: KeyError"):
        registry.digests(["skp/a"])


def test_where_nothing_listens_it_says_what_to_type(
    connection: FakeConnection, registry: Registry
) -> None:
    no_registry(connection)
    with pytest.raises(NodeError, match="no registry answers at localhost:5000") as caught:
        registry.digests(["skp/a"])
    assert caught.value.hint == "./skp.py docker.registry-run"


def test_images_are_read_before_containers(connection: FakeConnection) -> None:
    """So a container that is made of one of them meanwhile is seen to use it."""
    listed = {"Id": "i", "RepoTags": ["a:1", "<none>:<none>"], "RepoDigests": None, "Size": 3}
    connection.on("GET /images/json", reply([listed]))
    connection.on("GET /containers/json", reply([{"Id": "c"}, {"Id": "gone"}]))
    found = {"Name": "/web", "Config": {"Image": "a:1"}, "Image": "i"}
    connection.on("GET /containers/c/json", reply(found))
    connection.on("GET /containers/gone/json", refusal(404, "No such container"))
    store = read(fake_node(connection))
    assert store == Store((Stored("i", ("a:1",), (), False, 3),), (User("web", "a:1", "i"),))
    assert [line.split("?")[0] for line in connection.wire[:2]] == [
        "GET /images/json", "GET /containers/json",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["GET /images/json", "GET /containers/json"])
def test_an_engine_that_tells_only_half_tells_nothing(
    connection: FakeConnection, path: str
) -> None:
    connection.on("GET /images/json", reply([]))
    connection.on("GET /containers/json", reply([]))
    connection.on(path, refusal(500, "broken"))
    with pytest.raises(NodeError, match="reading its images: broken"):
        read(fake_node(connection))
