"""What is wanted of a cluster, from this machine's files and from what the cluster remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cluster.config import secrets
from cluster.config.inventory import Inventory
from cluster.config.secrets import Resolved, Secret, StoredSecrets
from cluster.config.settings import Settings
from cluster.model.answer import Damaged, Unanswered
from cluster.model.decisions import Decisions
from cluster.model.files import NodeFile
from cluster.model.layout import USERS, Layout
from cluster.model.spec import Image
from cluster.model.state import State

OWN_USERS = 100
"""How many user ids after SKP_PLATFORM_UID are the platform's services'."""


@dataclass(frozen=True)
class Cluster:
    """What is wanted: the values from which services derive their containers.

    Attributes:
        settings: those of bin/env.sh, overridden by what `-run` was given.
        secrets: all passwords and tokens by their settings' keys.
        files: what every node is to have on its own disk.
        layout: how data is laid out now.
        recorded: the images (repository:tag) that the Swarm has a record of; None: not known.
    """

    settings: Settings
    inventory: Inventory
    secrets: Mapping[str, Secret]
    files: tuple[NodeFile, ...] = ()
    layout: Layout = Layout.TWO_TREES
    recorded: frozenset[str] | None = None

    @property
    def home(self) -> str:
        """The users' folder, shared: the same path on every node."""
        return f"{self.settings.text('SKP_HOME')}/volume"

    @property
    def platform(self) -> str:
        """The platform's own folder, shared: the same path on every node, unseen by users."""
        return self.settings.text("SKP_PLATFORM")

    @property
    def users(self) -> str:
        """UID:GID of users' code: notebooks, Spark's workers, Airflow's tasks."""
        return _pair(self.settings.text("SKP_UID") or str(USERS))

    def may_have(self, image: Image) -> bool:
        """Tell whether an image was built (or admitted) here, as far as that is known."""
        return self.recorded is None or image.name in self.recorded

    def own_user(self, number: int) -> str:
        """Return "UID:GID" of a service of the platform.

        Args:
            number: the service's, from 1 on; no two have the same.
        """
        return _pair(str(int(self.settings.text("SKP_PLATFORM_UID")) + number))


def _pair(user: str) -> str:
    return user if ":" in user else f"{user}:{user}"


@dataclass(frozen=True)
class Declared:
    """What this machine's own files say; the cluster may remember more.

    `alone` and `remembering` make a `Cluster` of it.

    Attributes:
        stored: the generated secrets that this machine has a copy of.
        files: what every node is to have on its own disk.
        renewed: the keys of the secrets that are to be generated anew.
        chosen: the secrets that a command stores, by key.
    """

    settings: Settings
    inventory: Inventory
    stored: StoredSecrets
    files: tuple[NodeFile, ...] = ()
    renewed: frozenset[str] = frozenset()
    chosen: Mapping[str, Secret] = field(default_factory=dict)

    def alone(self, options: Mapping[str, str] | None = None) -> Cluster:
        """Return the cluster as this machine alone knows it, for checks before anything connects.

        Args:
            options: settings that a `-run` is given now.

        Raises:
            ConfigErrors: an option contradicts the settings.
        """
        return replace(self.remembering(Decisions(), {}, options)[0], recorded=None)

    def remembering(
        self,
        decisions: Decisions,
        copies: Mapping[str, StoredSecrets],
        options: Mapping[str, str] | None = None,
    ) -> tuple[Cluster, Resolved]:
        """Return the cluster with what it remembers, and the secrets with those to be stored.

        Args:
            decisions: what the Swarm remembers of options.
            copies: the secrets that its managers store, by node.
            options: what a `-run` is given now.

        Raises:
            ConfigErrors: a remembered option contradicts the settings.
            ConfigError: what a manager stores can't be right (`secrets.resolve`).
        """
        chosen = {**decisions.settings, **(options or {})}
        settings = self.settings.overridden(chosen) if chosen else self.settings
        resolved = secrets.resolve(settings, self.stored, copies, self.renewed, self.chosen)
        digests = decisions.digests
        cluster = Cluster(
            settings,
            self.inventory,
            resolved.values,
            self.files,
            decisions.layout,
            None if isinstance(digests, Unanswered) else frozenset(digests),
        )
        return cluster, resolved


@dataclass(frozen=True)
class View:
    """The one cluster that a command sees: what is wanted, and what is there (decision 21).

    Attributes:
        cluster: what is wanted, with all that the cluster itself remembers.
        state: what was observed. resolved: the secrets, and what is to be stored of them.
        doubt: a manager whose secrets are not known, while no other told any, and why not.
        recipes: the names of the images that this checkout can build.
    """

    cluster: Cluster
    state: State
    resolved: Resolved
    recipes: frozenset[str] = field(default=frozenset())
    doubt: tuple[str, str] | None = None

    @property
    def is_moving(self) -> bool:
        """Whether data of an earlier version is being moved, which a person agreed to."""
        return bool(self.state.swarm and self.state.swarm.decisions.moving)


def stored_copies(
    answers: Mapping[str, StoredSecrets | Unanswered],
) -> dict[str, StoredSecrets]:
    """Return, of what managers answered about their stored secrets, the copies that there are."""
    return {k: v for k, v in answers.items() if isinstance(v, StoredSecrets) and v.generation}


def _seen(declared: Declared, state: State) -> Layout:
    """Return how data is laid out where no manager can say: as what runs says, if anything does."""
    ours = [c for node in state.nodes.values() for c in node.containers.values() if c.service]
    within = f"{declared.settings.text('SKP_PLATFORM')}/"
    sources = [
        str(mount.get("source")) for found in ours for mount in found.fields.get("mounts", ())
    ]
    apart = any(source.startswith(within) for source in sources)
    return Layout.TWO_TREES if apart or not ours else Layout.ONE_TREE


def view(
    declared: Declared,
    state: State,
    options: Mapping[str, str] | None = None,
    recipes: Iterable[str] = (),
) -> View:
    """Return what a command sees of a cluster in this state.

    Raises:
        ConfigErrors: a remembered option contradicts the settings.
    """
    # Who is root of a worker is to decide nothing: only what managers store counts.
    managers = [host.name for host in declared.inventory.managers if host.name in state.nodes]
    answers = {name: state.nodes[name].secrets for name in managers}
    copies = stored_copies(answers)
    unknown = [
        (name, found.why)
        for name, found in answers.items()
        if isinstance(found, Unanswered)
        and not (isinstance(found, Damaged) and declared.stored.generation)
    ]
    decisions = state.swarm.decisions if state.swarm else Decisions(layout=_seen(declared, state))
    cluster, resolved = declared.remembering(decisions, copies, options)
    doubt = unknown[0] if unknown and not copies else None
    return View(cluster, state, resolved, frozenset(recipes), doubt)
