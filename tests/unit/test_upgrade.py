"""A cluster that an earlier version made is as this version wants it: nothing is replaced.

`tests/golden/upgrade/VERSION.json` holds what that version told the engine for the cluster that
`cluster.json` describes, labels included; each secret was "the-secret-KEY".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import services
from cluster.config.secrets import SPEC_KEY, Resolved, Secret, StoredSecrets
from cluster.facts.nodes import found_container
from cluster.model.cluster import Cluster, View
from cluster.model.decisions import Decisions
from cluster.model.item import Keep, Kind
from cluster.model.layout import Layout
from cluster.model.spec import ROOT, Image, Source
from cluster.model.state import LABEL_FIELDS, LABEL_SPEC, FoundNode, Membership, State, Swarm
from cluster.operations.container import CreateContainer, ReplaceContainer
from cluster.operations.container_body import config
from cluster.operations.digests import RecordRunning
from cluster.plan.plan import make_plan
from cluster.plan.scope import Scope
from services.airflow import store
from services.airflow.service import SERVICE as AIRFLOW
from services.volumes.credentials import Accepted
from services.volumes.key_pair import key_pair
from tests.support.described import described
from tests.support.digests import digest as real_digest

LATER = {"api-skp", "flask-skp", "gate-skp", "gateway-skp", "git-skp", "nginx-skp"}
"""Containers of services that were no part of an earlier version."""
CONFINES = {
    "CapAdd", "CapDrop", "LogConfig", "NetworkMode", "PidsLimit", "ReadonlyRootfs", "ShmSize",
    "Tmpfs",
}  # fmt: skip
FOLDER = Path(__file__).parent.parent / "golden" / "upgrade"
DESCRIBED: dict[str, Any] = json.loads((FOLDER / "cluster.json").read_text())
VERSIONS = sorted(path.stem for path in FOLDER.glob("[0-9]*.json"))


def made_by(version: str) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads((FOLDER / f"{version}.json").read_text())["containers"]
    return made


def wanted(folder: Path, layout: Layout = Layout.ONE_TREE) -> Cluster:
    cluster = described(folder, DESCRIBED["hosts"], DESCRIBED["settings"])
    secrets = {**cluster.secrets, SPEC_KEY: Secret(f"the-secret-{SPEC_KEY}"), **accepted(cluster)}
    return Cluster(cluster.settings, cluster.inventory, secrets, layout=layout)


def accepted(cluster: Cluster) -> dict[str, Secret]:
    """Return what the commands for data volumes leave behind once servers accepted everything."""
    text = cluster.settings.text
    ours = key_pair(cluster.secrets["SSHFS_KEY"]).fingerprint
    return {
        "SSHFS_ACCEPTED": Accepted(
            text("SSHFS_ID"), text("SSHFS_HOST"), "ssh-ed25519 AAAA", ours
        ).stored(),
        "S3_ACCEPTED": Secret(f"{text('S3_ACCESS_ID')}:key"),
        "BLOB_ACCEPTED": Secret(f"{text('BLOB_ACCOUNT_NAME')}:QUJD"),
    }


def digest(image: Image) -> str:
    return f"sha256:{image.reference.rsplit('/', 1)[-1].replace(':', '-')}"


def seen(
    cluster: Cluster,
    made: list[dict[str, Any]],
    record: Mapping[str, tuple[str, ...]] | None = None,
) -> State:
    """Return the state of a cluster where these containers run, and work.

    Args:
        record: the digests on record; None for those of all images.
    """
    images = {i: digest(i) for s in services.catalogue().values() for i in s.images(cluster)}
    (airflow,) = AIRFLOW.images(cluster)
    # What Airflow's setup leaves behind once its tables are made.
    tables = {store.mark(cluster): f"{store.place(cluster)} {digest(airflow)}\n"}
    nodes = {
        host.name: FoundNode(
            host.name,
            host.name,
            "26",
            Membership("active", f"id-{host.name}", control=True, address=host.ipv4),
            {
                c["name"]: found_container(as_inspected(c), {})
                for c in made
                if c["node"] == host.name
            },
            owner="1000:1000",
            images=images,
            marker_files=tables,
        )
        for host in cluster.inventory.hosts
    }
    on_record = {image.name: (digest(image),) for image in images} if record is None else record
    decisions = Decisions(numbers=DESCRIBED["numbers"], digests=on_record, layout=Layout.ONE_TREE)
    network = {cluster.settings.text("SKP_NET"): ""}
    return State(nodes, {}, Swarm("c01", "s", {}, decisions, network, {}, tuple(nodes)))


def as_inspected(made: dict[str, Any]) -> dict[str, Any]:
    """Return what an engine would tell of a container that was made so, and works."""
    return {
        "Name": f"/{made['name']}",
        "Id": f"id-{made['name']}",
        "Config": {"Image": made["image"], "Labels": made["labels"]},
        "State": {"Status": "running", "StartedAt": "", "Health": {"Status": "healthy"}},
    }


def planned(cluster: Cluster, state: State) -> list[Any]:
    """Return what `docker.apply` would do about the services' containers."""
    items = [item for item in plan(cluster, state) if item.kind is Kind.CONTAINER]
    return [item for item in items if item.name not in LATER]


