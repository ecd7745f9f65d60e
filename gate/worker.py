"""One request, carried out in a process of its own: what the command line does with `-a`.

Its working folder has the files. Standard input has the request, standard output gets lines of
JSON. SIGINT ends it: it takes back what it began, and then ends.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import bringing, deployed, deployments
from cli.options import Options
from cli.session import Session
from cluster.errors import InterruptError, SkpError
from gate import choosing, going_back, lines, operating, protocol, records, together
from gate.ending import ENDING
from gate.protocol import Action, Request
from gate.records import Brought, State
from gate.refusing import OWN_FAULT
from gate.spool import TOP

if TYPE_CHECKING:
    from workloads.form import Form
    from workloads.gate import Gate

_Result = dict[str, Any]


def main() -> int:
    """Carry out the request on standard input; returns the exit code."""
    request = protocol.parse_own(sys.stdin.readline())
    log, out = sys.stderr, lines.taken_over()
    ENDING.listen()
    options = Options(yes=True, json=request.json)
    s = Session(options, _command(request))
    try:
        found = _DO[request.action](s, request)
    except SkpError as error:
        found = operating.failed(error)
    except KeyboardInterrupt:
        found = operating.failed(
            InterruptError("ended before it was done: all is as it was before")
        )
    except Exception:  # noqa: BLE001 - whoever pushes is told, and the gate's log has it
        traceback.print_exc(file=log)
        found = operating.failed(SkpError(OWN_FAULT))
    out.result(found)
    return int(found["exit_code"])


def _command(request: Request) -> str:
    """Return what the audit trail calls a request."""
    if request.verb:
        return f"deploy.{request.verb} {request.project}/{request.name} ({request.id})"
    return f"deploy.push {request.project}@{request.commit[:12]}".rstrip("@")


def _apply(s: Session, request: Request) -> _Result:
    """Bring the folders that changed; all of them work then, or all are as they were."""
    before = records.state(records.ROOT, request.project)
    with deployments.gate(s, request.account) as (way, _):
        way.check(f"{request.project}/")
        present = going_back.present(way)
        chosen, forms = _wanted(s, request, before, present)
        _told(choosing.lines(chosen))
        names = {way.whose(form, request.project): name for name, form in forms.items()}
        if not forms:
            _told(["nothing to deploy: all is as it was pushed"])
            _keep(request, before, {}, names)
            return {"ok": True, "exit_code": 0, "ended": "unchanged", "revisions": {}, "rows": []}
        bringing.plan(s, way, [*forms.values()], request.project)
        running = {of: present.get(of, 0) for of in names}
        now = State(before.commit, before.folders, running)
        records.keep_state(records.ROOT, request.project, now)
        try:
            done, rows = together.bring(s, way, [*forms.values()], request.project)
        except BaseException:
            # (Else the server has it taken back again.)
            if _is_as_before(way, running):
                records.keep_state(records.ROOT, request.project, before)
            raise
        numbers = {each.of: each.revision for each in done}
        _keep(request, before, numbers, names)
    deployed.show(s, rows)
    found = deployed.documents(rows)
    return {"ok": True, "exit_code": 0, "ended": "deployed", "revisions": numbers, "rows": found}


def _is_as_before(way: Gate, running: Mapping[str, int]) -> bool:
    """Whether all that was begun is taken back, as far as that is known."""
    try:
        now = going_back.present(way)
    except SkpError:
        return False
    return all(now.get(of, 0) == number for of, number in running.items())


def _keep(
    request: Request, before: State, numbers: Mapping[str, int], names: Mapping[str, str]
) -> None:
    """Keep what is deployed now."""
    brought = {
        name: Brought(request.trees[name], of, numbers[of])
        for of, name in names.items()
        if of in numbers
    }
    now = State(request.commit, {**before.folders, **brought})
    records.keep_state(records.ROOT, request.project, now)


def _plan(s: Session, request: Request) -> _Result:
    """Show what would be done."""
    before = records.state(records.ROOT, request.project)
    with deployments.gate(s, request.account) as (way, _):
        way.check(f"{request.project}/")
        chosen, forms = _wanted(s, request, before, going_back.present(way))
        _told(choosing.lines(chosen))
        steps = bringing.plan(s, way, [*forms.values()], request.project)
    planned = [step.document for step in steps]
    return {"ok": True, "exit_code": 0, "ended": "planned", "revisions": {}, "plan": planned}


def _history(s: Session, request: Request) -> _Result:
    """Show the revisions of a deployment."""
    from workloads.revisions import present

    with deployments.gate(s, request.account) as (way, _):
        of = deployments.named(way.rows(), request.name)
        found, now = way.store.revisions(of), present(way.store, of)
    rows = deployed.show_history(s, found, now)
    return {"ok": True, "exit_code": 0, "ended": "told", "revisions": {}, "rows": rows}


def _recover(s: Session, request: Request) -> _Result:
    """Take back what a gate that was killed had begun: each is as its revision before says."""
    ENDING.ignore()
    left = records.state(records.ROOT, request.project)
    again = dict[str, int]()
    with deployments.gate(s) as (way, _):
        now = going_back.present(way)
        for of, number in (left.running or {}).items():
            if now.get(of, 0) == number and not going_back.is_mixed(way, of):
                continue
            _told([f"taking back: {of}"])
            again[of] = going_back.as_before(s, way, of, number)
    _renumber(request.project, left, again)
    return {"ok": True, "exit_code": 0, "ended": "taken back", "revisions": again, "rows": []}


def _hold(s: Session, request: Request) -> _Result:
    """Bring deployments back to what was pushed last, and tell which were another by now.

    One that a person removed stays removed, until the next push.
    """
    ENDING.ignore()
    kept, again = records.state(records.ROOT, request.project), dict[str, int]()
    with deployments.gate(s) as (way, _):
        now = going_back.present(way)
        for each in kept.folders.values():
            if now.get(each.of, 0) in (0, each.revision):
                continue
            if each.revision not in [r.number for r in way.store.revisions(each.of)]:
                s.warn([f"{each.of}: revision {each.revision} is not kept: push again"])
                continue
            commit = kept.commit[:12]
            _told([f"{each.of}: revision {now[each.of]} is not what was pushed ({commit})"])
            again[each.of] = going_back.as_before(s, way, each.of, each.revision)
    _renumber(request.project, kept, again)
    return {"ok": True, "exit_code": 0, "ended": "held", "revisions": again, "rows": []}


def _renumber(project: str, kept: State, again: Mapping[str, int]) -> None:
    """Keep which revisions have the content of those that were kept."""
    folders = {
        name: Brought(each.tree, each.of, again.get(each.of, each.revision))
        for name, each in kept.folders.items()
    }
    records.keep_state(records.ROOT, project, State(kept.commit, folders))


def _wanted(
    s: Session, request: Request, before: State, present: Mapping[str, int]
) -> tuple[choosing.Choice, dict[str, Form]]:
    """Return what is done of the push, and what the files of changed folders say.

    Raises:
        ConfigErrors: with all that is wrong in any of them.
    """
    from workloads import readers

    chosen = choosing.choose(request.trees, before, present)
    off = [name for name in chosen.changed if readers.is_switched_off(Path(TOP, name))]
    _told([f"{TOP}/{name}: not to be deployed (ENABLE_CD)" for name in off])
    names = [name for name in chosen.changed if name not in off]
    forms = bringing.each(lambda name: deployments.form_of(s, str(Path(TOP, name))), names)
    return chosen, dict(zip(names, forms, strict=True))


def _told(said: list[str]) -> None:
    for line in said:
        sys.stderr.write(f"  {line}\n")


_DO: dict[Action, Callable[[Session, Request], _Result]] = {
    Action.APPLY: _apply,
    Action.PLAN: _plan,
    Action.HISTORY: _history,
    Action.HOLD: _hold,
    Action.RECOVER: _recover,
    Action.OPERATE: operating.operate,
    Action.SETTLE: operating.settle,
    Action.PLAN_ONE: operating.plan,
}

if __name__ == "__main__":
    sys.exit(main())
