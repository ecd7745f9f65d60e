"""An operation of the gate's, carried out on a cluster that is not there."""

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
from cluster.errors import ConfigError, SkpError
from gate import begun, operating, records
from gate.begun import Begun
from gate.protocol import Action, Request
from workloads.wish import Applied, Reserved

BROKEN = NotWorkingError("it ended 3 times")
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


@contextmanager
def operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operation]:
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
