"""Preparing machines: each item of a machine is checked, and fixed or undone; all machines at once.

An item is a file of shell functions in hosts/prepare/items, which run as root on the machine. After
a fix the item is checked again: a result "done" means that the second check found nothing wrong.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cluster.commands.report import Report
from cluster.config.secrets import Secret
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.item import Action, Kind, Noted
from cluster.model.result import Outcome, Result
from hosts.prepare.root import Root

_ITEMS = Path(__file__).parent / "items"
_COMMON = _ITEMS / "common"
_CHECK_SECONDS = 120.0  # for all items of a machine together
# Of two commands on one machine, the second waits for the first, checks, and finds nothing to do.
# Whoever can open the file can hold the lock for ever, so only root can.
_ALONE = """( umask 077; : >>/run/skp-setup.lock; chmod 600 /run/skp-setup.lock )
exec 9>/run/skp-setup.lock
flock -w 600 9 || { echo "another command has been at work on it for 10 minutes" >&2; exit 1; }
"""
_MARK = "= "


class Verb(StrEnum):
    """What is done about an item: each value is the name of a shell function."""

    FIX = "fix"
    UNDO = "undo"


@dataclass(frozen=True)
class Item:
    """One thing that machines are to have, or with `Verb.UNDO` no longer.

    Attributes:
        name: for a person.
        script: its file in hosts/prepare/items, without ".sh".
        values: shell variables that the script reads, the same for all nodes.
        own: those that differ, by node; a node that is not in it does not get the item, unless
            it is None.
    """

    name: str
    script: str
    values: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] | None = None
    verb: Verb = Verb.FIX

    def is_for(self, node: str) -> bool:
        """Whether the machine `node` is to have it."""
        return self.own is None or node in self.own

    def text(self, node: str) -> str:
        """Return the shell functions with their variables."""
        values = {**self.values, **(self.own or {}).get(node, {})}
        given = "".join(f"{key}={shlex.quote(value)}\n" for key, value in sorted(values.items()))
        script = (_ITEMS / f"{self.script}.sh").read_text(encoding="utf-8")
        return f"{_COMMON.read_text(encoding='utf-8')}\n{given}\n{script}\n"

    @property
    def check_function(self) -> str:
        """The shell function that prints what is wrong, and returns 1 if anything is."""
        return "check" if self.verb is Verb.FIX else "absent"


Found = Mapping[str, str]
"""By item, what is wrong with it; "" for nothing."""


def prepare(
    fleet: Fleet,
    items: Sequence[Item],
    password: Secret | None,
    say: Callable[[str], None],
    *,
    dry: bool,
) -> Report:
    """Make machines have `items`, all machines at once, and report each item.

    Args:
        items: those of all machines; `Item.is_for` says which machine gets which.
        password: for sudo, where it asks for one.
        say: takes a line of progress.
        dry: check only.
    """
    root = Root(password)

    def one(node: Node) -> list[Result]:
        own = [item for item in items if item.is_for(node.name)]
        found = _check(node, root, own)
        return [_outcome(node, root, item, found[item.name], None if dry else say) for item in own]

    done: Results[list[Result]] = fleet.ask(one)
    results = [result for each in done.values.values() for result in each]
    return Report(tuple(results), done.errors)


def _check(node: Node, root: Root, items: Sequence[Item]) -> Found:
    """Return what is wrong with each item, asked in one command."""
    parts = [
        f"echo {shlex.quote(_MARK + item.name)}\n{_check_script(item, node.name)}" for item in items
    ]
    done = root.run(node, "\n".join(parts), _CHECK_SECONDS)
    if done.exit_code != 0:
        raise NodeError(node.name, f"it could not be checked: {done.complaint()}")
    found: dict[str, str] = {}
    name = ""
    for line in done.text.splitlines():
        if line.startswith(_MARK):
            name = line.removeprefix(_MARK)
            found[name] = ""
        elif name:
            found[name] = f"{found[name]}; {line}".removeprefix("; ")
    return found


def _check_script(item: Item, node: str) -> str:
    # A check that breaks off prints nothing, and must not pass for one that found nothing wrong.
    return f"( {item.text(node)}\n{item.check_function} ) 2>&1 || echo '(not as it should be)'"


def _outcome(
    node: Node, root: Root, item: Item, wrong: str, say: Callable[[str], None] | None
) -> Result:
    """Return what became of an item; `say` is None for a dry run."""
    action = Action.INSTALL if item.verb is Verb.FIX else Action.REMOVE
    if not wrong:
        return Result(_noted(node, item, Action.KEEP), Outcome.UNCHANGED)
    noted = _noted(node, item, action)
    shown = wrong.removesuffix("; (not as it should be)")
    if say is None:
        return Result(noted, Outcome.PLANNED, shown)
    say(f"{node.name}: {action} {item.name} ({shown})")
    begun = time.monotonic()
    try:
        _do(node, root, item)
    except NodeError as error:
        what = error.what.removeprefix(f"{node.name}: ")
        return Result(noted, Outcome.FAILED, what, error.hint, time.monotonic() - begun)
    return Result(noted, Outcome.DONE, shown, "", time.monotonic() - begun)


def _noted(node: Node, item: Item, action: Action) -> Noted:
    return Noted(Kind.HOST, action, node.name, item.name)


def _do(node: Node, root: Root, item: Item) -> None:
    """Fix or undo an item, and check it again."""
    text = item.text(node.name)
    # A daemon that is started here must not inherit the lock (9): it would hold it for ever.
    script = (
        f"{_ALONE}( {text}\n{item.check_function} ) >/dev/null 2>&1 9>&- && exit 0\n"
        f"( {text}\n{item.verb} ) 9>&-"
    )
    done = root.run(node, script, node.deadlines.transfer)
    if done.exit_code != 0:
        raise NodeError(node.name, done.complaint())
    if wrong := _check(node, root, [item])[item.name]:
        raise NodeError(node.name, f"it is still not as it should be: {wrong}")
