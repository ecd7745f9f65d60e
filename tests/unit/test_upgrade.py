"""A cluster that an earlier version made is as this version wants it: nothing is replaced.

`tests/golden/upgrade/VERSION.json` holds what that version told the engine for the cluster that
`cluster.json` describes, labels included; each secret was "the-secret-KEY".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import services
from cluster.config.secrets import SPEC_KEY, Resolved, Secret, StoredSecrets
from cluster.facts.nodes import found_container
from cluster.model.cluster import Cluster, View
from cluster.model.decisions import Decisions
from cluster.model.item import Keep, Kind
from cluster.model.spec import Image
from cluster.model.state import FoundNode, Membership, State, Swarm
from cluster.operations.container import CreateContainer
from cluster.operations.container_body import config
from cluster.plan.plan import make_plan
from cluster.plan.scope import Scope
from services.airflow import store
from services.airflow.service import SERVICE as AIRFLOW
from tests.support.described import described

FOLDER = Path(__file__).parent.parent / "golden" / "upgrade"
DESCRIBED: dict[str, Any] = json.loads((FOLDER / "cluster.json").read_text())
VERSIONS = sorted(path.stem for path in FOLDER.glob("[0-9]*.json"))


def made_by(version: str) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads((FOLDER / f"{version}.json").read_text())["containers"]
    return made


def wanted(folder: Path) -> Cluster:
    cluster = described(folder, DESCRIBED["hosts"], DESCRIBED["settings"])
    secrets = {**cluster.secrets, SPEC_KEY: Secret(f"the-secret-{SPEC_KEY}")}
    return Cluster(cluster.settings, cluster.inventory, secrets)


def digest(image: Image) -> str:
    return f"sha256:{image.reference.rsplit('/', 1)[-1].replace(':', '-')}"


def seen(cluster: Cluster, made: list[dict[str, Any]]) -> State:
    """Return the state of a cluster where these containers run, and work."""
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
    decisions = Decisions(numbers=DESCRIBED["numbers"])
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
    """Return what `docker.apply` would do about the services."""
    chosen = tuple(services.catalogue().values())
    scope = Scope("docker.apply", tuple(state.nodes), services=chosen)
    view = View(cluster, state, Resolved(cluster.secrets, StoredSecrets(), StoredSecrets()))
    return [item for item in make_plan(view, scope).items if item.kind is Kind.CONTAINER]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_earlier_version_made_is_kept(version: str, tmp_path: Path) -> None:
    made, cluster = made_by(version), wanted(tmp_path)
    items = planned(cluster, seen(cluster, made))
    changed = [(i.name, [str(d) for d in i.differences]) for i in items if not isinstance(i, Keep)]
    assert changed == []
    assert {(i.node, i.name) for i in items} == {(c["node"], c["name"]) for c in made}


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
        assert body.pop("Labels") == before["labels"], item.name
        assert body == before["body"], item.name
