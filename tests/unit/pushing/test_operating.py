"""An operation as a worker carries it out, also after an earlier worker was killed in it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.deployments import NotWorkingError
from cluster.deadlines import Deadlines
from cluster.errors import ConfigError, NodeError, SkpError
from gate import begun, operating, records
from gate.begun import Begun
from gate.ending import ENDING
from gate.protocol import Action, Request
from workloads.accounts import NoAccountError
from workloads.wish import Applied, Reserved

HELD: Any = Reserved(None, None)  # type: ignore[arg-type]
OF = "vision/web"


class Way:
    """A cluster with one deployment, whose services are of these revisions.

    Attributes:
        now: of each service; of two where a change was cut short. kept: the revisions.
        refuse: what the next change raises. ends: what becomes of what was brought.
        taking_back: what going back raises.
    """

    def __init__(self, *now: int, kept: int = 0) -> None:
        self.now, self.kept = list(now), list(range(1, (kept or max(now, default=0)) + 1))
        self.asked: list[str] = []
        self.refuse: SkpError | None = None
        self.ends: BaseException | None = None
        self.taking_back: SkpError | None = None
        self.enter: SkpError | None = None
        self.updates: list[str] = []
        self.store: Any = self

    def services(self, _of: str = "") -> list[Any]:
        piece, update = SimpleNamespace(of=OF), self.updates.pop(0) if self.updates else ""
        if update == "rollback_completed":
            self.now = [3]
        return [SimpleNamespace(revision=n, piece=piece, update=update) for n in self.now]

    def revisions(self, _of: str) -> list[Any]:
        return [SimpleNamespace(number=number, of=OF) for number in self.kept]

    def whose(self, form: Any, project: str) -> str:
        return f"{project}/{form.name}"

    def check(self, of: str) -> None:
        assert of == OF

    def rows(self, _of: str = "") -> list[Any]:
        return []

    def change(self, _form: Any, _project: str) -> Applied:
        return self._brought("change")

    def back_unless_there(self, found: Any) -> Applied:
        return self._brought(f"to {found.number}")

    def back(self, found: Any) -> Applied:
        if self.taking_back:
            raise self.taking_back
        return self._brought(f"back to {found.number}")

    def _brought(self, what: str) -> Applied:
        self.asked.append(what)
        if self.refuse:
            raise self.refuse
        before: Any = tuple(self.services())
        self.kept.append(max(self.kept, default=0) + 1)
        self.now = [self.kept[-1]]
        return Applied(OF, self.kept[-1], before, (), HELD)

    # (`forget` is of the gate for a deployment, and of its store for a revision.)

    def go_back(self, applied: Applied) -> None:
        if self.taking_back:
            raise self.taking_back
        self.asked.append("go back")
        self.now = [each.revision for each in applied.before]
        self.kept.remove(applied.revision)

    def forget(self, what: Any) -> None:
        if isinstance(what, str):
            self.asked.append("forget")
            self.now = []
        else:
            self.kept.remove(what.number)

    def remove(self, of: str, _when: float) -> None:
        self.asked.append("remove")
        self.forget(of)

    def finish(self, _applied: Applied) -> tuple[str, ...]:
        self.asked.append("finish")
        return ()


class Operation:
    """Carries out an operation of a way."""

    def __init__(self, folder: Path, told: list[str]) -> None:
        self.folder, self.told = folder, told
        self.way = Way()
        self.session: Any = SimpleNamespace(
            say=told.append,
            warn=told.extend,
            options=SimpleNamespace(json=False),
            settings=SimpleNamespace(deadlines=Deadlines(healthy=5)),
        )

    def carry_out(self, way: Way, verb: str = "apply", **more: Any) -> dict[str, Any]:
        return self._do(operating.operate, Action.OPERATE, way, verb, **more)

    def settle(self, way: Way, verb: str = "apply") -> dict[str, Any]:
        return self._do(operating.settle, Action.SETTLE, way, verb)

    def _do(self, do: Any, action: Action, way: Way, verb: str, **more: Any) -> dict[str, Any]:
        self.way = way
        given = {"name": "web", "id": "op_1", **more}
        found: dict[str, Any] = do(
            self.session, Request("kim", "vision", action, verb=verb, **given)
        )
        return found

    def was_begun(self, before: int, to: int = 0) -> None:
        begun.keep(self.folder, Begun(OF, before, before, to))

    @property
    def note(self) -> Begun | None:
        return begun.read(self.folder)


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operation]:
    """An operation, whose file is that of the deployment web."""
    folder = tmp_path / "vision" / "operations" / "op_1"
    folder.mkdir(parents=True)
    found = Operation(folder, [])

    @contextmanager
    def gate(_s: object, account: str = "") -> Iterator[tuple[Way, None]]:
        found.told.append(f"for {account or 'the operator'}")
        if found.way.enter:
            raise found.way.enter
        yield found.way, None

    @contextmanager
    def audited(*_: object) -> Iterator[None]:
        yield

    def worked(_s: object, way: Way, applied: Applied) -> tuple[str, ...]:
        if way.ends and applied.revision == way.now[0]:
            raise way.ends
        return ()

    def ended(s: object, way: Way, applied: Applied) -> None:
        if way.taking_back:
            raise way.taking_back

    form = SimpleNamespace(name="web", error=lambda _where, what, hint: ConfigError(what, hint))
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(operating.deployments, "gate", gate)
    monkeypatch.setattr(operating.deployments, "audited", audited)
    monkeypatch.setattr(operating.deployments, "worked", worked)
    monkeypatch.setattr(operating.deployments, "ended", ended)
    monkeypatch.setattr(operating.deployments, "form_of", lambda *_: form)
    monkeypatch.setattr(operating.bringing, "plan", lambda *_: [SimpleNamespace(document={"a": 1})])
    monkeypatch.setattr(operating.together, "await_old", lambda *_: found.told.append("old works"))
    work = tmp_path / "work"
    (work / "Deployments" / "folder").mkdir(parents=True)
    monkeypatch.chdir(work)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield found
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


BROKEN = NotWorkingError("it ended 3 times")


@pytest.mark.parametrize(("now", "revision"), [((), 1), ((4,), 5)])
def test_what_is_new_or_there_is_brought(
    now: tuple[int, ...], revision: int, it: Operation
) -> None:
    found = it.carry_out(way := Way(*now))
    assert (found["ok"], found["settled"], found["revision"]) == (True, True, revision)
    assert found["deployment"] == "web"
    assert way.asked == ["change", "finish"]
    assert it.note == Begun(OF, max(now, default=0), max(now, default=0))


def test_what_does_not_work_goes_back(it: Operation) -> None:
    way = Way(4)
    way.ends = BROKEN
    found = it.carry_out(way)
    assert (found["ok"], found["settled"], found["error"]) == (False, True, "it ended 3 times")
    assert (way.asked, way.now, found["revision"]) == (["change", "go back"], [4], 4)
    assert "old works" in it.told


def test_what_is_new_and_does_not_work_stays_to_be_looked_at(it: Operation) -> None:
    way = Way()
    way.ends = BROKEN
    found = it.carry_out(way)
    assert (found["ok"], found["settled"], way.now) == (False, True, [1])


@pytest.mark.parametrize("now", [(), (4,)])
def test_what_is_refused_changes_nothing(now: tuple[int, ...], it: Operation) -> None:
    way = Way(*now)
    way.refuse = ConfigError("no such image")
    found = it.carry_out(way)
    assert (found["kind"], found["settled"], way.now) == ("wrong", True, list(now))
    assert way.asked == ["change"]


@pytest.mark.parametrize("now", [(), (4,)])
def test_one_that_is_ended_is_taken_back(now: tuple[int, ...], it: Operation) -> None:
    way = Way(*now)
    way.ends = KeyboardInterrupt()
    found = it.carry_out(way)
    assert (found["exit_code"], found["settled"], way.now) == (130, True, list(now))
    assert "taken back: vision/web" in it.told


def test_a_change_is_ended_by_its_own_end_alone(it: Operation) -> None:
    class Told(Way):
        def change(self, form: Any, project: str) -> Applied:
            signal.raise_signal(signal.SIGINT)
            found = super().change(form, project)
            self.asked.append("the change ends")
            return found

    ENDING.listen()
    found = it.carry_out(way := Told(4))
    assert (found["exit_code"], found["settled"], way.now) == (130, True, [4])
    assert way.asked == ["change", "the change ends", "go back"]


@pytest.mark.parametrize(
    ("error", "settled"),
    [(NodeError("c01", "the connection broke"), False), (ConfigError("no room any more"), True)],
)
def test_what_could_not_be_taken_back_is_told(
    error: SkpError, settled: bool, it: Operation
) -> None:
    way = Way(4)
    way.ends, way.taking_back = BROKEN, error
    found = it.carry_out(way)
    assert (found["settled"], found["error"]) == (settled, "it ended 3 times")
    assert f"{OF}: it could not be taken back: {error.what}" in it.told


@pytest.mark.parametrize("was_begun", [False, True])
@pytest.mark.parametrize(
    ("error", "is_away"),
    [(NodeError("c01", "no manager answers"), True), (NoAccountError("kim is disabled"), False)],
)
def test_while_nobody_can_be_asked_nothing_is_done(
    error: SkpError, is_away: bool, was_begun: bool, it: Operation
) -> None:
    way = Way(4)
    way.enter = error
    if was_begun:
        it.was_begun(3)
    found = it.carry_out(way)
    assert (found["away"], found["settled"], way.asked) == (is_away, not was_begun, [])


def test_a_file_of_another_deployment_is_refused(it: Operation) -> None:
    found = it.carry_out(way := Way(4), name="api")
    assert found["error"] == "web, and the request says api"
    assert (found["settled"], way.asked, it.note) == (True, [], None)
    assert it.carry_out(way, name="")["deployment"] == "web"


# After a kill: the note says what was there, and `now` how far the first worker came.


@pytest.mark.parametrize("now", [(3,), (3, 4), (4,), ()])
@pytest.mark.parametrize("before", [3, 0])
def test_after_a_kill_it_is_brought_wherever_it_was(
    now: tuple[int, ...], before: int, it: Operation
) -> None:
    it.was_begun(before)
    found = it.carry_out(way := Way(*now, kept=4))
    assert (found["ok"], found["settled"], len(way.now)) == (True, True, 1)
    assert it.note == Begun(OF, before, before), "what was there first counts"
    assert way.kept == [*range(1, before + 1), *way.now], "no revision of an earlier try is left"


@pytest.mark.parametrize("now", [(3,), (3, 4), (4,)])
@pytest.mark.parametrize("ends", [BROKEN, KeyboardInterrupt()])
def test_after_a_kill_what_does_not_work_goes_back_to_what_was_there_first(
    now: tuple[int, ...], ends: BaseException, it: Operation
) -> None:
    it.was_begun(3)
    way = Way(*now, kept=4)
    way.ends = ends
    found = it.carry_out(way)
    assert (found["ok"], found["settled"]) == (False, True)
    if now == (3,):
        assert (way.asked, way.now, way.kept) == (["change", "go back"], [3], [1, 2, 3])
    else:
        assert way.asked == ["change", "back to 3"], "by the revision that is kept"
        assert way.kept == [1, 2, 3, *way.now]


def test_after_a_kill_the_engine_may_go_back_by_itself_first(
    it: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "_PAUSE", 0)
    it.was_begun(3)
    way = Way(4)
    way.updates, way.ends = ["updating", "rollback_started", "rollback_completed"], BROKEN
    found = it.carry_out(way)
    assert (found["ok"], way.asked, way.now) == (False, ["change", "go back"], [3])


@pytest.mark.parametrize("now", [(4,), (4, 5)])
def test_after_a_kill_one_that_is_ended_and_was_new_is_gone(
    now: tuple[int, ...], it: Operation
) -> None:
    it.was_begun(0)
    way = Way(*now)
    way.ends = KeyboardInterrupt()
    assert it.carry_out(way)["settled"]
    assert (way.asked[-1], way.now) == ("forget", [])


@pytest.mark.parametrize("now", [(3,), (3, 4), (4,), (5,)])
def test_what_was_begun_is_taken_back_for_the_operator(now: tuple[int, ...], it: Operation) -> None:
    it.was_begun(3)
    found = it.settle(way := Way(*now, kept=5))
    assert (found["ok"], found.get("ended")) == (True, None)
    assert way.asked == ([] if now == (3,) else ["back to 3"])
    assert "for the operator" in it.told


def test_what_has_begun_nothing_is_not_taken_back(it: Operation) -> None:
    assert it.settle(way := Way(4)) == {"ok": True, "exit_code": 0}
    assert (way.asked, it.told) == ([], [])


def test_taking_back_is_tried_again_until_a_node_answers(it: Operation) -> None:
    it.was_begun(3)
    way = Way(4)
    way.taking_back = NodeError("c01", "the connection broke")
    with pytest.raises(NodeError, match="could not be taken back yet"):
        it.settle(way)
    way.taking_back = BROKEN
    assert it.settle(way)["ok"], "what does not work any more would never"


# Removals.


@pytest.mark.parametrize(
    ("do", "now", "asked"),
    [
        ("first", (4,), ["remove", "forget"]),
        ("again", (4,), ["remove", "forget"]),
        ("again", (), ["remove", "forget"]),
        ("again", (5,), []),
    ],
)
def test_a_removal_is_carried_out_once_wherever_it_was(
    do: str, now: tuple[int, ...], asked: list[str], it: Operation
) -> None:
    if do == "again":
        it.was_begun(4)
    found = it.carry_out(way := Way(*now, kept=5), "remove")
    assert (found["ok"], found["settled"], found["rows"]) == (True, True, [])
    assert way.asked == asked, "one that somebody has made meanwhile stays"


def test_what_is_not_there_is_not_removed(it: Operation) -> None:
    for verb in ("remove", "rollback"):
        found = it.carry_out(Way(), verb)
        assert (found["kind"], found["settled"]) == ("not found", True)


def test_a_removal_that_has_begun_is_not_ended(it: Operation) -> None:
    class Told(Way):
        def remove(self, of: str, when: float) -> None:
            signal.raise_signal(signal.SIGINT)
            super().remove(of, when)

    ENDING.listen()
    assert it.carry_out(Told(4), "remove")["ok"]


def test_a_removal_that_was_cut_short_is_settled_by_its_end(it: Operation) -> None:
    it.was_begun(4)
    found = it.settle(way := Way(4), "remove")
    assert (found["ended"], found["ok"], way.now) == ("removed", True, [])


# Rollbacks.


@pytest.mark.parametrize(("to", "asked"), [(0, "to 3"), (2, "to 2")])
def test_a_rollback_goes_to_the_one_before_or_another(to: int, asked: str, it: Operation) -> None:
    found = it.carry_out(way := Way(4), "rollback", to=to)
    assert (found["ok"], found["revision"]) == (True, 5)
    assert way.asked == [asked, "finish"]
    assert it.note == Begun(OF, 4, 4, to or 3)


@pytest.mark.parametrize("now", [(4,), (4, 5), (5,)])
def test_after_a_kill_a_rollback_goes_where_it_was_to_go(
    now: tuple[int, ...], it: Operation
) -> None:
    it.was_begun(4, 3)
    found = it.carry_out(way := Way(*now, kept=5), "rollback")
    assert (found["ok"], way.asked) == (True, ["to 3", "finish"])


def test_a_plan_says_what_would_change(it: Operation) -> None:
    request = Request("kim", "vision", Action.PLAN_ONE, name="web")
    it.way = Way(4)
    found = operating.plan(it.session, request)
    assert (found["plan"], it.way.asked) == ([{"a": 1}], [])


def test_the_note_is_read_as_it_was_kept(tmp_path: Path) -> None:
    assert begun.read(tmp_path) is None
    kept = begun.keep(tmp_path, Begun(OF, 4, 5, 3))
    assert begun.read(tmp_path) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["begun.json"]
