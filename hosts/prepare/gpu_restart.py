"""Engines that have to begin anew before the Swarm knows their GPUs: which, and what is asked."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cluster.commands.report import Report
from cluster.config.secrets import Secret
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.errors import NodeError, SkpError
from cluster.model.item import Action, Key, Kind, Noted
from cluster.model.result import Outcome, Result
from hosts.prepare.root import Root
from hosts.prepare.setup import Item, prepare

NAME = "Docker Engine"
_SECONDS = 120.0


@dataclass(frozen=True)
class Waiting:
    """An engine that does not yet go by its own file.

    Attributes:
        gpus: the identities that the file names, or will.
        running: the names of the containers that run there.
    """

    node: str
    gpus: tuple[str, ...]
    running: tuple[str, ...]


def waiting(
    fleet: Fleet, item: Item, report: Report, password: Secret | None
) -> Results[Waiting | None]:
    """Return which engines of `fleet` wait for a restart, after `item` was fixed as `report` says.

    Machines where it was not are not asked: their files do not name the GPUs, or sudo refused.
    """
    fixed = [r.item.node for r in report.results if r.item.name == item.name and r.ok]
    root = Root(password)

    def one(node: Node) -> Waiting | None:
        done = root.run(node, f"( {item.text(node.name)}\nwaiting )", _SECONDS)
        if done.exit_code != 0:
            raise NodeError(node.name, f"its GPUs could not be asked for: {done.complaint()}")
        lines = [line.partition(" ") for line in done.text.splitlines()]
        gpus = tuple(value for word, _, value in lines if word == "gpu")
        running = tuple(sorted(value for word, _, value in lines if word == "runs"))
        return Waiting(node.name, gpus, running) if gpus else None

    return fleet.each(one, fixed)


def question(engines: Iterable[Waiting]) -> str:
    """Return what a person is asked before engines restart on which containers run."""
    listed = "".join(f"\n  {each.node}: {', '.join(each.running)}" for each in engines)
    return (
        "The Swarm knows these nodes' GPUs once their engines have been restarted, one after\n"
        "another. The Swarm's tasks are moved to other nodes first, and what is bound to its\n"
        f"node waits; other containers stop and start again:{listed}"
    )


def left(engines: Iterable[Waiting]) -> list[Result]:
    """Return the results of engines that are not restarted, since nobody agreed."""
    return [
        Result(
            _noted(each.node),
            Outcome.SKIPPED,
            f"{len(each.running)} container(s) run: the Swarm knows its GPUs from the engine's "
            "next restart on",
            f"./skp.py host.install --nodes {shlex.quote(each.node)} --yes restarts it.",
        )
        for each in engines
    ]


def failed(engines: Iterable[Waiting], error: SkpError) -> list[Result]:
    """Return the results of engines that were not restarted because of `error`."""
    return [Result(_noted(e.node), Outcome.FAILED, error.what, error.hint) for e in engines]


def mended(
    fleet: Fleet, items: Sequence[Item], report: Report, restarted: Collection[str]
) -> Report:
    """Return `report` without failures that a restart of the engine has ended.

    An item that has to have the engine begin anew fails where containers run (the GPU runtime).

    Args:
        restarted: the nodes whose engines began anew.
    """
    doubtful = [
        (item, r.item.node)
        for r in report.results
        for item in items
        if not r.ok and r.item.name == item.name and r.item.node in restarted
    ]
    fine = set[Key]()
    for item, node in doubtful:
        one = replace(item, own={node: (item.own or {}).get(node, {})})
        found = prepare(fleet, [one], None, lambda _: None, dry=True)
        fine |= {r.item.key for r in found.results if r.outcome is Outcome.UNCHANGED}
    ended = "it works since the engine's restart"
    results = (
        replace(r, outcome=Outcome.DONE, detail=ended, hint="") if r.item.key in fine else r
        for r in report.results
    )
    return replace(report, results=tuple(results))


def joined(report: Report, errors: Mapping[str, NodeError], *more: Report) -> Report:
    """Return `report` with the results, errors and warnings of what came after it."""
    results = [*report.results, *(result for each in more for result in each.results)]
    warnings = [*report.warnings, *(line for each in more for line in each.warnings)]
    lost = dict(report.unreachable) | dict(errors)
    for each in more:
        lost |= each.unreachable
    return replace(report, results=tuple(results), unreachable=lost, warnings=tuple(warnings))


def _noted(node: str) -> Noted:
    return Noted(Kind.HOST, Action.RESTART, node, NAME)
