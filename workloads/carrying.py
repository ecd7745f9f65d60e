"""Carrying out what was let in: reserved first, then made, and taken back where that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cluster.config.secrets import SPEC_KEY
from cluster.errors import SkpError
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, network
from workloads import holding, images, naming, on_nodes, revisions, switching, volumes, ways
from workloads.doors import Doors
from workloads.ledger import Entry
from workloads.model import Deployment
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
        doors: Doors,
    ) -> None:
        """Use the store of one cluster, and its ledger by `reservations`.

        Args:
            platform: returns what the platform's services have. doors: the front doors.
        """
        self.cluster, self.fleet, self.store, self.doors = cluster, fleet, store, doors
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
            granted = self._granted(wish, entry, held, there)
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

    def lead(self, applied: Applied) -> tuple[str, ...]:
        """Have the front doors lead to a revision that works; return warnings.

        Raises:
            SkpError: none could be told, or the deployment was removed or changed meanwhile.
        """
        if applied.ways and applied.reserved:
            entry = self.store.ledger.read().entries.get(applied.of)
            if entry is None or entry.since != applied.reserved.entry.since:
                what = f"{applied.of}: another command has removed or changed it meanwhile"
                raise SkpError(what, "./skp.py deploy.list shows it; type it again.")
        return switching.over(self.store, self.doors, applied)

    def finish(self, applied: Applied) -> tuple[str, ...]:
        """Remove what has no place in a revision that works, and the oldest revisions.

        What connections of the front doors still go to is waited for. Returns warnings: what could
        not be done, among others.
        """
        warnings = switching.drained(self.store, self.doors, applied)
        try:
            self._clean(applied)
        except SkpError as error:
            # (It serves: going back now would end it.)
            left = f"{applied.of}: what was there before is not all gone: {error.what}"
            return (*warnings, f"{left}; the same deploy.apply --update ends it")
        return warnings

    def _clean(self, applied: Applied) -> None:
        """Remove what has no place in a revision, unless another command has changed it since."""
        now = {found.id: found.revision for found in self.store.services(applied.of)}
        for found in applied.left:
            if now.get(found.id) == found.revision:
                self.store.remove(found)
        if applied.reserved:
            entry = applied.reserved.entry
            self._reservations.set_back(applied.of, entry, entry)
        revisions.forget_old(self.store, applied.of)

    def go_back(self, applied: Applied) -> None:
        """Bring back what was there before a revision that does not work."""
        switching.back(self.store, self.doors, applied)
        self._undo(applied.of, applied.revision, applied.before)
        if applied.reserved:
            self._reservations.set_back(applied.of, applied.reserved.entry, applied.reserved.before)

    def _undo(self, of: str, revision: int, before: Sequence[Found]) -> None:
        """Have the services be as they were, and forget the revision."""
        now = {found.piece: found for found in self.store.services(of)}
        for found in before:
            current = now.get(found.piece)
            if current and current.revision == revision:
                self.store.update(current, found.spec)
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

    def check(self, wanted: Deployment, of: str, there: Sequence[Found]) -> None:
        """Refuse what no quota, port or name is left for; raises RefusedError."""
        self._reservations.check(wanted, of, there, self._defaults)

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

    def _granted(
        self, wish: Wish, entry: Entry, nodes: tuple[str, ...], there: Sequence[Found]
    ) -> Granted:
        numbers = [found.number for found in self.store.revisions(wish.of)]
        project, slots, door = wish.project, dict[str, int](), ""
        if any(part.ways for part in wish.wanted.parts) or any(each.piece.slot for each in there):
            serving = ways.served(self.store.routes.read())
            slots = ways.slots(wish.wanted, there, serving, nodes)
            door = self._network(naming.door_network(project), attachable=True)
        return Granted(
            project=project,
            revision=max(numbers, default=0) + 1,
            user=wish.user,
            images=wish.images,
            ports=entry.ports,
            network=self._network(naming.network(project)),
            door=door,
            slots=slots,
            nodes=nodes,
            folder=volumes.folder(self.cluster.platform, project),
            secrets=wish.secrets,
            default=self._defaults,
            key=self.cluster.secrets[SPEC_KEY],
        )

    def _network(self, name: str, *, attachable: bool = False) -> str:
        like = network(self.cluster, Purpose.USERS)
        return self.store.network(name, like, attachable=attachable)

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
        parts = wish.wanted.parts
        if there and any(makes_room(wish.wanted, part, granted.nodes) for part in parts):
            gap = f"{wish.of}: what has a port, a GPU or one node ends before its new one begins"
            warnings = (*warnings, gap)
        left = tuple(by_name.values())
        return Applied(
            wish.of,
            granted.revision,
            tuple(there),
            left,
            reserved,
            warnings,
            ways.ways(wish.wanted, wish.project, granted.slots),
            ways.of(self.store.routes.read(), {found.spec["Name"] for found in there}),
            steady=wish.wanted.monitor if left and granted.door else 0,
            drain=wish.wanted.drain,
        )
