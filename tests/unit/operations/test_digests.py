"""What the Swarm remembers of images: one is admitted, adopted or forgotten, the others stay."""

from __future__ import annotations

import json

from cluster.operations.digests import AdmitImage, ForgetImage, RecordRunning
from tests.support.digests import digest
from tests.support.operation_scenes import SCENES
from tests.support.scenes import Scene

ONE, TWO, THREE = digest("one"), digest("two"), digest("three")
OTHER = {"skp/other:1": [digest("other")]}


def changed(scene: Scene, *before: str) -> dict[str, list[str]]:
    """Return the record after the operation, which begins with these digests of skp/x:1."""
    known = OTHER | ({"skp/x:1": list(before)} if before else {})
    scene.members.labels["skp.digests"] = json.dumps(known)
    scene.run()
    after: dict[str, list[str]] = json.loads(scene.members.labels["skp.digests"])
    assert after["skp/other:1"] == OTHER["skp/other:1"]
    return after


def admitting() -> Scene:
    scene = SCENES["digest-admit"]()
    scene.operation = AdmitImage("c01", "skp/x:1", ONE)
    return scene


def test_what_is_admitted_counts_before_what_did() -> None:
    assert changed(admitting())["skp/x:1"] == [ONE]
    assert changed(admitting(), TWO, THREE)["skp/x:1"] == [ONE, TWO, THREE]
    assert changed(admitting(), TWO, ONE)["skp/x:1"] == [ONE, TWO]


def test_five_digests_of_an_image_are_remembered() -> None:
    before = [digest(str(number)) for number in range(5)]
    assert changed(admitting(), *before)["skp/x:1"] == [ONE, *before[:4]]


def test_a_record_of_no_known_form_is_begun_anew_by_admitting_alone() -> None:
    scene = admitting()
    scene.members.labels["skp.digests"] = "nonsense"
    scene.run()
    assert json.loads(scene.members.labels["skp.digests"]) == {"skp/x:1": [ONE]}
    for name in ("digest-record", "digest-forget", "decision-stop"):
        scene = SCENES[name]()
        scene.members.labels["skp.digests"] = "nonsense"
        scene.run()
        assert scene.members.labels["skp.digests"] == "nonsense"


def test_what_runs_is_recorded_where_nothing_is() -> None:
    scene = SCENES["digest-record"]()
    scene.operation = RecordRunning("c01", {"skp/x:1": ONE})
    assert changed(scene)["skp/x:1"] == [ONE]
    scene.operation = RecordRunning("c01", {"skp/x:1": ONE})
    assert changed(scene, TWO)["skp/x:1"] == [TWO]


def test_what_is_forgotten_has_no_digest_any_more() -> None:
    scene = SCENES["digest-forget"]()
    scene.operation = ForgetImage("c01", "skp/x:1")
    assert changed(scene, ONE, TWO) == OTHER
    assert changed(scene) == OTHER
