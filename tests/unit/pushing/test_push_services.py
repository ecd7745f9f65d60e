"""The two services as they are declared, and how nodes let the gate in."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import services
from cli import holding
from cluster.config import inventory
from cluster.errors import NodeError
from cluster.model.cluster import Cluster
from cluster.model.policy import Progress
from cluster.model.spec import HOST, Container, SecretFile
from cluster.model.state import FoundNode, Membership, State
from cluster.operations import image
from cluster.operations.base import Context
from services import git
from services.gate import service as gate
from services.gate.admission import LetGateIn
from tests.support.described import NOTHING, described
from tests.support.fakes import done, fake_fleet

BUILT = frozenset(f"skp/docker-{name}:latest" for name in ("flask", "gate", "git"))
HOSTS = {
    "c01": {"ipv4": "10.0.0.1", "groups": ["master", "manager"], "labels": [{"mysql": "enable"}]},
    "c02": {"ipv4": "10.0.0.2", "groups": ["worker"], "labels": [], "user": "ops", "port": 2200},
}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster with accounts, whose images were built."""
    values = {"DEPLOY_MEMORY": "512m", "JUPYTER_PASSWORD": "a long word"}
    return replace(described(tmp_path, HOSTS, values), recorded=BUILT)


def node(name: str, **files: str) -> FoundNode:
    member = Membership("active", name, control=True)
    return FoundNode(name, name, "26", member, {}, marker_files=files)


def one(service: Any, cluster: Cluster, facts: State = NOTHING) -> Container:
    (found,) = service.containers(cluster, facts)
    assert isinstance(found, Container)
    return found


@pytest.mark.parametrize("missing", sorted(BUILT))
def test_they_run_on_the_master_once_all_that_they_need_was_built(
    missing: str, cluster: Cluster
) -> None:
    assert [host.name for host in git.SERVICE.hosts(cluster)] == ["c01"]
    without = replace(cluster, recorded=BUILT - {missing})
    assert git.SERVICE.hosts(without) == ()
    assert "docker.image-build" in git.SERVICE.no_host_error(without).hint


def test_the_gate_publishes_nothing_and_shares_a_socket_with_git_alone(cluster: Cluster) -> None:
    first, second = one(gate.SERVICE, cluster), one(git.SERVICE, cluster)
    assert (first.network, first.ports, first.capabilities, first.read_only) == (HOST, (), (), True)
    assert (first.user, second.user) == ("58022:58021", "58021:58021")
    shared = {m.source for m in first.mounts} & {m.source for m in second.mounts}
    assert shared == {"/var/lib/skp/gate"}
    assert [m.read_only for m in second.mounts if m.source in shared] == [True]
    assert {port.host for port in second.ports} == {2222}
    of_api = {m.target: m for m in first.mounts}["/run/gate-api"]
    assert (of_api.source, of_api.owner) == ("/var/lib/skp/gate-api", "58022:58023")
    peers = {file.name: file.content for file in first.files if file.name.startswith("peers")}
    assert peers == {"peers": "58021\n", "peers-api": "58023\n"}
    others = [
        (s.name, m.source)
        for s in services.catalogue().values() if s.name not in ("gate", "git", "api")
        for c in s.containers(cluster, NOTHING) for m in c.mounts
    ]  # fmt: skip
    assert [each for each in others if each[1].startswith(("/var/lib/skp/gate",))] == []


def test_the_gate_is_told_settings_and_nodes_and_no_secret_but_its_key(
    cluster: Cluster, tmp_path: Path
) -> None:
    found = one(gate.SERVICE, cluster)
    files = {file.name: file for file in (*found.files, *found.live)}
    assert [n for n, file in files.items() if isinstance(file, SecretFile)] == ["id_ed25519"]
    path = tmp_path / "told.sh"
    path.write_text(str(files["env.sh"].content))
    told = services.read_settings(path, {})
    assert (told.text("DEPLOY_MEMORY"), told.flag("SKP_LOCAL")) == ("512m", False)
    assert "a long word" not in path.read_text()
    own = {"SKP_ETC", "SKP_HOSTS", "SKP_SSH_CONFIG", "SKP_LOCAL"}
    theirs = {k: v for k, v in told.plain.items() if k not in own}
    assert theirs == {k: v for k, v in cluster.settings.plain.items() if k not in own}
    hosts = tmp_path / "told.json"
    hosts.write_text(str(files["hosts.json"].content))
    assert inventory.read(hosts, services.labels()).hosts == cluster.inventory.hosts


