"""One node's engine answers anything: that costs the node itself, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_cluster import HOSTS, FakeCluster, after_apply, again
from tests.support.fake_connection import Request
from tests.support.fakes import Reply

GONE = object()
NONSENSE: list[Any] = [
    GONE, None, True, 7, -1.5, 10**30, "", "x", "\ud800", [], [7], {}, {"a": 7}, [{}], [[[]]],
]  # fmt: skip
# What of an answer nothing here reads, so that changing it would try nothing.
UNREAD = ("HostConfig", "Env", "Mounts", "Healthcheck")

Path_ = tuple[str | int, ...]


def made(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    """Return a cluster before anything runs there: c01 and c02 are managers, c03 a worker."""
    hosts = {name: dict(told) for name, told in HOSTS.items()}
    hosts["c01"]["labels"] = [{"jupyter": "enable"}, {"kafka": "enable"}]
    hosts["c03"] |= {"groups": ["worker"], "labels": [{"jupyter": "enable"}]}
    return FakeCluster(folder, patch, hosts)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeCluster]:
    saved = after_apply(tmp_path_factory.mktemp("made"), made)
    with pytest.MonkeyPatch.context() as patch:
        yield again(tmp_path_factory.mktemp("again"), patch, made, saved)


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the paths of all that is in a JSON value, itself included."""
    yield path
    inside: Any = {}
    if isinstance(value, dict):
        inside = value
    elif isinstance(value, list):
        inside = dict(enumerate(value))
    for key, inner in inside.items():
        if key not in UNREAD:
            yield from places(inner, (*path, key))


def changed(value: Any, path: Path_, new: Any) -> Any:
    """Return a copy of a JSON value with `new` at `path`, or without it."""
    if not path:
        return None if new is GONE else new
    copy = deepcopy(value)
    *way, last = path
    inner = copy
    for key in way:
        inner = inner[key]
    if new is GONE:
        del inner[last]
    else:
        inner[last] = new
    return copy


def document(answer: Reply) -> Any:
    return json.loads(b"".join(answer.chunks))


class Liar:
    """Has a node answer one kind of request with something else."""

    def __init__(self, cluster: FakeCluster, name: str) -> None:
        self.connection = cluster[name].connection
        self._honest: Callable[[Request], Reply] = self.connection._reply
        self.told = 0

    def asks(self, cluster: FakeCluster) -> dict[str, Any]:
        """Return what the node is asked by docker.status, and its honest answers."""
        found: dict[str, Any] = {}

        def note(request: Request) -> Reply:
            answer = self._honest(request)
            if request.method == "GET" and answer.status == 200 and answer.chunks:
                found[request.path] = document(answer)
            return answer

        vars(self.connection)["_reply"] = note
        look(cluster)
        self.honest()
        return found

    def lie(self, asked: str, path: Path_, new: Any) -> None:
        def answer(request: Request) -> Reply:
            honest = self._honest(request)
            if request.method != "GET" or request.path != asked:
                return honest
            self.told += 1
            return replace(
                honest, chunks=(json.dumps(changed(document(honest), path, new)).encode(),)
            )

        vars(self.connection)["_reply"] = answer

    def honest(self) -> None:
        vars(self.connection)["_reply"] = self._honest


def look(cluster: FakeCluster) -> tuple[int, int]:
    return cluster.run("--json", "docker.plan"), cluster.run("docker.status")


def steps(shown: str, nodes: tuple[str, ...]) -> list[Any]:
    """Return what a plan says of these nodes' containers."""
    found = json.loads(shown[: shown.index("\n}\n") + 3])["steps"]
    every = [s for s in found if s["node"] in nodes and s["kind"] == "container"]
    return sorted(([s["node"], s["name"], s["outcome"]] for s in every), key=str)


@pytest.mark.parametrize("name", ["c03", "c02", "c01"])
def test_anything_at_any_place_of_any_answer(
    cluster: FakeCluster, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    liar = Liar(cluster, name)
    asked = liar.asks(cluster)
    assert len(asked) > 3
    assert "/info" in asked
    every = [(path, place) for path, answer in asked.items() for place in places(answer)]
    capsys.readouterr()
    look(cluster)
    others = tuple(other for other in cluster if other != name)
    before = steps(capsys.readouterr().out, others)
    assert before

    @settings(deadline=None, max_examples=min(40, settings().max_examples))
    @given(st.sampled_from(every), st.sampled_from(NONSENSE))
    def tried(at: tuple[str, Path_], new: Any) -> None:
        liar.lie(*at, new)
        try:
            codes = look(cluster)
        finally:
            liar.honest()
        assert set(codes) <= {0, 1, 2}
        assert liar.told
        if name == "c03":  # a manager decides with others what is wanted anywhere
            assert steps(capsys.readouterr().out, others) == before

    tried()
