"""deploy.evacuate: deployments off a node, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import deployments
from cli.confirmation import confirm
from cli.session import Session
from cluster.errors import ConfigError, SkpError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def evacuate(s: Session, node: str) -> None:
    """Move what can be moved; name what stays, and why.

    Raises:
        ConfigError: no node is named, or the Swarm does not have it.
        SkpError: something that was to go does not work elsewhere.
    """
    from workloads import evacuation

    _need(s, node)
    names = s.inventory.names
    with deployments.gate(s) as (way, _):
        moving = evacuation.plan(way.store, node, names)
        going = [found.piece.name for found in moving.go]
        if s.options.dry:
            _show(s, "would go", going, moving.stays)
            return
        if going:
            what = f"{len(going)} container(s) of deployments on {node} begin elsewhere."
            confirm(what, s.options)
        with deployments.audited(s, way):
            evacuation.move(way.store, node, moving, names)
            seconds = s.settings.deadlines.healthy
            late = evacuation.wait(way.store, node, moving, names, seconds)
        _show(s, "went", [n for n in going if n not in {r.piece.name for r in late}], moving.stays)
    if late:
        told = [f"{row.piece.name}: {row.phase} on {row.node or 'no node'}" for row in late]
        raise SkpError("\n".join(told), "./skp.py deploy.list")


def undo(s: Session, node: str) -> None:
    """Let deployments begin on a node again."""
    from workloads import evacuation

    _need(s, node)
    with deployments.gate(s) as (way, _):
        if not s.options.dry:
            with deployments.audited(s, way):
                evacuation.set_available(way.store, node, evacuation.ACTIVE, s.inventory.names)
    s.show({"node": node}, [f"{node}: deployments may begin there."])


def _need(s: Session, node: str) -> None:
    if not node:
        raise ConfigError("a node is needed", f"./skp.py {s.command} {s.inventory.names[-1]}")


def _show(s: Session, word: str, going: Sequence[str], stays: Mapping[str, str]) -> None:
    lines = [f"{word}  {name}" for name in going]
    lines += [f"stays  {name}: {why}" for name, why in stays.items()]
    s.show({"went": list(going), "stays": dict(stays)}, lines or ["No deployment runs there."])
