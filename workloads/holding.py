"""Which node each copy is held to, of a deployment that can't be anywhere."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cluster.errors import ConfigError
from workloads.model import Deployment, VolumeKind
from workloads.places import Needs, Place

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet


def nodes(
    wanted: Deployment, where: Mapping[str, Place], fleet: Fleet, default: Needs
) -> tuple[str, ...]:
    """Return the id of the node that each copy is held to; "" for any.

    Args:
        where: the Swarm's nodes. default: what a container reserves that says nothing.

    Raises:
        ConfigError: there is none for a copy; it says why, for each node.
    """
    if not wanted.bound:
        return ("",) * wanted.replicas
    lacking = _lacking(wanted, fleet)
    chosen, taken = list[str](), dict[str, Needs]()
    needs = _needs(wanted, default)
    for copy in range(wanted.replicas):
        reasons = {
            place.name: [
                *place.lacks(needs + taken.get(place.id, Needs()), wanted.placement),
                *lacking.get(place.name, []),
                *([f"it is not {wanted.node}"] if wanted.node not in ("", place.name) else []),
            ]
            for place in where.values()
        }
        fits = [place for place in where.values() if not reasons[place.name]]
        if not fits:
            told = "; ".join(f"{name}: {', '.join(why)}" for name, why in reasons.items())
            what = f"{wanted.name}: no node has a place for copy {copy}: {told}"
            raise ConfigError(what, f"It is bound: {'; '.join(wanted.bound)}.")
        best = max(fits, key=lambda p: p.free_memory - taken.get(p.id, Needs()).memory)
        taken[best.id] = taken.get(best.id, Needs()) + needs
        chosen.append(best.id)
    return tuple(chosen)


def _needs(wanted: Deployment, default: Needs) -> Needs:
    total = Needs()
    for own in (part.resources for part in wanted.parts):
        total += Needs(own.cpus or default.cpus, own.memory or default.memory, own.gpus)
    return total


def _lacking(wanted: Deployment, fleet: Fleet) -> Mapping[str, Sequence[str]]:
    """Return the folders that nodes do not have, or have by way of a link."""
    paths = [v.path for v in wanted.volumes.values() if v.kind is VolumeKind.HOST]
    if not paths:
        return {}
    quoted = " ".join(shlex.quote(path) for path in paths)
    script = (
        f'for p in {quoted}; do [ -d "$p" ] && [ "$(realpath -e -- "$p")" = "$p" ] '
        '|| echo "$p"; done'
    )
    found = fleet.ask(lambda node: node.run(script).text.split("\n"))
    lacking = {
        name: [f"it has no folder {path} that is no link" for path in missing if path]
        for name, missing in found.values.items()
    }
    return lacking | {name: [error.what] for name, error in found.errors.items()}
