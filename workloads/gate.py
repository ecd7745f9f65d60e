"""The only way in: a deployment and who brings it become services, or an error says why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.config.secrets import SPEC_KEY
from cluster.connectors.managers import Managers
from cluster.errors import ConfigError, ConfigErrors, NodeError, nearest
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, network
from workloads import holding, images, naming, on_nodes, revisions
from workloads.build import deployment
from workloads.check import is_project
from workloads.form import Form
from workloads.ledger import Entry
from workloads.model import Deployment, VolumeKind, is_inside
from workloads.needs import Needs
from workloads.phases import Row, rows
from workloads.places import Place, places
from workloads.reservations import Reservations
from workloads.secrets import Stored, lacking, named
from workloads.store import Found, Revision, Store
from workloads.texts import size
from workloads.to_service import Granted, makes_room, specs
from workloads.wish import Applied, Reserved, Wish

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet

_REQUEST_SECONDS = 30
DEFAULT_PROJECT = "default"


class Gate:
    """Deployments of one cluster, for whoever may bring them."""

    def __init__(
        self, cluster: Cluster, fleet: Fleet, platforms: Callable[[], frozenset[int]] = frozenset
    ) -> None:
        """Use the managers that can be reached.

        Args:
            platforms: returns the ports of services, whether they run now or not.

        Raises:
            NodeError: none can be.
        """
        names = [host.name for host in cluster.inventory.managers]
        if not any(name in fleet.nodes for name in names):
            raise fleet.unreachable.get(names[0]) or NodeError(names[0], "no manager is connected")
        self.cluster, self.fleet = cluster, fleet
        managers = Managers(fleet, names, "asking for deployments", _REQUEST_SECONDS)
        self.store = Store(managers, cluster.secrets[SPEC_KEY])
        self._reservations = Reservations(self.store, cluster.settings, fleet, platforms)

    def rows(self, of: str = "") -> list[Row]:
        """Return how the containers of a deployment are; of all for ""."""
        store, names = self.store, self.cluster.inventory.names
        return rows(store.services(of), store.tasks(), store.nodes(), names)

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
        names = [piece.name for piece, _ in naming.pieces(wanted, of.partition("/")[0])]
        steps = [("change" if each in there else "make", each) for each in names]
        return steps + [("remove", each) for each in there if each not in names]

    def _named(self, form: Form, project: str) -> tuple[Deployment, str]:
        """Return what a file says, and whose it is.

        Raises:
            ConfigError: the file names another project than the command, or that is no name.
        """
        wanted = deployment(form)
        if project and not is_project(project):
            raise ConfigError(f"-p={project}: allowed: lower-case letters, digits and '-'")
        if project and wanted.project not in ("", project):
            what = f"{wanted.project}, and -p says {project}"
            raise form.error(("project",), what, "Say one of them.")
        return wanted, f"{wanted.project or project or DEFAULT_PROJECT}/{wanted.name}"

    def _bring(self, form: Form, wanted: Deployment, of: str, there: Sequence[Found]) -> Applied:
        secrets = self._check(form, wanted, of)
        references = {part.name: part.image for part in wanted.parts}
        found = images.digests(self._master, references.values())
        known = {part: found[reference] for part, reference in references.items()}
        wish = Wish(form.value, wanted, of, known, secrets)
        return revisions.unchanged(self.store, wish, there) or self.carry_out(wish, there)

    def carry_out(self, wish: Wish, there: Sequence[Found]) -> Applied:
        """Make what is wanted of services that are there, and keep the revision.

        What has no place in it any more stays until `finish`, and what was reserved does too.
        """
        entry, before = self._reservations.reserve(wish, there, self._defaults)
        try:
            nodes, tasks = self.store.nodes(), self.store.tasks()
            own = {found.id for found in there}
            others = [task for task in tasks if task.get("ServiceID") not in own]
            where = places(nodes, others, self.cluster.inventory.names)
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
                self.store.update(current, found.spec)
        known = {found.piece for found in before}
        for piece, found in now.items():
            if piece not in known and found.revision == revision:
                self.store.remove(found)
        for kept in self.store.revisions(of):
            if kept.number == revision:
                self.store.forget(kept)

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
        secrets = self._check(form, wanted, found.of)
        wish = Wish(value, wanted, found.of, found.document["images"], secrets)
        return self.carry_out(wish, there)

    def remove(self, of: str, when: float) -> None:
        """Take a deployment away: its services, and what was reserved. Its volumes stay.

        That it is removed is noted first: what is cut short can be done again, or taken back.
        """
        if kept := self.store.revisions(of):
            self.store.mark_removed(kept[-1], when)
        for found in self.store.services(of):
            self.store.remove(found)
        self.store.change(lambda now: now.released([of]))

    @property
    def _master(self) -> Any:
        return self.fleet.node(self.cluster.inventory.master.name)

    def _check(self, form: Form, wanted: Deployment, of: str) -> Stored:
        """Refuse what this cluster can't do; return the secrets that are named.

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
        project = of.partition("/")[0]
        known: Stored = {}
        if any(part.secrets for part in wanted.parts):
            known = self.store.secrets.of(project)
        errors += lacking(form, wanted, project, known)
        if errors:
            raise ConfigErrors(errors)
        return named(wanted, known)

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
            user=self.cluster.users,
            images=wish.images,
            ports=entry.ports,
            network=self.store.network(
                naming.network(project), network(self.cluster, Purpose.USERS)
            ),
            nodes=nodes,
            folder=f"{self.cluster.platform}/projects/{project}",
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
        self.store.keep(wish.of, granted.revision, wish.document)
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
