"""Logins by key alone: switched on where a key has just logged in, and proven by another login."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from cluster.commands.report import Report
from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.connectors.fleet import Fleet
from cluster.connectors.local import LocalConnection
from cluster.errors import NodeError
from cluster.model.result import Outcome, Result
from hosts.prepare.setup import Item, Verb, prepare

Connect = Callable[[Sequence[Host]], AbstractContextManager[Fleet]]


@dataclass(frozen=True)
class Ways:
    """What it is carried out with.

    Attributes:
        password: for sudo alone, where it asks for one. connect: opens new connections, by key.
        say: takes a line of progress.
    """

    password: Secret | None
    connect: Connect
    say: Callable[[str], None]


def keys_only(fleet: Fleet, item: Item, ways: Ways, *, dry: bool) -> Report:
    """Have the machines of `fleet` take no passwords; where no key logs in then, take it back.

    Args:
        fleet: connected without a password, so that whoever is connected is so by a key.
        dry: check only.
    """
    local = [n for n, node in fleet.nodes.items() if isinstance(node.connection, LocalConnection)]
    own = {name: values for name, values in (item.own or {}).items() if name not in local}
    report = prepare(fleet, [replace(item, own=own)], ways.password, ways.say, dry=dry)
    changed = [r.item.node for r in report.results if r.outcome is Outcome.DONE]
    lost: Mapping[str, NodeError] = {}
    if changed and item.verb is Verb.FIX:
        with ways.connect([fleet.node(name).host for name in changed]) as proof:
            lost = proof.unreachable
    if lost:
        undo = replace(item, verb=Verb.UNDO, own={name: own[name] for name in lost})
        prepare(fleet, [undo], ways.password, ways.say, dry=False)
    results = tuple(_judged(result, lost) for result in report.results)
    warnings = tuple(
        f"{name} is this machine: no key has logged in to it, so its sshd stays as it is"
        for name in local
    )
    return Report(results, report.unreachable, warnings)


def _judged(result: Result, lost: Mapping[str, NodeError]) -> Result:
    error = lost.get(result.item.node)
    if error is None:
        return result
    what = f"no key logs in without passwords, so it was taken back: {error.what}"
    return replace(result, outcome=Outcome.FAILED, detail=what, hint=error.hint)
