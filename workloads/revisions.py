"""Which revision of a deployment is meant, and which are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cluster.errors import ConfigError
from workloads import ways
from workloads.store import Found, Revision, Store
from workloads.wish import Applied, Wish

_KEPT = 10  # revisions of a deployment
_REMOVED_DAYS = 30
_DAY = 86400


def before(store: Store, of: str, number: int = 0) -> Revision:
    """Return an earlier revision.

    Args:
        number: which; 0 for the one before the present one.

    Raises:
        ConfigError: there is none.
    """
    now = present(store, of)
    kept = [found for found in store.revisions(of) if found.number != now]
    chosen = [found for found in kept if found.number == (number or found.number)]
    older = chosen if number else [found for found in chosen if found.number < now]
    if not older:
        there = ", ".join(str(found.number) for found in kept) or "none"
        which = f"revision {number} to go to" if number else "revision before the present one"
        raise ConfigError(f"{of}: there is no {which}", f"There are: {there}.")
    return older[-1]


def present(store: Store, of: str) -> int:
    """Return the number of the revision that a deployment is; 0 where it is none."""
    return max((found.revision for found in store.services(of)), default=0)


def last_user(store: Store, project: str) -> str:
    """Return "UID:GID" of the last revision that a project has had; "" where none says it."""
    own = [r.document for r in store.revisions() if r.of.startswith(f"{project}/")]
    return next((str(said["user"]) for said in reversed(own) if "user" in said), "")


def removed(store: Store, of: str, sees: Callable[[str], bool]) -> Revision:
    """Return the last revision of a deployment that was removed.

    Args:
        sees: whether whoever asks may know what a project has.

    Raises:
        ConfigError: none of that name was, in the last 30 days.
    """
    found = store.revisions(of)
    if not found or not found[-1].removed:
        names = {each.of for each in store.revisions() if each.removed}
        there = ", ".join(n for n in sorted(names) if sees(n.partition("/")[0])) or "none"
        raise ConfigError(f"{of}: no removed deployment of that name", f"There are: {there}.")
    return found[-1]


def unchanged(store: Store, wish: Wish, there: Sequence[Found], users: str) -> Applied | None:
    """Return what there is, where that is what is wanted; None where it is not.

    Args:
        users: "UID:GID" of revisions that an earlier SKP kept, which do not say whose they are.
    """
    present = {found.revision for found in there}
    kept = [found for found in store.revisions(wish.of) if {found.number} == present]
    pieces = len(wish.wanted.parts) * wish.wanted.replicas
    if not kept or len(there) != pieces or {"user": users, **kept[0].document} != wish.document:
        return None
    slots = {found.piece.part: found.piece.slot for found in there}
    leads = ways.ways(wish.wanted, wish.project, slots)
    return Applied(wish.of, kept[0].number, tuple(there), ways=leads)


def forget_old(store: Store, of: str) -> None:
    """Remove the oldest revisions of a deployment, and all of what was removed long ago."""
    found = store.revisions()
    long_gone = time.time() - _REMOVED_DAYS * _DAY
    newest = {each.of: each for each in found}
    gone = {name for name, each in newest.items() if 0 < each.removed < long_gone}
    own = [each for each in found if each.of == of]
    for each in [*own[:-_KEPT], *(each for each in found if each.of in gone)]:
        store.forget(each)
