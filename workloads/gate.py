"""The only way in: a deployment and who brings it become services, or an error says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.config.secrets import SPEC_KEY
from cluster.connectors.managers import Managers
from cluster.errors import ConfigError, ConfigErrors, NodeError
from cluster.model.cluster import Cluster
from cluster.model.route import Route
from workloads import account_service, planning, revisions, switching
from workloads.account_service import AccountService
from workloads.accounts import DEFAULT_PROJECT, People
from workloads.admission import Images
from workloads.build import deployment
from workloads.carrying import Carrier
from workloads.check import is_project
from workloads.doors import Doors
from workloads.fitting import unfit
from workloads.form import Form
from workloads.model import Deployment
from workloads.phases import Row, rows
from workloads.platform import Platform
from workloads.references import at_home
from workloads.reservations import Reservations
from workloads.secrets import Stored, lacking, named
from workloads.steps import Step
from workloads.store import Found, Revision, Store
from workloads.volumes import Usage, usage
from workloads.wish import Applied, Wish

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet

OPERATOR, NO_DOORS = People(), Doors()


class Gate:
    """Deployments of one cluster, for whoever may bring them."""

    def __init__(
        self,
        cluster: Cluster,
        fleet: Fleet,
        platform: Callable[[], Platform] = Platform,
        say: Callable[[str], None] = lambda _: None,
        people: People = OPERATOR,
        accounts: Callable[[], AccountService] = account_service.unknown,
        doors: Doors = NO_DOORS,
    ) -> None:
        """Use the managers that can be reached.

        Args:
            platform: returns what the platform's services have, whether they run now or not.
            say: is told how far the copy of an image is.
            people: who it is for: what they may not change is refused.
            accounts: returns where containers may ask who may log in.
            doors: the front doors, where deployments have names.

        Raises:
            NodeError: none can be.
        """
        names = [host.name for host in cluster.inventory.managers]
        if not any(name in fleet.nodes for name in names):
            raise fleet.unreachable.get(names[0]) or NodeError(names[0], "no manager is connected")
        self.cluster, self.fleet, self.people = cluster, fleet, people
        self._accounts = accounts
        managers = Managers(fleet, names, "asking for deployments", fleet.deadlines.request)
        self.store = Store(managers, cluster.secrets[SPEC_KEY])
        self.images = Images(fleet, cluster.inventory, say)
        known = cache(platform)
        reservations = Reservations(self.store, cluster.settings, fleet, known)
        self._carrier = Carrier(cluster, fleet, self.store, reservations, known, doors)
        self.doors = doors

    @property
    def account(self) -> str:
        """The account that it is for; "" for the operator."""
        return self.people.name

    def rows(self, of: str = "") -> list[Row]:
        """Return how the containers of a deployment are; of all that they may see for ""."""
        store, names = self.store, self.cluster.inventory.names
        seen = [found for found in store.services(of) if self.people.sees(found.piece.project)]
        found = rows(seen, store.tasks(), store.nodes(), names)
        if not self.doors.names.domain:
            return found
        by_host = store.routes.read().by_host
        return [replace(row, urls=self._urls(row, by_host)) for row in found]

    def _urls(self, row: Row, by_host: Mapping[str, Route]) -> tuple[tuple[int, str], ...]:
        led = [(h, route) for h, route in by_host.items() if row.piece.name in route.servers]
        return tuple((route.port, self.doors.names.url(host)) for host, route in led)

    def check(self, of: str) -> None:
        """Refuse a deployment that those whom it is for may not change; raises ConfigError."""
        self.people.check(of.partition("/")[0])

    def look(self, project: str) -> None:
        """Refuse a project of which they may see nothing; raises ConfigError."""
        if not self.people.sees(project):
            raise ConfigError(f"{self.account} is not in the project {project}")

    def volumes(self) -> list[Usage]:
        """Count what the volumes of projects hold."""
        master = self.fleet.node(self.cluster.inventory.master.name)
        found = usage(master, self.cluster.platform, self.store.ledger.read())
        return [each for each in found if self.people.sees(each.project)]

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

    def plan(self, form: Form, project: str) -> list[Step]:
        """Return what would be done; nothing where all is as the file says.

        Raises:
            ConfigErrors, ConfigError: it could not be let in.
        """
        wanted, of = self._named(form, project)
        self._check(form, wanted, of)
        account_service.check(wanted, of.partition("/")[0], self.people)
        there = self.store.services(of)
        self._carrier.check(wanted, of, there)
        return planning.plan(self.store, self.images, self.doors.names, form, wanted, of, there)

    def whose(self, form: Form, project: str) -> str:
        """Return "project/name" of what a file says; raises as `let_in` for what names it."""
        return self._named(form, project)[1]

    def _named(self, form: Form, project: str) -> tuple[Deployment, str]:
        """Return what a file says, and whose it is.

        Raises:
            ConfigError: the file names another project than the command, or that is no name, or
                they may not change it.
        """
        wanted = deployment(form)
        if project and not is_project(project):
            raise ConfigError(f"-p={project}: allowed: lower-case letters, digits and '-'")
        if project and wanted.project not in ("", project):
            what = f"{wanted.project}, and -p says {project}"
            raise form.error(("project",), what, "Say one of them.")
        whose = wanted.project or project or DEFAULT_PROJECT
        self.people.check(whose)
        parts = (replace(part, image=at_home(part.image, [whose])) for part in wanted.parts)
        return replace(wanted, parts=tuple(parts)), f"{whose}/{wanted.name}"

    def _bring(self, form: Form, wanted: Deployment, of: str, there: Sequence[Found]) -> Applied:
        secrets = self._check(form, wanted, of)
        # (Asked first: nothing is copied for what the account service can't be asked about.)
        user, warnings = self._user(of.partition("/")[0])
        secrets = {**secrets, **self._logins(wanted, of)}
        references = {part.name: part.image for part in wanted.parts}
        found = self.images.admitted(references.values())
        known = {part: found[reference] for part, reference in references.items()}
        wish = Wish(form.value, wanted, of, known, secrets, user, self.account)
        applied = revisions.unchanged(self.store, wish, there, self.cluster.users)
        applied = applied or self._carrier.carry_out(wish, there)
        return replace(applied, warnings=(*warnings, *applied.warnings))

    def _user(self, project: str) -> tuple[str, tuple[str, ...]]:
        """Return "UID:GID" of what is run in a project, and what a person should know of that.

        Where the account service does not answer the operator, the group that the project had last
        counts: of one that has had none yet, nothing is of another group.
        """
        users = self.cluster.users
        try:
            return self.people.user(project, users), self.people.doubts(project)
        except NodeError as error:
            if self.people.account:
                raise
            last = revisions.last_user(self.store, project) or users
            user = f"{users.partition(':')[0]}:{last.partition(':')[2]}"
            why = f"{project}: which group it has could not be asked ({error.what}); taken: {user}"
            return user, (why,)

    def _logins(self, wanted: Deployment, of: str) -> Stored:
        """Return the secret of the containers that let accounts log in; {} where none does."""
        secrets, project = self.store.secrets, of.partition("/")[0]
        return account_service.secrets_for(wanted, project, self.people, secrets, self._accounts)

    def lead(self, applied: Applied) -> tuple[str, ...]:
        """Have the front doors lead to a revision that works; return warnings.

        Raises:
            SkpError: none could be told, or another command came between: `go_back` is next.
        """
        return self._carrier.lead(applied)

    def finish(self, applied: Applied) -> tuple[str, ...]:
        """Remove what has no place in a revision that works and is led to; return warnings."""
        return self._carrier.finish(applied)

    def go_back(self, applied: Applied) -> None:
        """Bring back what was there before a revision that does not work."""
        self._carrier.go_back(applied)

    def back(self, found: Revision) -> Applied:
        """Bring an older revision in place of the present one, with the images that it had."""
        return self._again(found, self.store.services(found.of))

    def back_unless_there(self, found: Revision) -> Applied:
        """Bring an older revision, as `back` does, unless what is there is the same."""
        there = self.store.services(found.of)
        wish = self._wish_of(found)
        applied = revisions.unchanged(self.store, wish, there, self.cluster.users)
        return applied or self._carrier.carry_out(wish, there)

    def removed(self, of: str) -> Revision:
        """Return the last revision of a deployment that was removed.

        Raises:
            ConfigError: none was, or they may not bring it back.
        """
        self.people.check(of.partition("/")[0])
        return revisions.removed(self.store, of, self.people.sees)

    def restore(self, found: Revision) -> Applied:
        """Bring back a deployment that was removed."""
        applied = self._again(found, [])
        self.store.mark_removed(found, 0)
        return applied

    def _again(self, found: Revision, there: Sequence[Found]) -> Applied:
        return self._carrier.carry_out(self._wish_of(found), there)

    def _wish_of(self, found: Revision) -> Wish:
        self.check(found.of)
        value = found.document["form"]
        form = Form(Path(found.of), value, lambda _: f"{found.of}, revision {found.number}")
        wanted = deployment(form)
        secrets = {**self._check(form, wanted, found.of), **self._logins(wanted, found.of)}
        recorded = found.document.get("user", self.cluster.users)
        user = self.people.user_again(found.of.partition("/")[0], recorded)
        images = found.document["images"]
        return Wish(value, wanted, found.of, images, secrets, user, self.account)

    def remove(self, of: str, when: float) -> None:
        """Take a deployment away: its services, and what was reserved. Its volumes stay.

        That it is removed is noted first: what is cut short can be done again, or taken back.
        """
        self.check(of)
        if kept := self.store.revisions(of):
            self.store.mark_removed(kept[-1], when)
        self.forget(of)

    def forget(self, of: str) -> None:
        """Take away a deployment's services, and what was reserved; its revisions stay."""
        there = self.store.services(of)
        switching.away(self.store, self.doors, there)
        for found in there:
            self.store.remove(found)
        self.store.ledger.change(lambda now: now.released([of]))

    def _check(self, form: Form, wanted: Deployment, of: str) -> Stored:
        """Refuse what this cluster can't do; return the secrets that are named.

        Raises:
            ConfigErrors: with everything.
        """
        errors = unfit(form, wanted, self.cluster, self.doors.names)
        project = of.partition("/")[0]
        known: Stored = {}
        if any(part.secrets for part in wanted.parts):
            known = self.store.secrets.of(project)
        errors += lacking(form, wanted, project, known)
        if errors:
            raise ConfigErrors(errors)
        return named(wanted, known)
