"""Several deployments as one: all work, or all are taken back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.errors import ConfigError, SkpError
from gate import together
from workloads.wish import Applied, Reserved

HELD: Any = Reserved(None, None)  # type: ignore[arg-type]
BEFORE: Any = ("a service",)


class Way:
    """A gate that notes what is asked of it; `wrong` are those that are refused."""

    def __init__(self, wrong: tuple[str, ...] = (), stuck: tuple[str, ...] = ()) -> None:
        self.asked: list[str] = []
        self.wrong, self.stuck, self.store = wrong, stuck, None

    def whose(self, form: str, project: str) -> str:
        return f"{project}/{form}"

    def change(self, form: str, project: str) -> Applied:
        self.asked.append(f"change {form}")
        if form in self.wrong:
            raise ConfigError(f"{form} is wrong")
        reserved = None if form == "same" else HELD
        return Applied(f"{project}/{form}", 2, () if form == "new" else BEFORE, (), reserved)

    def go_back(self, applied: Applied) -> None:
        self.asked.append(f"back {applied.of}")
        if applied.of.endswith(self.stuck or ("-",)):
            raise SkpError("no manager answers")

    def finish(self, applied: Applied) -> tuple[str, ...]:
        self.asked.append(f"finish {applied.of}")
        return ()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is told; nothing is waited for, and nothing written into a trail."""

    @contextmanager
    def audited(*_: object) -> Iterator[None]:
        yield

    said: list[str] = []
    monkeypatch.setattr(together.deployments, "audited", audited)
    monkeypatch.setattr(together, "await_old", lambda _s, _way, of: said.append(f"await {of}"))
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield said
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


def brought(
    way: Way, told: list[str], worked: Callable[..., Any], patch: pytest.MonkeyPatch, *forms: str
) -> Any:
    patch.setattr(together.deployments, "worked", worked)
    session: Any = SimpleNamespace(say=told.append, warn=told.extend)
    gate: Any = way
    wanted: Any = forms
    return together.bring(session, gate, wanted, "vision")


def works(_s: object, _way: object, applied: Applied) -> tuple[str, ...]:
    return (f"row of {applied.of}",)


def test_all_are_finished_once_all_work(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way()
    done, rows = brought(way, told, works, monkeypatch, "web", "new")
    assert [each.of for each in done] == ["vision/web", "vision/new"]
    assert rows == ["row of vision/web", "row of vision/new"]
    assert way.asked == ["change web", "change new", "finish vision/web", "finish vision/new"]


def test_one_that_is_refused_takes_the_others_back(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way(wrong=("bad",))
    with pytest.raises(ConfigError, match="bad is wrong"):
        brought(way, told, works, monkeypatch, "web", "same", "new", "bad", "last")
    assert way.asked[-2:] == ["back vision/new", "back vision/web"]
    assert "change last" not in way.asked
    assert "await vision/web" in told
    assert "await vision/new" not in told, "there was nothing before"


@pytest.mark.parametrize("error", [SkpError("it ended 3 times"), KeyboardInterrupt()])
def test_one_that_does_not_work_or_is_ended_takes_all_back(
    error: BaseException, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way()

    def fails(s: object, gate: object, applied: Applied) -> tuple[str, ...]:
        if applied.of == "vision/new":
            raise error
        return works(s, gate, applied)

    with pytest.raises(type(error)):
        brought(way, told, fails, monkeypatch, "web", "new")
    assert way.asked == ["change web", "change new", "back vision/new", "back vision/web"]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN, "nobody ends it half way"


def test_what_can_t_be_taken_back_is_told_and_keeps_no_other_from_it(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way(wrong=("bad",), stuck=("new",))
    with pytest.raises(ConfigError):
        brought(way, told, works, monkeypatch, "web", "new", "bad")
    assert "vision/new: it could not be taken back: no manager answers" in told
    assert way.asked[-1] == "back vision/web"


def test_a_change_is_ended_by_its_own_end_alone(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(Way):
        def change(self, form: str, project: str) -> Applied:
            found = super().change(form, project)
            if form == "new":
                signal.raise_signal(signal.SIGINT)
                self.asked.append("the change ends")
            return found

    way = Told()
    together.ENDING.listen()
    with pytest.raises(KeyboardInterrupt):
        brought(way, told, works, monkeypatch, "web", "new", "last")
    assert way.asked == [
        *("change web", "change new", "the change ends"), "back vision/new", "back vision/web",
    ]  # fmt: skip


def test_a_wait_is_ended_at_once_and_taking_back_is_not_disturbed(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Disturbed(Way):
        def go_back(self, applied: Applied) -> None:
            signal.raise_signal(signal.SIGINT)
            super().go_back(applied)

    def ended(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    way = Disturbed()
    together.ENDING.listen()
    with pytest.raises(KeyboardInterrupt):
        brought(way, told, ended, monkeypatch, "web", "new")
    assert way.asked[-2:] == ["back vision/new", "back vision/web"]
