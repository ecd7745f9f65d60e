"""Several deployments as one: all of them work in the end, or all are as they were before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli import deployments
from cli.session import Session
from cluster.errors import SkpError
from gate.ending import ENDING
from workloads import revisions
from workloads.waiting import wait
from workloads.wish import Applied

if TYPE_CHECKING:
    from workloads.form import Form
    from workloads.gate import Gate
    from workloads.phases import Row


def bring(
    s: Session, way: Gate, wanted: Sequence[Form], project: str
) -> tuple[list[Applied], list[Row]]:
    """Have deployments made or changed, wait until all work, and return what was done.

    Raises:
        SkpError, KeyboardInterrupt: one does not work, or it was ended: all are taken back.
    """
    begun = list[Applied]()
    with deployments.audited(s, way):
        try:
            for form in wanted:
                s.say(f"bringing {way.whose(form, project)}")
                with ENDING.held():
                    begun.append(way.change(form, project))
            rows = [row for each in begun for row in deployments.worked(s, way, each)]
        except BaseException:
            ENDING.ignore()
            _take_back(s, way, begun)
            raise
        ENDING.ignore()
        for each in begun:
            s.warn(way.finish(each))
    return begun, rows


def _take_back(s: Session, way: Gate, begun: Sequence[Applied]) -> None:
    """Have all be as it was, the last one first; what can't be is told."""
    changed = [each for each in reversed(begun) if each.reserved]
    for each in changed:
        try:
            way.go_back(each)
        except SkpError as error:
            s.warn([f"{each.of}: it could not be taken back: {error.what}"])
        else:
            s.say(f"taken back: {each.of}")
    for each in changed:
        if each.before:
            await_old(s, way, each.of)


def await_old(s: Session, way: Gate, of: str) -> None:
    """Wait until a deployment works that was taken back; what does not is told."""
    there = Applied(of, revisions.present(way.store, of))
    seconds = s.settings.deadlines.healthy
    outcome = wait(way.store, there, s.inventory.names, seconds, lambda _: None)
    if outcome.failed:
        s.warn(outcome.failed)
