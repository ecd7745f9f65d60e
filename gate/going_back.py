"""Having deployments be as they were, by the revisions that are kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import deployments
from cli.session import Session

if TYPE_CHECKING:
    from workloads.gate import Gate


def present(way: Gate) -> dict[str, int]:
    """Return by deployment the revision that it is."""
    found = dict[str, int]()
    for each in way.store.services():
        found[each.piece.of] = max(each.revision, found.get(each.piece.of, 0))
    return found


def is_mixed(way: Gate, of: str) -> bool:
    """Whether a deployment is of more than one revision: a change of it was cut short."""
    return len({found.revision for found in way.store.services(of)}) > 1


def as_before(s: Session, way: Gate, of: str, number: int) -> int:
    """Have a deployment be as it was in a revision; return the number that it has then."""
    kept = [found for found in way.store.revisions(of) if found.number == number]
    if not number or not kept:
        way.forget(of)
        return 0
    applied = way.back(kept[0])
    deployments.ended(s, way, applied)
    return applied.revision
