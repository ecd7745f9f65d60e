"""What root of one node, or a user of the shared folder, may put there: it decides nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import services
from cli.output import log_line
from cluster.config import secrets, secrets_file
from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets
from cluster.errors import ConfigErrors
from cluster.facts.cluster import observe_cluster
from cluster.model.answer import Unanswered
from cluster.model.state import LABEL_FIELDS, LABEL_SERVICE
from tests.support.fake_cluster import HOSTS, FakeCluster, after_apply, again
from tests.support.fakes import done

CHOSEN = StoredSecrets(
    {SPEC_KEY: Secret("x"), "JUPYTER_PASSWORD": Secret("of-c03"), "PATH": Secret("/tmp/evil")},
    999_999,
)


def made(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    """Return a cluster before anything runs there: c01 and c02 are managers, c03 a worker."""
    hosts = {name: dict(told) for name, told in HOSTS.items()}
    hosts["c01"]["labels"] = [{"jupyter": "enable"}, {"kafka": "enable"}]
    hosts["c03"] |= {"groups": ["worker"], "labels": [{"jupyter": "enable"}]}
    return FakeCluster(folder, patch, hosts)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The cluster once `docker.apply` has made it."""
    return after_apply(tmp_path_factory.mktemp("made"), made)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: dict[str, Any]) -> FakeCluster:
    return again(tmp_path, monkeypatch, made, saved)


