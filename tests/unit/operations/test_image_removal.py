"""Taking images away: from engines, and tags out of a registry."""

from __future__ import annotations

import pytest

from cluster.errors import NodeError
from cluster.operations.image_removal import PruneImages
from tests.support.fake_repository import FakeRepository
from tests.support.fakes import content, done, fake_fleet, refusal, reply
from tests.support.operation_scenes import pruning, pruning_cache, removing_image, untagging
from tests.support.scenes import Scene

MANIFEST = b'{"schemaVersion": 2}'


def test_what_a_name_s_removal_freed_is_told() -> None:
    assert removing_image().run() == "3 MB freed"


def test_a_name_that_is_gone_already_is_no_error() -> None:
    scene = removing_image()
    scene.c01.on("DELETE /images/*", refusal(404, "No such image: localhost:5000/skp/x:1"))
    assert scene.run() == ""


def test_an_image_in_use_is_not_removed_by_force() -> None:
    scene = removing_image()
    scene.c01.on("DELETE /images/*", refusal(409, "container 1 is using its referenced image"))
    with pytest.raises(NodeError, match="c01: removing localhost:5000/skp/x:1: container 1 is"):
        scene.run()
    assert any("force=False" in line for line in scene.c01.wire)


def registry(scene: Scene, *tags: str) -> FakeRepository:
    """Give the scene's node a registry in which these tags have one manifest."""
    there = FakeRepository(scene.c01)
    for tag in tags:
        there.add(tag, MANIFEST)
    return there


def test_a_tag_of_its_own_is_removed_with_its_manifest() -> None:
    scene = untagging()
    there = registry(scene, "1")
    digest = there.tags["1"]
    scene.run()
    assert there.tags == {}
    assert there.asked == [
        "GET /v2/skp/x/tags/list",
        "HEAD /v2/skp/x/manifests/1",
        f"DELETE /v2/skp/x/manifests/{digest}",
    ]


def test_other_tags_of_the_same_manifest_stay() -> None:
    scene = untagging()
    there = registry(scene, "1", "2")
    digest = there.tags["2"]
    scene.run()
    assert there.tags == {"2": digest}
    assert [line.split()[0] for line in there.asked] == [
        "GET",
        *2 * ["HEAD"],
        "GET",
        "PUT",
        "DELETE",
    ]


def test_a_tag_that_is_not_there_is_no_error() -> None:
    scene = untagging()
    there = registry(scene, "2")
    scene.run()
    assert list(there.tags) == ["2"]


def test_a_registry_that_refuses_to_delete_is_told() -> None:
    scene = untagging()
    registry(scene, "1").refuses = ("DELETE",)
    with pytest.raises(NodeError, match="removing skp/x:1 from the registry: it answers 405 unsup"):
        scene.run()


def test_a_tag_that_can_t_get_a_manifest_of_its_own_stays() -> None:
    scene = untagging()
    there = registry(scene, "1", "2")
    there.refuses = ("PUT",)
    with pytest.raises(NodeError, match="giving skp/x:1 a manifest of its own: it answers 405"):
        scene.run()
    assert sorted(there.tags) == ["1", "2"]


def test_without_a_registry_there_is_nothing_to_untag() -> None:
    scene = untagging()
    scene.c01.on_run("/dev/tcp", done(1, stderr="connect: Connection refused"))
    with pytest.raises(NodeError, match="no registry answers at localhost:5000 there") as raised:
        scene.run()
    assert raised.value.hint == "./skp.py docker.registry-run"


@pytest.mark.parametrize("answer", ["HTTP/1.1 200 OK\r\n\r\n<html>", "SSH-2.0-OpenSSH\r\n"])
def test_what_is_no_registry_is_told(answer: str) -> None:
    scene = untagging()
    scene.c01.on_run("/dev/tcp", done(0, answer))
    with pytest.raises(NodeError, match="what answers at localhost:5000 there is no registry"):
        scene.run()


def test_a_tag_is_called_without_the_registry_s_address() -> None:
    assert untagging().operation.name == "skp/x:1"


def test_images_are_pruned_by_all_their_names() -> None:
    scene = pruning()
    assert scene.run() == "3 MB freed"
    assert [line.split()[1].partition("?")[0] for line in scene.c01.wire if "DELETE" in line] == [
        "/images/x:1",
        "/images/sha256:a",
    ]


def test_an_image_that_is_used_by_now_stays_and_the_others_go() -> None:
    scene = pruning()
    scene.operation = PruneImages("c01", ("sha256:c", "sha256:a", "sha256:b"))
    scene.c01.on("GET /images/sha256:c/json", reply({"RepoTags": ["c:1"]}))
    scene.c01.on("DELETE /images/c:1", refusal(409, "container 1 is using its referenced image"))
    with pytest.raises(NodeError) as raised:
        scene.run()
    assert raised.value.what == "c01: container 1 is using its referenced image; 3 MB freed"
    assert "DELETE /images/sha256:a?force=False&noprune=False" in scene.c01.wire


def test_an_image_without_a_name_is_removed_by_its_id() -> None:
    scene = Scene(fake_fleet("c01"), PruneImages("c01", ("sha256:d",)))
    gone = refusal(404, "No such image: sha256:d")
    scene.c01.on("GET /images/sha256:d/json", reply({"RepoTags": None, "RepoDigests": []}), gone)
    scene.c01.on("DELETE /images/*", reply([]))
    scene.c01.on("GET /system/df", reply({"LayersSize": 0}))
    assert scene.run() == "0 B freed"
    assert any(line.startswith("DELETE /images/sha256:d") for line in scene.c01.wire)


def test_sizes_that_the_engine_does_not_tell_prune_nothing() -> None:
    scene = pruning()
    scene.c01.on("GET /system/df", content(b"{broken"))
    with pytest.raises(NodeError, match="c01: pruning images"):
        scene.run()
    assert not any("DELETE" in line for line in scene.c01.wire)


def test_what_an_empty_build_cache_freed_is_told() -> None:
    scene = pruning_cache()
    assert scene.run() == "7 MB freed"
    scene.c01.on("POST /build/prune", reply({"SpaceReclaimed": None}))
    assert scene.run() == "0 B freed"
