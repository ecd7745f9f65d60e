"""A lab is gone when its engine says so, however long it takes to answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import docker.errors
import pytest
import requests

from lab import nodes
from lab.engine import Found
from lab.errors import LabError


class Response(requests.Response):
    def __init__(self, status: int) -> None:
        super().__init__()
        self.status_code = status


def api_error(status: int, text: str) -> docker.errors.APIError:
    kind = docker.errors.NotFound if status == 404 else docker.errors.APIError
    return kind("", Response(status), text)


class FakeApi:
    """An engine whose answers to removals are given beforehand, the last one for ever."""

    def __init__(self, *answers: Exception | None) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def _answer(self, ident: str) -> None:
        self.asked.append(ident)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is not None:
            raise answer

    def remove_container(self, ident: str, *, v: bool, force: bool) -> None:
        assert v and force
        self._answer(ident)

    def remove_volume(self, ident: str) -> None:
        self._answer(ident)

    def remove_network(self, ident: str) -> None:
        self._answer(ident)


class FakeEngine:
    def __init__(self, *answers: Exception | None) -> None:
        self.api = FakeApi(*answers)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes.time, "sleep", lambda _: None)


def remove(engine: FakeEngine, kind: str) -> None:
    nodes.remove(cast(Any, engine), [Found(kind, "id", "c01", "1", "/here", "c01")])


@pytest.mark.parametrize("kind", ["container", "volume", "network"])
def test_an_engine_that_answers_too_late_is_asked_again(kind: str) -> None:
    late = requests.ReadTimeout("Read timed out.")
    engine = FakeEngine(late, api_error(409, "removal of container is already in progress"),
                        api_error(404, "no such thing"))  # fmt: skip
    remove(engine, kind)
    assert engine.api.asked == ["id"] * 3


def test_what_the_engine_refuses_is_an_error_at_once() -> None:
    engine = FakeEngine(api_error(409, "volume is in use"))
    with pytest.raises(docker.errors.APIError):
        remove(engine, "volume")
    assert engine.api.asked == ["id"]


def test_what_does_not_go_is_named_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Iterator[float] = iter(range(0, 10_000, 400))
    monkeypatch.setattr(nodes.time, "monotonic", lambda: next(ticks))
    with pytest.raises(LabError, match="the container c01 is not gone after 900 s"):
        remove(FakeEngine(requests.ReadTimeout("Read timed out.")), "container")