def made_before(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    """Return a cluster that has one tree, and one user id: its owner's."""
    cluster = made(folder, patch)
    del cluster.labels["skp.layout"]
    return cluster


@pytest.fixture(scope="module")
def saved_before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same with one tree."""
    return after_apply(tmp_path_factory.mktemp("before"), made_before)


@pytest.fixture
def one_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved_before: dict[str, Any]
) -> FakeCluster:
    return again(tmp_path, monkeypatch, made_before, saved_before)


def local(tmp_path: Path) -> StoredSecrets:
    return secrets_file.read(tmp_path / secrets_file.FILE)


def changed(cluster: FakeCluster, part: str = "") -> set[str]:
    """Return the nodes on which something may have changed, by a line that has `part`."""
    found = {name: machine.changes() for name, machine in cluster.machines.items()}
    return {name for name, lines in found.items() if any(part in line for line in lines)}


def test_a_worker_dictates_no_secret(cluster: FakeCluster, tmp_path: Path) -> None:
    before = local(tmp_path)
    cluster["c03"].secrets = CHOSEN.dumps()
    assert cluster.run("docker.apply") == 0
    assert local(tmp_path) == before
    assert [secrets.parse(cluster[name].secrets) for name in ("c01", "c02")] == [before, before]
    assert cluster.changes() == []


def test_a_manager_that_jumps_ahead_dictates_no_secret_either(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = local(tmp_path)
    cluster["c02"].secrets = CHOSEN.dumps()
    assert cluster.run("docker.apply") == 2
    said = capsys.readouterr().err
    assert "c02: its stored secrets claim 999998 changes" in said
    assert "of-c03" not in said
    assert local(tmp_path) == before
    assert cluster.changes() == []


def test_a_lost_copy_of_this_machine_comes_back(cluster: FakeCluster, tmp_path: Path) -> None:
    before = local(tmp_path)
    (tmp_path / secrets_file.FILE).unlink()
    assert cluster.run("docker.apply", "registry") == 0
    assert secrets.parse(cluster.master.secrets) == before


@pytest.mark.parametrize("answer", ["sudo refuses", "damaged"])
def test_secrets_that_can_not_be_read_are_not_made_anew(
    cluster: FakeCluster,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    before = cluster.master.secrets
    (tmp_path / secrets_file.FILE).unlink()
    told = {"sudo refuses": ["kept:"], "damaged": ["kept:", "half of '", "end:"]}[answer]
    for machine in cluster.machines.values():
        monkeypatch.setattr(machine, "_kept", lambda _: told)
    assert cluster.run("docker.apply") == 1
    assert "its stored secrets, /var/lib/skp/secrets.env," in capsys.readouterr().out
    assert not (tmp_path / secrets_file.FILE).exists()
    assert cluster.master.secrets == before
    assert cluster.changes() == []


def test_a_damaged_copy_is_replaced_by_a_whole_one(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine in cluster.machines.values():
        monkeypatch.setattr(machine, "_kept", lambda _: ["kept:", "half of '", "end:"])
    assert cluster.run("docker.apply") == 0
    assert changed(cluster, "cat >/var/lib/skp/secrets.env.new") == {"c01", "c02"}


def test_one_manager_that_can_not_be_read_is_named_and_the_others_serve(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster["c02"], "_kept", lambda _: ["kept:"])
    assert cluster.run("docker.apply") == 1
    assert "c02 secrets: its stored secrets" in capsys.readouterr().out
    assert cluster.changes() == []


def silent(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Have c01's answer about its disk begin with these lines instead of the folder's owner."""
    disk = cluster.master._disk
    monkeypatch.setattr(
        cluster.master,
        "_disk",
        lambda command: "\n".join([*lines, disk(command).partition("\n")[2]]),
    )


OWNERS = [
    (("silent:",), "whose /home/skp/skp/volume is was not answered within 5 s"),
    ((), "/home/skp/skp/volume is not there"),
]


@pytest.mark.parametrize(("lines", "why"), OWNERS)
@pytest.mark.parametrize("service", ["kafka", "jupyter"])
def test_a_service_is_not_made_as_root_when_nobody_says_whose_the_folder_is(
    one_tree: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    service: str,
    lines: tuple[str, ...],
    why: str,
) -> None:
    silent(one_tree, monkeypatch, *lines)
    assert one_tree.run("docker.apply", service) == 1
    assert why in capsys.readouterr().out
    assert "c01" not in changed(one_tree)


def test_a_folder_of_roots_makes_no_service_root(
    one_tree: FakeCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent(one_tree, monkeypatch, "owner:0:0")
    assert one_tree.run("docker.apply", "kafka") == 1
    assert "/home/skp/skp/volume belongs to root" in capsys.readouterr().out
    assert one_tree.changes() == []


def test_root_as_everybodys_user_id_is_refused(
    cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigErrors, match=r"SKP_UID.*not 0"):
        FakeCluster(tmp_path, monkeypatch, SKP_UID="0")


def test_a_file_that_can_not_be_read_stops_its_service_and_no_other(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/var/kafka/data/meta.properties"
    silent(cluster, monkeypatch, f"unread:{path}", "owner:1000:1000")
    cluster.master.containers.clear()
    assert cluster.run("docker.apply", "kafka", "jupyter", "registry") == 1
    said = capsys.readouterr().out
    assert f"kafka-skp-1: {path} is there and could not be read" in said
    assert set(cluster.master.containers) == {"jupyter-skp", "registry-skp"}


LABELS: list[Any] = [
    [], 7, None, {"image": 7}, {"image": {"name": 7}}, {"environment": 7}, {"environment": [[1]]},
    {"files": [7]}, {"files": [{}]}, {"memory": "x"}, "not JSON",
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS, ids=map(str, LABELS))
def test_a_label_with_nonsense_costs_its_own_container_alone(
    cluster: FakeCluster, label: Any
) -> None:
    found = cluster["c03"].containers["jupyter-skp-c03"]["Config"]["Labels"]
    assert found[LABEL_SERVICE] == "jupyter"
    found[LABEL_FIELDS] = label if isinstance(label, str) else json.dumps(label)
    found["skp.spec"] = "of another"
    for name in ("skp.busy", "skp.after", "skp.ready", "skp.removal"):
        found[name] = json.dumps({"a": 1})
    assert cluster.run("docker.apply", "jupyter") == 0
    assert changed(cluster, "POST /containers/create") == {"c03"}


def test_an_answer_that_breaks_off_is_that_nodes_alone(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster["c03"].connection.on_run("stat -c owner:", done(1, "", "fish: Unknown command"))
    assert cluster.run("docker.apply") == 1
    assert "c03: its answer about its disk broke off: fish: Unknown" in capsys.readouterr().out
    assert cluster.changes() == []


def test_what_a_manager_could_not_say_is_unknown_in_the_view(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine in cluster.machines.values():
        monkeypatch.setattr(machine, "_kept", lambda _: ["kept:"])
    with cluster.fleet() as fleet:
        view = observe_cluster(cluster.declared, fleet, services.choose("jupyter"))
    assert isinstance(view.state.nodes["c01"].secrets, Unanswered)
    assert view.doubt is not None
    assert view.doubt[0] == "c01"


def test_a_worker_that_says_it_is_a_manager_demotes_nobody(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.entries["id-c02"]["Spec"]["Role"] == "manager"
    cluster["c03"].swarm["NodeID"] = "id-c02"
    assert cluster.run("docker.apply") == 1
    assert "it says that it is the Swarm's member id-c02, which is c02" in capsys.readouterr().out
    assert cluster.entries["id-c02"]["Spec"]["Role"] == "manager"


def test_a_worker_is_not_asked_for_what_the_swarm_remembers(cluster: FakeCluster) -> None:
    """Without a leader the managers can't say; a worker that offers to is not believed."""
    cluster["c03"].swarm["ControlAvailable"] = True
    cluster.forget_wire()
    cluster.run("docker.plan")
    assert "c01: GET /swarm" in cluster.wire
    cluster.down |= {"c01", "c02"}
    cluster.forget_wire()
    cluster.run("docker.plan")
    assert "c03: GET /swarm" not in cluster.wire


def test_a_command_in_a_marker_is_not_offered_for_pasting(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = "/home/skp/skp/platform/.skp"
    cluster.shared.clear()
    cluster["c03"].shared = {mark: "ok; sudo touch /opt/pwned; echo ok\n"}
    assert cluster.run("docker.apply") == 1
    said = capsys.readouterr().out
    assert f"echo found-again | sudo tee {mark}" in said
    assert "pwned" not in said


def test_a_colour_ends_with_its_line_and_nothing_is_concealed() -> None:
    assert log_line("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert log_line("plain") == "plain"
    for hidden in ("\x1b[8m", "\x1b[0;8m", "\x1b[08;31m"):
        assert log_line(f"{hidden}x") == "x"
