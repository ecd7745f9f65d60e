"""The only way in: a deployment and who brings it become services, or an error says why not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.config.secrets import SPEC_KEY
from cluster.connectors.managers import Managers
from cluster.errors import ConfigError, ConfigErrors, NodeError, nearest
from cluster.model.cluster import Cluster
from workloads import holding, images, naming, on_nodes, revisions
from workloads.build import deployment
from workloads.form import Form
from workloads.ledger import Ask, Entry, Ledger, Limits, asked
from workloads.model import Deployment, VolumeKind, is_inside
from workloads.naming import Piece
from workloads.phases import Row, rows
from workloads.places import Needs, Place, places
from workloads.store import Found, Revision, Store
from workloads.texts import size
from workloads.to_service import Granted, makes_room, specs
from workloads.wish import Applied, Wish

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet

_REQUEST_SECONDS = 30
# Seconds: what was reserved that long ago, and has no services, was given up by whoever did so.
_GIVEN_UP = 900
DEFAULT_PROJECT = "default"


class Gate:
    """Deployments of one cluster, for whoever may bring them."""

    def __init__(self, cluster: Cluster, fleet: Fleet) -> None:
        """Use the managers that can be reached.

        Raises:
            NodeError: none can be.
        """
        names = [host.name for host in cluster.inventory.managers]
        if not any(name in fleet.nodes for name in names):
            raise fleet.unreachable.get(names[0]) or NodeError(names[0], "no manager is connected")
        self.cluster, self.fleet = cluster, fleet
        managers = Managers(fleet, names, "asking for deployments", _REQUEST_SECONDS)
        self.store = Store(managers, cluster.secrets[SPEC_KEY])

    def rows(self, of: str = "") -> list[Row]:
        """Return how the containers of a deployment are; of all for ""."""
        return rows(self.store.services(of), self.store.tasks(), self.store.nodes())

    def let_in(self, form: Form, project: str) -> Applied:
        """Let a new deployment in.

        Args:
            project: whose it is, where the file does not say.

        Raises:
            ConfigErrors, ConfigError: it can't be let in; nothing was changed.
        """
        wanted, of = self._named(form, project)
        if self.store.services(of):
            what = f"{of}: there is a deployment of that name"
            hint = "deploy.apply --update changes it; deploy.rm removes it."
            raise form.error(("name",), what, hint)
        return self._bring(form, wanted, of, [])

    def change(self, form: Form, project: str) -> Applied:
        """Let a deployment in that may be there already: it is changed then.

        Raises:
            ConfigErrors, ConfigError: as `let_in`.
        """
        wanted, of = self._named(form, project)
        return self._bring(form, wanted, of, self.store.services(of))

    def plan(self, form: Form, project: str) -> list[tuple[str, str]]:
        """Return what would be done: pairs of make, change or remove, and a service's name.

        Raises:
            ConfigErrors, ConfigError: it could not be let in.
        """
        wanted, of = self._named(form, project)
        self._check(form, wanted, of)
        images.digests(self._master, [part.image for part in wanted.parts])
        there = [found.piece.name for found in self.store.services(of)]
        owner, _, name = of.partition("/")
        names = [
            Piece(owner, name, copy, part.name).name
            for copy in range(wanted.replicas)
            for part in wanted.parts
        ]
        steps = [("change" if each in there else "make", each) for each in names]
        return steps + [("remove", each) for each in there if each not in names]

    def _named(self, form: Form, project: str) -> tuple[Deployment, str]:
        wanted = deployment(form)
        return wanted, f"{wanted.project or project or DEFAULT_PROJECT}/{wanted.name}"

    def _bring(self, form: Form, wanted: Deployment, of: str, there: Sequence[Found]) -> Applied:
        self._check(form, wanted, of)
        references = {part.name: part.image for part in wanted.parts}
        found = images.digests(self._master, references.values())
        known = {part: found[reference] for part, reference in references.items()}
        wish = Wish(form.value, wanted, of, known, self._secrets(wanted, of))
        return revisions.unchanged(self.store, wish, there) or self.carry_out(wish, there)

    def carry_out(self, wish: Wish, there: Sequence[Found]) -> Applied:
        """Make what is wanted of services that are there, and keep the revision.

        What has no place in it any more stays until `finish`.
        """
        ask = self._asked(wish)
        before = self.store.ledger().entries.get(wish.of)
        ledger = self._reserve(ask)
        try:
            where = places(self.store.nodes(), self.store.tasks())
            warnings = self._pull(wish.images.values(), where)
            nodes = holding.nodes(wish.wanted, where, self.fleet, self._defaults)
            granted = self._granted(wish, ledger.entries[wish.of], nodes)
            on_nodes.make_folders(self._master, wish.wanted, granted)
            return self._make(wish, granted, there, before, warnings)
        except BaseException:
            self.store.change(lambda now: _restored(now, wish.of, before))
            raise

    def finish(self, applied: Applied) -> None:
        """Remove what has no place in a revision that works, and the oldest revisions."""
        for found in applied.left:
            self.store.remove(found)
        revisions.forget_old(self.store, applied.of)

    def go_back(self, applied: Applied) -> None:
        """Bring back what was there before a revision that does not work."""
        now = {found.piece: found for found in self.store.services(applied.of)}
        for found in applied.before:
            current = now.get(found.piece)
            if current and current.revision == applied.revision:
                self.store.update(current, found.spec)
        for piece in set(now) - {found.piece for found in applied.before}:
            self.store.remove(now[piece])
        for revision in self.store.revisions(applied.of):
            if revision.number == applied.revision:
                self.store.forget(revision)
        self.store.change(lambda ledger: _restored(ledger, applied.of, applied.entry))

    def back(self, found: Revision) -> Applied:
        """Bring an older revision in place of the present one, with the images that it had."""
        return self._again(found, self.store.services(found.of))

    def restore(self, found: Revision) -> Applied:
        """Bring back a deployment that was removed."""
        applied = self._again(found, [])
        self.store.mark_removed(found, 0)
        return applied

    def _again(self, found: Revision, there: Sequence[Found]) -> Applied:
        value = found.document["form"]
        form = Form(Path(found.of), value, lambda _: f"{found.of}, revision {found.number}")
        wanted = deployment(form)
        known = found.document["images"]
        wish = Wish(value, wanted, found.of, known, self._secrets(wanted, found.of))
        return self.carry_out(wish, there)

    def _secrets(self, wanted: Deployment, of: str) -> dict[str, int]:
        names = {name for part in wanted.parts for name in part.secrets}
        if not names:
            return {}
        known = self.store.secrets.of(of.partition("/")[0])
        return {name: known[name][0].number for name in sorted(names) if name in known}

    def remove(self, of: str, when: float) -> None:
        """Take a deployment away: its services, and what was reserved. Its volumes stay."""
        for found in self.store.services(of):
            self.store.remove(found)
        self.store.change(lambda now: now.released([of]))
        if revisions := self.store.revisions(of):
            self.store.mark_removed(revisions[-1], when)

    def limit(self, project: str, limits: Limits) -> None:
        """Set what a project may have."""
        self.store.change(lambda now: now.limited(project, limits))

    @property
    def _master(self) -> Any:
        return self.fleet.node(self.cluster.inventory.master.name)

    def _check(self, form: Form, wanted: Deployment, of: str) -> None:
        """Refuse what this cluster can't do.

        Raises:
            ConfigErrors: with everything.
        """
        names = self.cluster.inventory.names
        errors: list[ConfigError] = []
        if wanted.node and wanted.node not in names:
            what = f"there is no node {wanted.node}{nearest(wanted.node, names)}"
            errors.append(form.error(("node",), what, f"There are: {', '.join(names)}."))
        allowed = self.cluster.settings.text("DEPLOY_HOST_PATHS").split()
        for name, volume in wanted.volumes.items():
            inside = any(is_inside(volume.path, folder) for folder in allowed)
            if volume.kind is VolumeKind.HOST and not inside:
                what = f"{volume.path} of nodes is not open to deployments"
                hint = f"DEPLOY_HOST_PATHS allows: {', '.join(allowed) or 'none'}."
                errors.append(form.error(("volumes", name, "path"), what, hint))
        errors += self.store.secrets.lacking(form, wanted, of.partition("/")[0])
        if errors:
            raise ConfigErrors(errors)

    @property
    def _defaults(self) -> Needs:
        """What a container gets that says nothing."""
        text = self.cluster.settings.text
        return Needs(float(text("DEPLOY_CPUS")), size(text("DEPLOY_MEMORY")))

    def _asked(self, wish: Wish) -> Ask:
        return asked(wish.wanted, wish.of, self._defaults.cpus, self._defaults.memory)

    def _reserve(self, ask: Ask) -> Ledger:
        first, _, last = self.cluster.settings.text("DEPLOY_PORTS").partition("-")
        available = range(int(first), int(last) + 1)
        there = {found.piece.of for found in self.store.services()}
        entries = self.store.ledger().entries.values()
        busy = on_nodes.listening(self.fleet) - {p for e in entries for p in e.ports.values()}
        now = time.time()

        def step(before: Ledger) -> Ledger:
            known = before.forgotten(there, now - _GIVEN_UP)
            return known.reserve(ask, available, busy, now)

        return self.store.change(step)

    def _pull(self, references: Iterable[str], where: Mapping[str, Place]) -> tuple[str, ...]:
        """Have every node that may run it have the images; tell which do not."""
        names = [n for n in self.fleet.nodes if n in where and not where[n].trouble]
        failed = images.pull(self.fleet, names, references)
        return tuple(
            f"{error.what}; a container that lands there waits for it" for error in failed.values()
        )

    def _granted(self, wish: Wish, entry: Entry, nodes: tuple[str, ...]) -> Granted:
        numbers = [found.number for found in self.store.revisions(wish.of)]
        project = wish.of.partition("/")[0]
        return Granted(
            project=project,
            revision=max(numbers, default=0) + 1,
            user=self.cluster.users,
            images=wish.images,
            ports=entry.ports,
            network=self.store.network(naming.network(project), {}),
            nodes=nodes,
            folder=f"{self.cluster.platform}/projects/{project}",
            secrets={
                name: f"{ident}:{each.stored_as}"
                for name, (each, ident) in self.store.secrets.of(project).items()
            },
            cpus=self._defaults.cpus,
            memory=self._defaults.memory,
            key=self.cluster.secrets[SPEC_KEY],
        )

    def _make(
        self,
        wish: Wish,
        granted: Granted,
        there: Sequence[Found],
        before: Entry | None,
        warnings: tuple[str, ...],
    ) -> Applied:
        """Make and change services; the revision is kept before any of it."""
        self.store.keep(wish.of, granted.revision, wish.document)
        by_name = {found.spec["Name"]: found for found in there}
        try:
            for spec in specs(wish.wanted, granted):
                if found := by_name.pop(spec["Name"], None):
                    self.store.update(found, spec)
                else:
                    self.store.create(spec)
        except BaseException:
            if not there:  # (Half a deployment is of no use to anybody.)
                for found in self.store.services(wish.of):
                    self.store.remove(found)
            raise
        left = tuple(by_name.values())
        if there and any(makes_room(wish.wanted, part, granted) for part in wish.wanted.parts):
            gap = f"{wish.of}: what has a port, a GPU or one node ends before its new one begins"
            warnings = (*warnings, gap)
        return Applied(wish.of, granted.revision, tuple(there), left, before, warnings)


def _restored(now: Ledger, of: str, before: Entry | None) -> Ledger:
    """Return the ledger with what a deployment had before."""
    without = now.released([of])
    return without if before is None else Ledger(now.limits, {**without.entries, of: before})
