"""Logs of deployments for clients of the gate, read by connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.commands.logs import Ended, Event, Line, Query
from cluster.errors import NodeError
from gate import log_reading
from gate.refusing import Kind, RefusedError


class Fleet:
    """Connections to c01; c02 can't be reached."""

    def __init__(self) -> None:
        self.nodes = {"c01": "a node"}
        self.unreachable = {"c02": NodeError("c02", "can't be reached")}
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


class Nodes:
    """Two containers of a deployment, on two nodes, and one that does not run yet."""

    def __init__(self) -> None:
        self.fleet, self.hosts = Fleet(), list[str]()

    @contextmanager
    def way(self) -> Iterator[Any]:
        inventory = SimpleNamespace(names=["c01", "c02"], host=lambda name: name)
        cluster = SimpleNamespace(inventory=inventory, secrets={})
        yield SimpleNamespace(
            gate=self, cluster=cluster, session=SimpleNamespace(fleet=self.connected)
        )

    def rows(self, of: str) -> list[Any]:
        places = (("c01", "a"), ("c02", "b"), ("", ""))
        return [
            SimpleNamespace(node=node, container=ident, piece=SimpleNamespace(name=f"web-{ident}"))
            for node, ident in (places if of == "vision/web" else ())
        ]

    @contextmanager
    def connected(self, hosts: list[str]) -> Iterator[Fleet]:
        self.hosts = sorted(hosts)
        yield self.fleet


@pytest.fixture
def nodes() -> Any:
    return Nodes()


def shown(nodes: Any, is_gone: Any = lambda: False) -> tuple[int, list[str], list[dict[str, str]]]:
    texts, fields = list[str](), list[dict[str, str]]()

    def say(text: str, said: Any) -> None:
        texts.append(text)
        fields.append(said)

    failed = log_reading.show(nodes, "vision/web", Query(), say, is_gone)
    return failed, texts, fields


def test_lines_are_told_and_what_could_not_be_read(
    nodes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_fleet: object, sources: Any, *_: object) -> Iterator[Event]:
        (source,) = sources
        yield Line(source, "stdout", "it begins")
        yield Ended(source, "it was removed")

    monkeypatch.setattr(log_reading, "read", read)
    failed, texts, fields = shown(nodes)
    assert failed == 1
    assert nodes.hosts == ["c01", "c02"]
    assert texts == [
        "skp: c02: can't be reached", "c01 web-a: it begins", "c01 web-a: it was removed",
    ]  # fmt: skip
    assert fields[1] == {
        "node": "c01", "container": "web-a", "stream": "stdout", "line": "it begins",
    }  # fmt: skip


def test_when_nobody_listens_any_more_all_connections_end(
    nodes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(fleet: Any, sources: Any, *_: object) -> Iterator[Event]:
        assert fleet.closed.wait(5), "it goes on until then"
        yield Ended(sources[0], error=NodeError("c01", "the connection broke"))

    monkeypatch.setattr(log_reading, "read", read)
    monkeypatch.setattr(log_reading, "_PAUSE", 0.01)
    assert shown(nodes, lambda: True)[0] == 2


def test_a_deployment_that_is_not_there_has_no_logs(nodes: Any) -> None:
    with pytest.raises(RefusedError) as error:
        log_reading.show(nodes, "vision/other", Query(), lambda *_: None, lambda: False)
    assert error.value.kind is Kind.UNKNOWN
