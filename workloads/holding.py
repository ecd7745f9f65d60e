"""Which node each copy is held to, of a deployment that can't be anywhere."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cluster.errors import ConfigError
from workloads.model import Deployment, VolumeKind
from workloads.needs import Needs, needs_of
from workloads.phases import constraints
from workloads.places import Place
from workloads.store import Found

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet


def nodes(
    wanted: Deployment,
    where: Mapping[str, Place],
    fleet: Fleet,
    default: Needs,
    present: Mapping[int, str],
) -> tuple[str, ...]:
    """Return the id of the node that each copy is held to; "" for any.

    Args:
        where: the Swarm's nodes, without what the deployment itself has there.
        default: what a container reserves that says nothing.
        present: by copy, the id of the node that it is held to now: it stays there if it can.

    Raises:
        ConfigError: there is none for a copy; it says why, for each node.
    """
    if not wanted.bound:
        return ("",) * wanted.replicas
    lacking = _lacking(wanted, fleet, where)
    chosen, taken = list[str](), dict[str, Needs]()
    needs = Needs()
    for part in wanted.parts:
        needs += needs_of(wanted, part, default)
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
        free = {p.id: p.free_memory - taken.get(p.id, Needs()).memory for p in fits}
        best = present[copy] if present.get(copy) in free else max(free, key=free.__getitem__)
        taken[best] = taken.get(best, Needs()) + needs
        chosen.append(best)
    return tuple(chosen)


def present(there: Sequence[Found]) -> dict[int, str]:
    """Return by copy the id of the node that services are held to."""
    held = ((found.piece.copy, constraints(found.spec["TaskTemplate"])[1]) for found in there)
    return {copy: node for copy, node in held if node}


# Whoever could rename a folder above it, or put a link in its place, would choose what is mounted.
_SAFE = """for p in {paths}; do
  [ -d "$p" ] && [ "$(realpath -e -- "$p")" = "$p" ] || {{ echo "$p"; continue; }}
  up=$p
  while [ "$up" != / ]; do
    up=$(dirname -- "$up")
    case $(stat -c '%u %A' -- "$up") in
      '0 d'????[!w]??[!w]*) ;;
      *) echo "$p"; break ;;
    esac
  done
done"""


def _lacking(
    wanted: Deployment, fleet: Fleet, where: Mapping[str, Place]
) -> Mapping[str, Sequence[str]]:
    """Return the folders that nodes do not have, or not where nobody but root may change them."""
    paths = [v.path for v in wanted.volumes.values() if v.kind is VolumeKind.HOST]
    if not paths:
        return {}
    script = _SAFE.format(paths=shlex.join(paths))
    found = fleet.ask(lambda node: node.run(script).text.split("\n"))
    unasked = {name: ["its folders were not looked at"] for name in where}
    lacking = {
        name: [f"it has no folder {path}, without a link, below folders that only root may change"
               for path in missing if path]
        for name, missing in found.values.items()
    }  # fmt: skip
    return unasked | lacking | {name: [error.what] for name, error in found.errors.items()}
