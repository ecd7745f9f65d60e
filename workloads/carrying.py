"""Carrying out what was let in: reserved first, then made, and taken back where that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cluster.config.secrets import SPEC_KEY
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, network
from workloads import holding, images, naming, on_nodes, revisions, volumes
from workloads.ledger import Entry
from workloads.needs import Needs
from workloads.placeholders import image_of
from workloads.places import Place, places
from workloads.platform import Platform
from workloads.reservations import Reservations
from workloads.store import Found, Store
from workloads.texts import size
from workloads.to_service import Granted, makes_room, specs
from workloads.wish import Applied, Reserved, Wish

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet


class Carrier:
    """Makes, changes and removes services for wishes that were checked."""

    def __init__(
        self,
        cluster: Cluster,
        fleet: Fleet,
        store: Store,
        reservations: Reservations,
        platform: Callable[[], Platform],
    ) -> None:
        """Use the store of one cluster, and its ledger by `reservations`.

        Args:
            platform: returns what the platform's services have.
        """
        self.cluster, self.fleet, self.store = cluster, fleet, store
        self._reservations, self._platform = reservations, platform

    def carry_out(self, wish: Wish, there: Sequence[Found]) -> Applied:
        """Make what is wanted of services that are there, and keep the revision.

        What has no place in it any more stays until `finish`, and what was reserved does too.
        """
        entry, before = self._reservations.reserve(wish, there, self._defaults)
        try:
            where = self._places(there)
            warnings = self._pull(wish.images.values(), where)
            held = holding.nodes(
                wish.wanted, where, self.fleet, self._defaults, holding.present(there)
            )
            granted = self._granted(wish, entry, held)
            on_nodes.make_folders(self._master, wish.wanted, granted)
            return self._make(wish, granted, there, Reserved(entry, before), warnings)
        except BaseException:
            self._reservations.set_back(wish.of, entry, before)
            raise

    def _places(self, there: Sequence[Found]) -> dict[str, Place]:
        """Return the Swarm's nodes, without what the deployment itself has there.

        What the platform holds is reserved first; it counts whether its tasks are placed or not.
        """
        names, placeholders = self.cluster.inventory.names, self.store.placeholders
        nodes, tasks = self.store.nodes(), self.store.tasks()
        platform, before = self._platform(), placeholders.there()
        held = placeholders.bring_up_to_date(
            platform,
            places(nodes, (), names),
            before,
            lambda: image_of(self._master, platform.image),
        )
        own = {found.id for found in there} | {found["ID"] for found in before.values()}
        others = [task for task in tasks if task.get("ServiceID") not in own]
        found = places(nodes, others, names)
        return {name: each.without(held.get(name, Needs())) for name, each in found.items()}

    def finish(self, applied: Applied) -> None:
        """Remove what has no place in a revision that works, and the oldest revisions."""
        for found in applied.left:
            self.store.remove(found)
        if applied.reserved:
            entry = applied.reserved.entry
            self._reservations.set_back(applied.of, entry, entry)
        revisions.forget_old(self.store, applied.of)

    def go_back(self, applied: Applied) -> None:
        """Bring back what was there before a revision that does not work."""
        self._undo(applied.of, applied.revision, applied.before)
        if applied.reserved:
            self._reservations.set_back(applied.of, applied.reserved.entry, applied.reserved.before)

    def _undo(self, of: str, revision: int, before: Sequence[Found]) -> None:
        """Have the services be as they were, and forget the revision."""
        now = {found.piece: found for found in self.store.services(of)}
        for found in before:
            current = now.get(found.piece)
            if current and current.revision == revision:
                self.store.update(current, _lasting(found.spec))
        known = {found.piece for found in before}
        for piece, found in now.items():
            if piece not in known and found.revision == revision:
                self.store.remove(found)
        for kept in self.store.revisions(of):
            if kept.number == revision:
                self.store.forget(kept)

    @property
    def _master(self) -> Any:
        return self.fleet.node(self.cluster.inventory.master.name)

    @property
    def _defaults(self) -> Needs:
        """What a container gets that says nothing."""
        text = self.cluster.settings.text
        return Needs(float(text("DEPLOY_CPUS")), size(text("DEPLOY_MEMORY")))

    def _pull(self, references: Iterable[str], where: Mapping[str, Place]) -> tuple[str, ...]:
        """Have every node that may run it have the images; tell which do not."""
        names = [n for n in self.fleet.nodes if n in where and not where[n].trouble]
        failed = images.pull(self.fleet, names, references)
        return tuple(
            f"{error.what}; a container that lands there waits for it" for error in failed.values()
        )

    def _granted(self, wish: Wish, entry: Entry, nodes: tuple[str, ...]) -> Granted:
        numbers = [found.number for found in self.store.revisions(wish.of)]
        project = wish.project
        return Granted(
            project=project,
            revision=max(numbers, default=0) + 1,
            user=wish.user,
            images=wish.images,
            ports=entry.ports,
            network=self.store.network(
                naming.network(project), network(self.cluster, Purpose.USERS)
            ),
            nodes=nodes,
            folder=volumes.folder(self.cluster.platform, project),
            secrets=wish.secrets,
            default=self._defaults,
            key=self.cluster.secrets[SPEC_KEY],
        )

    def _make(
        self,
        wish: Wish,
        granted: Granted,
        there: Sequence[Found],
        reserved: Reserved,
        warnings: tuple[str, ...],
    ) -> Applied:
        """Make and change services; the revision is kept before any of it."""
        self.store.keep(wish.of, granted.revision, wish.document, wish.by)
        by_name = {found.spec["Name"]: found for found in there}
        try:
            for spec in specs(wish.wanted, granted):
                if found := by_name.pop(spec["Name"], None):
                    self.store.update(found, spec)
                else:
                    self.store.create(spec)
        except BaseException:
            self._undo(wish.of, granted.revision, there)
            raise
        if there and any(makes_room(wish.wanted, part, granted) for part in wish.wanted.parts):
            gap = f"{wish.of}: what has a port, a GPU or one node ends before its new one begins"
            warnings = (*warnings, gap)
        left = tuple(by_name.values())
        return Applied(wish.of, granted.revision, tuple(there), left, reserved, warnings)


def _lasting(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a service goes back to, so that it stays there whatever happens at first.

    The engine would take an early end of a task, as of a node that is lost then, for a reason to
    roll the update back: to the revision that is to be left.
    """
    return {
        **spec,
        "UpdateConfig": {**(spec.get("UpdateConfig") or {}), "FailureAction": "continue"},
    }
