"""What the gate tells of the cluster: read once for all who ask, and never as if it were gone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.errors import NodeError, SkpError
from gate import connected as connections
from gate import reader as reading
from gate.connected import Connected
from gate.fresh import Fresh
from gate.looking import Look, nodes
from gate.reader import Reader
from gate.refusing import Kind, RefusedError
from gate.telling import log
from tests.support.eventually import eventually

ROWS = [
    {"id": number, "project": project, "deployment": name, "phase": "Running", "reasons": []}
    for number, (project, name) in enumerate((("vision", "web"), ("other", "web")))
]


class Asked:
    """Counts how often it is asked, and answers when it may."""

    def __init__(self) -> None:
        self.count, self.may_end = 0, threading.Event()
        self.error: Exception | None = None

    def __call__(self) -> int:
        self.count += 1
        assert self.may_end.wait(5)
        if self.error:
            raise self.error
        return self.count


def at_once(count: int, do: Callable[[], Any]) -> tuple[list[Any], list[threading.Thread]]:
    found: list[Any] = []

    def tried() -> None:
        try:
            found.append(do())
        except SkpError as error:
            found.append(error.what)

    threads = [threading.Thread(target=tried) for _ in range(count)]
    for each in threads:
        each.start()
    return found, threads


@pytest.mark.parametrize("error", [None, NodeError("c01", "it is away"), ValueError("odd")])
def test_many_who_ask_at_once_are_one_question(error: Exception | None) -> None:
    asked = Asked()
    asked.error, fresh = error, Fresh(60, asked)
    found, threads = at_once(50, fresh.get)
    eventually(lambda: len(fresh._changed._waiters) == 49)  # type: ignore[attr-defined]
    asked.may_end.set()
    for each in threads:
        each.join(10)
    assert asked.count == 1
    assert len(found) == 50
    assert len(set(found)) == 1


def test_an_answer_grows_old_and_nobody_asks_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, now = Asked(), [100.0]
    asked.may_end.set()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    fresh = Fresh(1.0, asked)
    assert asked.count == 0
    for moment, found in ((100.0, 1), (101.0, 1), (101.5, 2), (102.4, 2), (200.0, 3)):
        now[0] = moment
        assert fresh.get() == found


def test_what_somebody_is_told_is_of_what_they_see() -> None:
    look = Look(ROWS, [{"name": "c01", "state": "ready"}], 5.0)
    told = json.loads(look.told(["other", "third"]))
    assert [(row["id"], row["project"]) for row in told["deployments"]] == [(0, "other")]
    assert (told["nodes"], told["as_of"], told["unknown"]) == (look.nodes, 5.0, "")
    assert look.told(["other", "third"]) is look.told(["third", "other"]), "it is made once"
    assert json.loads(look.told(["other"], "api"))["deployments"] == []
    for number in range(100):
        look.told([f"p{number}"])
    assert len(look._told) <= 32, "memory is bounded"


def test_what_can_t_be_read_is_unknown_and_not_gone() -> None:
    look = Look(ROWS, [{"name": "c01", "state": "ready"}], 5.0)
    look.told(["vision"])
    told = json.loads(look.unread("no manager answers").told(["vision"]))
    (row,) = told["deployments"]
    assert (row["phase"], row["reasons"]) == ("Unknown", ["no manager answers"])
    assert told["nodes"] == [{"name": "c01", "state": "Unknown"}]
    assert (told["as_of"], told["unknown"]) == (5.0, "no manager answers")


def test_nodes_are_told_without_their_addresses() -> None:
    gpu = {"NamedResourceSpec": {"Kind": "GPU", "Value": "GPU-1"}}
    entry = {
        "ID": "n1",
        "Spec": {
            "Role": "worker",
            "Availability": "drain",
            "Labels": {"gpu": "a100", "skp.labels": "gpu"},
        },
        "Status": {"State": "ready", "Addr": "10.0.0.2"},
        "Description": {
            "Hostname": "C02.example.com",
            "Resources": {"NanoCPUs": 8e9, "MemoryBytes": 1 << 30, "GenericResources": [gpu]},
        },
    }
    task = {
        "NodeID": "n1",
        "Status": {"State": "running"},
        "Spec": {"Resources": {"Reservations": {"NanoCPUs": 2e9, "MemoryBytes": 5}}},
    }
    (found,) = nodes([entry], [task], ["c02"])
    assert found == {
        "name": "c02",
        "role": "worker",
        "state": "ready",
        "availability": "drain",
        "labels": {"gpu": "a100"},
        "gpus": ["GPU-1"],
        "has": {"cpus": 8.0, "memory": 1 << 30, "gpus": 1},
        "reserved": {"cpus": 2.0, "memory": 5, "gpus": 0},
    }


class Cluster:
    """What is connected to, in place of a fleet: notes what becomes of it."""

    def __init__(self) -> None:
        self.opened, self.closed, self.known = 0, 0, 0
        self.error: NodeError | None = None

    def begin(self) -> Any:
        stack = ExitStack()
        stack.callback(self._close)

        def fleet() -> Any:
            self.opened += 1
            return stack

        return SimpleNamespace(fleet=fleet)

    def _close(self) -> None:
        self.closed += 1

    def remembers(self, *_: object) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.known += 1
        names = SimpleNamespace(inventory=SimpleNamespace(names=["c01"]))
        return {"cluster": names, "gate": self}

    @property
    def store(self) -> Any:
        return self

    def rows(self) -> list[Any]:
        if self.error:
            raise self.error
        return []

    def nodes(self) -> list[Any]:
        return []

    tasks = nodes

    def revisions(self, _: str) -> list[Any]:
        return []

    services = revisions


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster()
    monkeypatch.setattr(connections, "_known", found.remembers)
    monkeypatch.setattr(reading, "_LOOK", -1.0)  # each look asks
    return found


def test_connections_stay_open_and_the_cluster_is_asked_now_and_then(
    there: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(connections.time, "monotonic", lambda: now[0])
    connected = Connected(there.begin)
    for moment in (0.0, 10.0, 29.0, 31.0, 40.0):
        now[0] = moment
        with connected.way():
            pass
    assert (there.opened, there.closed, there.known) == (1, 0, 2)


def test_what_broke_is_connected_anew(there: Cluster) -> None:
    connected = Connected(there.begin)
    with pytest.raises(NodeError), connected.way():
        raise NodeError("c01", "the connection broke")
    assert (there.opened, there.closed) == (1, 1)
    with connected.way():
        pass
    assert (there.opened, there.closed) == (2, 1)
    with pytest.raises(ValueError, match="other"), connected.way():
        raise ValueError("other")
    assert there.closed == 1


def test_one_that_can_t_be_connected_leaves_nothing_open(there: Cluster) -> None:
    there.error = NodeError("c01", "no manager answers")
    connected = Connected(there.begin)
    for count in (1, 2):
        with pytest.raises(NodeError), connected.way():
            pass
        assert (there.opened, there.closed) == (count, count)


def test_files_that_changed_are_read_again(
    there: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "live" / "env.sh"
    path.parent.mkdir()
    path.write_text("one")
    monkeypatch.setenv("SKP_ENV", str(path))
    connected = Connected(there.begin)
    for content, opened in (("", 1), ("", 1), ("two", 2), ("", 2)):
        if content:
            new = path.parent.with_name("new")
            new.write_text(content)
            new.replace(path)
        with connected.way():
            assert there.opened == opened


def test_a_look_that_fails_tells_what_was_last_known(there: Cluster, tmp_path: Path) -> None:
    there.error = NodeError("c01", "it is away")
    reader = Reader(tmp_path, Connected(there.begin))
    with pytest.raises(NodeError, match="it is away"):
        reader.look()
    there.error = None
    assert reader.look().unknown == ""
    there.error = NodeError("c01", "it is away again")
    assert reader.look().unknown == "c01: it is away again"
    there.error = None
    assert reader.look().unknown == ""


def test_a_deployment_that_never_was_has_no_history(there: Cluster, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as error:
        Reader(tmp_path, Connected(there.begin)).history("vision/web")
    assert error.value.kind is Kind.UNKNOWN


def test_the_gates_own_log_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    log("a word")
    assert capsys.readouterr().err == "gate: a word\n"
