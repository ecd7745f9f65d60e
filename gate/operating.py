"""An operation, carried out by a worker: what the command line does with `-a`.

What is there before it is noted first (begun.py). So a worker that finds such a note goes on with
what an earlier one has begun: it brings what is wanted, or has all be as the note says.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import bringing, deployed, deployments
from cli.deployments import NotWorkingError
from cluster.deadlines import Deadline
from cluster.errors import InterruptError, NodeError, SkpError
from gate import begun, going_back, records, together
from gate.begun import Begun
from gate.ending import ENDING
from gate.operations import folder_of
from gate.protocol import Verb
from gate.refusing import Kind, RefusedError, told
from gate.spool import TOP
from workloads import revisions
from workloads.accounts import NoAccountError

if TYPE_CHECKING:
    from cli.session import Session
    from gate.protocol import Request
    from workloads.form import Form
    from workloads.gate import Gate
    from workloads.wish import Applied

_Result = dict[str, Any]
_GOING_ON = ("updating", "rollback_started")
_PAUSE = 0.5  # seconds between two looks


@dataclass
class _Work:
    """An operation while it is carried out.

    Attributes:
        folder: the operation's. note: what was there before; None where nothing has begun.
        settled: whether all is as the operation leaves it, or as it was.
    """

    s: Session
    way: Gate
    request: Request
    folder: Path
    note: Begun | None
    settled: bool

    @property
    def of(self) -> str:
        """The deployment, "project/name", as far as it is known."""
        return self.note.of if self.note else f"{self.request.project}/{self.request.name}"

    def begin(self, of: str, to: int = 0) -> Begun:
        """Note what is there, unless an earlier worker has; return what was there."""
        if self.note is None:
            store = self.way.store
            last = max((kept.number for kept in store.revisions(of)), default=0)
            self.note = begun.keep(self.folder, Begun(of, revisions.present(store, of), last, to))
            self.settled = False
        return self.note


def operate(s: Session, request: Request) -> _Result:
    """Carry an operation out.

    Returns:
        Beside what clients are told: `settled`, whether nothing is left half done, and `away`,
        where nobody could be asked, so that it can be tried again.
    """
    folder = folder_of(records.ROOT, request.project, request.id)
    note = begun.read(folder)
    with ExitStack() as stack:
        try:
            way, _ = stack.enter_context(deployments.gate(s, request.account))
        except SkpError as error:
            away = not isinstance(error, NoAccountError)
            return {**failed(error), "away": away, "settled": note is None}
        work = _Work(s, way, request, folder, note, note is None)
        try:
            return {**_DO[Verb(request.verb)](work), "settled": True}
        except (SkpError, KeyboardInterrupt) as error:
            ENDING.ignore()
            why = error if isinstance(error, SkpError) else InterruptError("it was ended")
            return {**_as_it_is(work), **failed(why), "settled": work.settled}


def settle(s: Session, request: Request) -> _Result:
    """Take back what an operation has begun; a removal is carried out to its end."""
    ENDING.ignore()
    folder = folder_of(records.ROOT, request.project, request.id)
    note = begun.read(folder)
    if note is None:
        return {"ok": True, "exit_code": 0}
    # (For the operator: what has begun was allowed, and it is to end whatever an account may now.)
    with deployments.gate(s) as (way, _):
        work = _Work(s, way, request, folder, note, settled=False)
        if request.verb == Verb.REMOVE:
            return {**_taken_away(work, note), "ended": "removed"}
        if not _went_back(work, note, None):
            raise NodeError("gate", f"{note.of} could not be taken back yet")
        return {"ok": True, "exit_code": 0, **_as_it_is(work)}


def plan(s: Session, request: Request) -> _Result:
    """Show what the file of one folder would change."""
    with deployments.gate(s, request.account) as (way, _):
        form = _form(s, way, request)
        steps = bringing.plan(s, way, [form], request.project)
    return {"ok": True, "exit_code": 0, "plan": [step.document for step in steps]}


def _apply(work: _Work) -> _Result:
    form = _form(work.s, work.way, work.request)
    of = work.way.whose(form, work.request.project)
    bringing.plan(work.s, work.way, [form], work.request.project)
    note = work.begin(of)
    return _brought(work, note, lambda: work.way.change(form, work.request.project))


def _rollback(work: _Work) -> _Result:
    of, store = work.of, work.way.store
    work.way.check(of)
    if not work.note and not store.services(of):
        raise RefusedError(Kind.UNKNOWN, f"there is no deployment {of}")
    # (Which one is "the one before" an earlier worker may have changed.)
    found = revisions.before(store, of, work.note.to if work.note else work.request.to)
    note = work.begin(of, found.number)
    work.s.say(f"{of}: back to revision {found.number}")
    return _brought(work, note, lambda: work.way.back_unless_there(found))


def _remove(work: _Work) -> _Result:
    of = work.of
    work.way.check(of)
    if not work.note and not work.way.store.services(of):
        raise RefusedError(Kind.UNKNOWN, f"there is no deployment {of}")
    ENDING.check()
    ENDING.ignore()
    note = work.begin(of)
    with deployments.audited(work.s, work.way):
        return _taken_away(work, note)


def _brought(work: _Work, note: Begun, do: Callable[[], Applied]) -> _Result:
    """Have something brought, and wait until it works.

    Raises:
        SkpError, KeyboardInterrupt: it does not work, or was ended: all is as before it. What is
            new and does not work stays, to be looked at.
    """
    s, way, applied = work.s, work.way, None
    with deployments.audited(s, way):
        try:
            s.say(f"bringing {note.of}")
            _await_engine(work, note)
            with ENDING.held():
                applied = do()
            rows = deployments.worked(s, way, applied)
        except BaseException as error:
            ENDING.ignore()
            stays = isinstance(error, NotWorkingError) and not note.before
            work.settled = stays or _went_back(work, note, applied)
            raise
        ENDING.ignore()
        s.warn(way.finish(applied))
        _tidy(way, note)
        s.say(f"{note.of}: revision {applied.revision} works")
    found = deployed.documents(rows)
    return {**_done(note), "revision": applied.revision, "rows": found}


def _await_engine(work: _Work, note: Begun) -> None:
    """Have the engine end what an earlier worker has had it change: it may go back by itself."""
    deadline = Deadline(work.s.settings.deadlines.healthy)
    while any(found.update in _GOING_ON for found in work.way.store.services(note.of)):
        if deadline.passed:
            return
        threading.Event().wait(_PAUSE)


def _went_back(work: _Work, note: Begun, applied: Applied | None) -> bool:
    """Have all be as it was; returns whether it is, or can't be, whatever is tried.

    Args:
        applied: what was done; None for nothing by this worker.
    """
    s, way = work.s, work.way
    try:
        if applied and applied.reserved and {f.revision for f in applied.before} <= {note.before}:
            way.go_back(applied)
        elif way.store.services(note.of) or note.before:
            _back(work, note)
        if note.before:
            together.await_old(s, way, note.of)
        _tidy(way, note)
    except SkpError as error:
        s.warn([f"{note.of}: it could not be taken back: {error.what}"])
        return not isinstance(error, NodeError)
    s.say(f"taken back: {note.of}")
    return True


def _back(work: _Work, note: Begun) -> None:
    """Have a deployment be as it was, by the revision that is kept, unless it is that."""
    way = work.way
    now = revisions.present(way.store, note.of)
    if now != note.before or going_back.is_mixed(way, note.of):
        going_back.as_before(work.s, way, note.of, note.before)


def _tidy(way: Gate, note: Begun) -> None:
    """Forget the revisions of earlier tries: the one before the present one is what was there."""
    now = revisions.present(way.store, note.of)
    for kept in way.store.revisions(note.of):
        if kept.number > note.last and kept.number != now:
            way.store.forget(kept)


def _taken_away(work: _Work, note: Begun) -> _Result:
    """Remove a deployment, unless it is another one by now."""
    now = revisions.present(work.way.store, note.of)
    if now in (0, note.before):
        work.way.remove(note.of, time.time())
    work.s.say(f"removed: {note.of}")
    return {**_done(note), "rows": []}


def _form(s: Session, way: Gate, request: Request) -> Form:
    """Return what the file says.

    Raises:
        ConfigError: it is wrong, or it is of another deployment than the request.
    """
    (folder,) = Path(TOP).iterdir()
    form = deployments.form_of(s, str(folder))
    own = way.whose(form, request.project).partition("/")[2]
    if request.name not in ("", own):
        what = f"{own}, and the request says {request.name}"
        raise form.error(("name",), what, "Say one of them.")
    return form


def _done(note: Begun) -> _Result:
    return {"ok": True, "exit_code": 0, "deployment": note.of.partition("/")[2]}


def _as_it_is(work: _Work) -> _Result:
    """Return how the deployment is, as far as that can be told."""
    found: _Result = {}
    with suppress(SkpError):
        rows = [row for row in work.way.rows(work.of) if row.piece.of == work.of]
        found["rows"] = deployed.documents(rows)
        found["revision"] = revisions.present(work.way.store, work.of) or None
    return {**found, "deployment": work.of.partition("/")[2]}


def failed(error: SkpError) -> _Result:
    """Tell an error as the command line does, and return the result that says it."""
    for line in f"skp: {error}".splitlines():
        sys.stderr.write(f"{line}\n")
    return told(error)


_DO: dict[Verb, Callable[[_Work], _Result]] = {
    Verb.APPLY: _apply,
    Verb.REMOVE: _remove,
    Verb.ROLLBACK: _rollback,
}
