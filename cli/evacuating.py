"""deploy.evacuate: deployments off a node, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import deployments
from cli.confirmation import confirm
from cli.session import Session
from cluster.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.evacuation import Moving


def evacuate(s: Session, node: str) -> None:
    """Move what can be moved; name what stays, and why.

    What was to go and does not work elsewhere is shown, and the command ends with 1.

    Raises:
        ConfigError: no node is named, or the Swarm does not have it.
    """
    from workloads import evacuation

    _need(s, node)
    names = s.inventory.names
    with deployments.gate(s) as (way, _):
        moving = evacuation.plan(way.store, node, names)
        if s.options.dry:
            _show(s, "would go", moving, {})
            return
        if moving.go:
            what = f"{len(moving.go)} container(s) of deployments on {node} begin elsewhere."
            confirm(what, s.options)
        with deployments.audited(s, way):
            moving = evacuation.move(way.store, node, names)
            seconds = s.settings.deadlines.healthy
            rows = evacuation.wait(way.store, node, moving, names, seconds)
            late = {row.piece.name: f"{row.phase} on {row.node or 'no node'}" for row in rows}
            _show(s, "went", moving, late)
            s.end({}, late)


def undo(s: Session, node: str) -> None:
    """Let deployments begin on a node again."""
    from workloads import evacuation

    _need(s, node)
    names = s.inventory.names
    with deployments.gate(s) as (way, _):
        if s.options.dry:
            evacuation.entry(way.store, node, names)
        else:
            with deployments.audited(s, way):
                evacuation.set_available(way.store, node, evacuation.ACTIVE, names)
    word = "would begin" if s.options.dry else "may begin"
    s.show({"node": node}, [f"{node}: deployments {word} there."])


def _need(s: Session, node: str) -> None:
    if not node:
        raise ConfigError("a node is needed", f"./skp.py {s.command} {s.inventory.names[-1]}")


def _show(s: Session, word: str, moving: Moving, late: Mapping[str, str]) -> None:
    going = [found.piece.name for found in moving.go if found.piece.name not in late]
    lines = [f"{word}  {name}" for name in going]
    lines += [f"stays  {name}: {why}" for name, why in moving.stays.items()]
    lines += [f"does not work elsewhere  {name}: {how}" for name, how in late.items()]
    lines += ["./skp.py deploy.list says why."] if late else []
    document = {"went": going, "stays": dict(moving.stays), "late": dict(late)}
    s.show(document, lines or ["No deployment runs there."])