def test_the_gate_knows_the_host_keys_that_nodes_have_themselves(cluster: Cluster) -> None:
    keys = dict(zip(gate.HOST_KEYS, ("ssh-ed25519 AAAA root@c02\n", "x", ""), strict=True))
    facts = State({"c01": node("c01"), "c02": node("c02", **keys)}, {}, None)
    found = one(gate.SERVICE, cluster, facts)
    (known,) = (file.content for file in found.live if file.name == "known_hosts")
    assert known == "[10.0.0.2]:2200 ssh-ed25519 AAAA\n"


def test_nodes_that_do_not_let_it_in_yet_are_told_its_key(cluster: Cluster) -> None:
    line = gate.authorized(cluster)
    assert line.startswith('from="10.0.0.1",restrict,port-forwarding ssh-ed25519 ')
    facts = State({"c01": node("c01", **{gate.MARK: f"{line}\n"}), "c02": node("c02")}, {}, None)
    (found,) = gate.SERVICE.after_run(cluster, facts)
    assert found == LetGateIn("c02", "ops", line, gate.MARK)


def test_a_nodes_file_of_keys_is_exchanged_and_then_noted() -> None:
    fleet = fake_fleet("c01", "c02")
    connection = fleet.connections["c02"]
    connection.on_run("sudo -n", done())
    operation = LetGateIn("c02", "ops", "a line", "/var/lib/skp/gate-key")
    operation.execute(Context(fleet, Progress(lambda _: None)))
    first, second = (str(each) for each in connection.commands)
    assert "authorized_keys" in first
    assert "gate-key" in second


@pytest.mark.parametrize("result", ['{"ok": true}', '{"ok": false, "error": "no manager answers"}'])
def test_the_gate_is_asked_to_hold_each_project(
    result: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, told = fake_fleet("c01"), list[str]()
    said = f'{{"line": "  vision/web: it differs"}}\n{{"result": {result}}}\n'
    fleet.connections["c01"].on_run("docker exec gate-skp gate-hold vision", done(0, said))
    monkeypatch.setattr(holding.pushing, "projects", lambda *_: ["vision"])
    session: Any = SimpleNamespace(
        fleet=lambda _: nullcontext(fleet), cluster=lambda _: cluster, say=told.append,
        inventory=cluster.inventory, options=SimpleNamespace(dry=False),
    )  # fmt: skip
    if "true" in result:
        holding.hold(session)
    else:
        with pytest.raises(NodeError, match="could not be held"):
            holding.hold(session)
    assert told == ["vision/web: it differs"]


def test_git_is_told_where_accounts_are_and_how_much_is_taken(cluster: Cluster) -> None:
    found = {file.name: file.content for file in one(git.SERVICE, cluster).files}
    assert found["accounts-url"] == "http://flask-skp:8060\n"
    assert found["limits"] == f"{256 << 20} {2 << 30}\n"
    assert git.address(cluster, "vision") == "ssh://git@10.0.0.1:2222/vision.git"


def test_the_gates_image_is_built_with_skps_own_code() -> None:
    with tarfile.open(fileobj=io.BytesIO(image._context("docker-gate"))) as archive:
        names = archive.getnames()
    assert {"gate/worker.py", "cli/deployments.py", "images/docker-gate/Dockerfile"} <= set(names)
    assert [name for name in names if "__pycache__" in name or name.startswith("tests")] == []
    with tarfile.open(fileobj=io.BytesIO(image._context("docker-git"))) as archive:
        assert {name.partition("/")[0] for name in archive.getnames()} == {"images"}


def test_its_packages_are_those_of_the_project() -> None:
    top = Path("requirements.txt").read_text()
    for line in Path("images/docker-gate/requirements.txt").read_text().splitlines()[1:]:
        assert line in top, line
    assert json.loads(Path("etc/deployment.schema.json").read_text())