def plan(cluster: Cluster, state: State) -> list[Any]:
    """Return what `docker.apply` would do about the services."""
    chosen = tuple(services.catalogue().values())
    scope = Scope("docker.apply", tuple(state.nodes), services=chosen)
    view = View(cluster, state, Resolved(cluster.secrets, StoredSecrets(), StoredSecrets()))
    return list(make_plan(view, scope).items)


# By the number in a container's description: what may differ when every container is replaced once.
CONFINED = {"confinement", "capabilities", "disk", "mounts", "pids", "read_only", "scratch"}
# Of data volumes' containers too: their credentials are files of their own. Of MySQL's: root
# logs in from its own container alone.
MORE = {
    "volumes": {"network", "user", "environment CREDENTIALS"},
    "portainer": {"user", "entrypoint", "image", "file agent-secret"},  # its server's, by a shell
    "mysql": {"file init.sql"},
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_earlier_version_made_is_replaced_once_to_be_confined(
    version: str, tmp_path: Path
) -> None:
    made, cluster = made_by(version), wanted(tmp_path)
    items = planned(cluster, seen(cluster, made))
    assert {(i.node, i.name) for i in items} == {(c["node"], c["name"]) for c in made}
    for item in items:
        assert isinstance(item, ReplaceContainer), item
        names = {str(d).partition(":")[0] for d in item.differences}
        different = {n for n in names if not (item.service == "volumes" and n.startswith("file "))}
        assert "confinement" in different
        assert different <= CONFINED | MORE.get(item.service, set())


@pytest.mark.parametrize("version", VERSIONS)
def test_ports_listen_as_before_until_somebody_agreed(version: str, tmp_path: Path) -> None:
    made = made_by(version)
    for layout in Layout:
        cluster = wanted(tmp_path, layout)
        told = [str(d) for i in planned(cluster, seen(cluster, made)) for d in i.differences]
        assert any(each.startswith("ports") for each in told) == (layout is Layout.TWO_TREES)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_made_so_is_kept(version: str, tmp_path: Path) -> None:
    made, cluster = made_by(version), wanted(tmp_path)
    items = planned(cluster, seen(cluster, made))
    bodies = {i.key: json.loads(json.dumps(config(i.container, dict(i.labels)))) for i in items}
    now = [
        {"node": i.node, "name": i.name, "image": i.container.image.reference,
         "labels": bodies[i.key]["Labels"]}
        for i in items
    ]  # fmt: skip
    kept = planned(cluster, seen(cluster, now))
    assert [item for item in kept if not isinstance(item, Keep)] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_runs_becomes_the_record_and_nothing_else_is_replaced_for_it(
    version: str, tmp_path: Path
) -> None:
    made = json.loads(
        re.sub(
            r"sha256:([a-z-]+)-latest",
            lambda found: real_digest(found[1]),
            json.dumps(made_by(version)),
        )
    )
    cluster = wanted(tmp_path)
    state = seen(cluster, made, {})
    (recorded,) = [i for i in plan(cluster, state) if isinstance(i, RecordRunning)]
    images = {i for s in services.catalogue().values() for i in s.images(cluster)}
    names = ("api", "flask", "gate", "gateway", "git", "nginx", "prometheus")
    later = {f"skp/docker-{name}:latest" for name in names}
    ours = {i.name for i in images if i.source is Source.REGISTRY} - later
    assert recorded.digests == {
        name: real_digest(name.partition("/")[2].removesuffix(":latest")) for name in ours
    }
    afterwards = {name: (found,) for name, found in recorded.digests.items()}
    assert planned(cluster, state) == planned(cluster, seen(cluster, made, afterwards))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_engine_is_told_what_an_earlier_version_told_it(version: str, tmp_path: Path) -> None:
    cluster = wanted(tmp_path)
    by_name = {(c["node"], c["name"]): c for c in made_by(version)}
    state = seen(cluster, [])
    found = [i for i in planned(cluster, state) if isinstance(i, CreateContainer)]
    assert len(found) > 20
    for item in found:
        body = json.loads(json.dumps(config(item.container, dict(item.labels))))
        before = by_name[item.node, item.name]
        labels = {
            k: v for k, v in body.pop("Labels").items() if k not in (LABEL_SPEC, LABEL_FIELDS)
        }
        assert labels == {k: before["labels"][k] for k in labels}, item.name
        if item.name == "portainer-skp":
            assert (body.pop("Entrypoint")[0], body["Image"][-7:]) == ("/bin/sh", "-alpine")
            body["Image"] = body["Image"].removesuffix("-alpine")
        assert outside(body) == outside(before["body"]), item.name


def outside(body: dict[str, Any]) -> dict[str, Any]:
    """Return what the engine is told of a container but for how it is confined."""
    host = {k: v for k, v in body["HostConfig"].items() if k not in CONFINES}
    host["Mounts"] = [mount for mount in host["Mounts"] if not _by_itself(mount["Target"], body)]
    network = body.get("NetworkingConfig")
    user = body["User"] or ROOT  # what an image's own user was
    environment = [line for line in body["Env"] if not line.startswith("CREDENTIALS=")]
    own = {"NetworkingConfig": network, "Hostname": "", "User": user, "Env": environment}
    return {**body, "HostConfig": host, **own}


def _by_itself(target: str, body: dict[str, Any]) -> bool:
    """Whether a mount is one by which containers differ from what they were."""
    own = target.startswith(("/run/credentials", "/run/skp")) and "docker-fuse" in body["Image"]
    return target in ("/etc/hosts", "/tmp", "/var/tmp") or own
