"""A scene for every operation of cluster/operations in which all goes well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets
from cluster.model.files import Credential, NodeFile
from cluster.model.item import Difference
from cluster.model.layout import Folder, Move
from cluster.model.policy import Busy
from cluster.model.spec import Image, SecretFile, Source
from cluster.model.state import LABEL_OWNED
from cluster.operations import (
    container,
    container_run,
    decisions,
    digests,
    engine_restart,
    files,
    image,
    image_removal,
    leave,
    network,
    swarm,
    swarm_entry,
    trees,
)
from cluster.operations.base import Operation
from tests.support.fake_repository import FakeRepository
from tests.support.fake_swarm import FakeSwarm
from tests.support.fakes import done, events, fake_fleet, refusal, reply
from tests.support.scenes import (
    CONTAINER,
    DIGEST,
    HUSH,
    KEY,
    Scene,
    found,
    made_of,
    replacing,
    with_containers,
)

JOB = replace(CONTAINER, name="x-setup", probe=None, restart="no")
FILE = NodeFile("/etc/skp/a b", "content\n", 0o755, "/usr/local/bin/a", then="reload it")
DEBIAN = Image("debian", "12", Source.STREAM)


def creating() -> Scene:
    made = made_of(CONTAINER)
    fleet, containers = with_containers()
    return Scene(fleet, container.CreateContainer(CONTAINER, DIGEST, made, "c01"), containers)


def starting(status: str = "exited") -> Scene:
    there = found(CONTAINER, status=status)
    fleet, containers = with_containers(there)
    return Scene(fleet, container.StartContainer(CONTAINER, there), containers)


def exchanging(live: str = HUSH) -> Scene:
    wanted = replace(CONTAINER, live=(SecretFile("routes.yml", Secret(live)),), live_mark="a1b2")
    fleet, containers = with_containers(found(CONTAINER))
    return Scene(fleet, container.AdjustContainer(wanted), containers)


def waiting() -> Scene:
    fleet, containers = with_containers(found(CONTAINER))
    return Scene(fleet, container.WaitForContainer(CONTAINER), containers)


def restarting(policy: Busy = Busy.SKIP, **changes: Any) -> Scene:
    there = found(CONTAINER, **changes)
    fleet, containers = with_containers(there)
    operation = container.RestartContainer("c01", there.name, there, policy)
    return Scene(fleet, operation, containers)


def removing(policy: Busy = Busy.SKIP, **changes: Any) -> Scene:
    there = found(CONTAINER, **changes)
    fleet, containers = with_containers(there)
    containers.files[there.name] = {"password": HUSH}
    operation = container.RemoveContainer("c01", there.name, there, policy)
    return Scene(fleet, operation, containers)


def commanding() -> Scene:
    fleet = fake_fleet("c01")
    fleet.connections["c01"].on_run("docker exec x-skp", done(stderr="1 of 2\nall is set up\n"))
    return Scene(fleet, container_run.RunCommand("c01", "x-skp", ("set up", "database"), 30))


def job() -> Scene:
    made = made_of(JOB)
    fleet, containers = with_containers()
    containers.ends = 0
    return Scene(fleet, container_run.RunJob(JOB, DIGEST, made, "c01", 30), containers)


def _deciding(operation: Operation) -> Scene:
    fleet = fake_fleet("c01")
    there = FakeSwarm(fleet)
    there.labels = {"theirs": "1", "skp.held": "y"}
    return Scene(fleet, operation, swarm=there)


def saving_secrets() -> Scene:
    fleet = fake_fleet("c01")
    fleet.connections["c01"].on_run("sudo", done())
    kept = StoredSecrets({"X_PASSWORD": Secret(HUSH), SPEC_KEY: KEY}, 3)
    return Scene(fleet, decisions.SaveSecrets("c01", kept))


def on_disk(operation: Operation) -> Scene:
    fleet = fake_fleet("c01")
    fleet.connections["c01"].on_run("", done())
    return Scene(fleet, operation)


def building() -> Scene:
    fleet = fake_fleet("c01")
    said = "#1 [base 1/2] FROM debian\n#1 DONE 7.1s\n"
    fleet.connections["c01"].on_run("build.sh", done(stdout="sha256:1\n", stderr=said))
    return Scene(fleet, image.BuildImage("c01", Image("skp/docker-ds", "1.0")))


def pulling() -> Scene:
    fleet = fake_fleet("c01")
    fleet.connections["c01"].on("POST /images/create", events({"status": "Downloaded"}))
    return Scene(fleet, image.PullImage("c01", DEBIAN))


def _sizes(scene: Scene, *sizes: int) -> Scene:
    scene.c01.on("GET /system/df", *(reply({"LayersSize": size}) for size in sizes))
    return scene


def removing_image() -> Scene:
    scene = Scene(fake_fleet("c01"), image_removal.RemoveImage("c01", "localhost:5000/skp/x:1"))
    scene.c01.on("DELETE /images/*", reply([{"Untagged": "x"}]))
    return _sizes(scene, 5_000_000, 2_000_000)


def untagging() -> Scene:
    fleet = fake_fleet("c01")
    FakeRepository(fleet.connections["c01"]).tags = {"1": "sha256:one", "2": "sha256:two"}
    return Scene(fleet, image_removal.UntagImage("c01", Image("skp/x", "1")))


def pruning() -> Scene:
    scene = Scene(fake_fleet("c01"), image_removal.PruneImages("c01", ("sha256:a", "sha256:b")))
    gone = refusal(404, "No such image: sha256:a")
    named = {"RepoTags": ["x:1"], "RepoDigests": ["x@sha256:9"]}
    scene.c01.on("GET /images/sha256:a/json", reply(named), reply({"RepoTags": None}), gone)
    scene.c01.on("GET /images/sha256:b/json", refusal(404, "No such image: sha256:b"))
    scene.c01.on("DELETE /images/*", reply([]))
    return _sizes(scene, 5_000_000, 2_000_000)


def pruning_cache() -> Scene:
    scene = Scene(fake_fleet("c01"), image_removal.PruneBuildCache("c01"))
    scene.c01.on("POST /build/prune", reply({"SpaceReclaimed": 7_000_000}))
    return scene


def networking() -> Scene:
    fleet = fake_fleet("c01")
    fleet.connections["c01"].on_run("/sys/class/net", done(stdout="1400\n"))
    fleet.connections["c01"].on("POST /networks/create", reply({"Id": "n"}, 201))
    return Scene(fleet, network.CreateNetwork("c01", "net-skp", "10.90.0.0/16", 0))


def _swarming(operation: Operation, *members: tuple[str, str]) -> Scene:
    """Return a scene with two nodes, and entries of the Swarm by name and role."""
    fleet = fake_fleet("c01", "c02")
    there = FakeSwarm(fleet)
    for name, role in members:
        there.add(f"id-{name}", name, role)
    return Scene(fleet, operation, swarm=there)


def joining() -> Scene:
    token = Secret("SWMTKN-1-hush-hush")
    addresses = ("10.0.0.1:2377",)
    operation = swarm.JoinSwarm("c02", "manager", "c01", addresses, token, ("id-c02",))
    return _swarming(operation, ("c01", "manager"), ("c02", "worker"))


def sweeping() -> Scene:
    scene = _swarming(swarm.SweepJoins("c01", ("id-lost",)), ("c01", "manager"), ("lost", "worker"))
    scene.members.entries["id-lost"]["Description"] = {}
    return scene


def labelling() -> Scene:
    changed = (
        Difference("jupyter", "enable", None),
        Difference("spark", None, "enable"),
        Difference("kafka", None, "enable"),
    )
    operation = swarm_entry.SetLabels("c02", "id-c02", "c01", "jupyter,mysql", changed)
    scene = _swarming(operation, ("c01", "manager"), ("c02", "worker"))
    there = {"theirs": "1", "spark": "enable", LABEL_OWNED: "spark,mysql"}
    scene.members.entries["id-c02"]["Spec"]["Labels"] = there
    return scene


def _two(operation: Operation, role: str = "worker") -> Scene:
    return _swarming(operation, ("c01", "manager"), ("c02", role))


def restarting_engine(*running: str, **changes: Any) -> Scene:
    """The manager c02 is to know its GPU, which its engine and the Swarm know then."""
    operation = engine_restart.RestartEngine(
        "c02", ("GPU-5a2c",), ("c02", "c01"), interrupts=True, order=1
    )
    scene = _two(replace(operation, **changes), "manager")
    known = [{"NamedResourceSpec": {"Kind": "GPU", "Value": "GPU-5a2c"}}]
    entry, c02 = scene.members.entries["id-c02"], scene.fleet.connections["c02"]
    entry["Description"]["Resources"] = {"GenericResources": known}
    entry |= {"Status": {"State": "ready"}, "ManagerStatus": {"Reachability": "reachable"}}
    member = {"LocalNodeState": "active", "NodeID": "id-c02"}
    c02.on("GET /info", reply({"Name": "c02", "Swarm": member, "GenericResources": known}))
    listed = [{"Id": name, "Names": [f"/{name}"]} for name in running]
    c02.on("GET /containers/json", reply(listed), reply([]))
    c02.on_run("pidof dockerd", done())
    c02.on_run("start-ours", done())
    return scene


_SHARED = Credential("/srv/skp/volume", "x/password", Secret(HUSH))

_TREES = (
    "c01", "/srv/skp/platform", ("/srv/skp/volume",),
    (Folder("/srv/skp/platform/x", "58011:58011", 0o750),), "58000:58000", (1000,), "marker",
)  # fmt: skip
_MOVE = Move("/srv/skp/volume/var/x", "/srv/skp/platform/x")

SCENES: Mapping[str, Callable[[], Scene]] = {
    "container-create": creating,
    "container-replace": replacing,
    "container-start": starting,
    "container-unpause": partial(starting, "paused"),
    "container-wait": waiting,
    "container-exchange": exchanging,
    "container-restart": restarting,
    "container-remove": removing,
    "container-command": commanding,
    "container-job": job,
    "decision-stop": lambda: _deciding(decisions.StopService("c01", "x")),
    "decision-release": lambda: _deciding(decisions.ReleaseService("c01", "y", {"Y_PORT": "1"})),
    "decision-options": lambda: _deciding(decisions.SetOptions("c01", "x", {"X_PORT": "2"})),
    "decision-pin": lambda: _deciding(decisions.PinImages("c01", "x", {"skp/x:1": DIGEST})),
    "decision-ordinals": lambda: _deciding(decisions.RememberOrdinals("c01", "x", {"c01": "1"})),
    "decision-place": lambda: _deciding(decisions.RememberPlace("c01", "x-skp", {"c01": "id-c01"})),
    "decision-left": lambda: _deciding(decisions.ForgetPlace("c01", "x-skp", "c02")),
    "decision-move": lambda: _deciding(decisions.BeginMove("c01")),
    "decision-layout": lambda: _deciding(decisions.SettleLayout("c01")),
    "trees-arrange": lambda: on_disk(trees.ArrangeFolders(*_TREES)),
    "trees-move": lambda: on_disk(trees.MoveData(*_TREES, moves=(_MOVE,))),
    "trees-member": lambda: on_disk(trees.JoinUsersGroup("c01", 58000, "skp")),
    "digest-admit": lambda: _deciding(digests.AdmitImage("c01", "skp/x:1", DIGEST)),
    "digest-record": lambda: _deciding(digests.RecordRunning("c01", {"skp/x:1": DIGEST})),
    "digest-forget": lambda: _deciding(digests.ForgetImage("c01", "skp/x:1")),
    "secrets-save": saving_secrets,
    "file-install": lambda: on_disk(files.InstallFile("c01", FILE)),
    "file-remove": lambda: on_disk(files.RemoveFile("c01", FILE)),
    "credential-save": lambda: on_disk(files.SaveCredential("c01", "x/password", _SHARED)),
    "image-build": building,
    "image-pull": pulling,
    "image-remove": removing_image,
    "image-untag": untagging,
    "image-prune": pruning,
    "image-prune-cache": pruning_cache,
    "network-create": networking,
    "swarm-init": lambda: _swarming(swarm.InitSwarm("c01")),
    "swarm-join": joining,
    "swarm-wait": lambda: _swarming(swarm.WaitForMember("c01", "manager", "look at it")),
    "swarm-sweep": sweeping,
    "entry-labels": labelling,
    "entry-role": lambda: _two(swarm_entry.SetRole("c02", "manager", "id-c02", "c01")),
    "entry-drain": lambda: _two(swarm_entry.DrainNode("c02", "id-c02", "c01")),
    "entry-activate": lambda: _two(swarm_entry.ActivateNode("c02", "id-c02", "c01")),
    "leave-manager": lambda: _two(
        leave.LeaveSwarm("c02", "id-c02", "manager", "c01", 1), "manager"
    ),
    "leave-worker": lambda: _two(leave.LeaveSwarm("c02", "id-c02", "worker", "c01", 1)),
    "leave-last": lambda: _two(leave.LeaveSwarm("c01", "id-c01", "manager", "c01", 2)),
    "engine-restart": lambda: restarting_engine("web"),
    "engine-restart-idle": restarting_engine,
    "leave-forget": lambda: _two(leave.ForgetNode("c02", "id-c02", "c01", 1), "manager"),
}
