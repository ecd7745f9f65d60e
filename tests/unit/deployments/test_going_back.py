"""Going back to what was there before a revision that does not work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from workloads.carrying import Carrier
from workloads.doors import Doors
from workloads.naming import Piece
from workloads.store import Found
from workloads.wish import Applied

PIECE, NEW = Piece("vision", "web", 0, "main"), Piece("vision", "web", 1, "main")
SPEC = {"Name": "web", "UpdateConfig": {"FailureAction": "rollback", "Parallelism": 1}}


class Store:
    """The Swarm's store with one service that was changed, and one that is new."""

    def __init__(self) -> None:
        self.updated: list[Any] = []
        self.removed: list[Piece] = []
        self.forgotten: list[int] = []

    def services(self, _of: str) -> list[Found]:
        return [Found(each, 2, "id", 9, {"Name": "new"}) for each in (PIECE, NEW)]

    def update(self, _found: Found, spec: Any) -> None:
        self.updated.append(spec)

    def remove(self, found: Found) -> None:
        self.removed.append(found.piece)

    def revisions(self, _of: str) -> list[Any]:
        return [SimpleNamespace(number=number) for number in (1, 2)]

    def forget(self, kept: Any) -> None:
        self.forgotten.append(kept.number)


def test_the_engine_does_not_roll_back_what_goes_back() -> None:
    carrier, store = Carrier.__new__(Carrier), Store()
    fake: Any = store
    carrier.store, carrier.doors = fake, Doors()
    before = Found(PIECE, 1, "id", 8, SPEC)
    carrier.go_back(Applied("vision/web", 2, (before,)))
    config = {"FailureAction": "continue", "Parallelism": 1}
    assert store.updated == [{"Name": "web", "UpdateConfig": config}]
    assert (store.removed, store.forgotten) == ([NEW], [2])
