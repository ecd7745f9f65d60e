"""From what is wanted and what was observed to the steps of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cluster.config import secrets, secrets_file
from cluster.config.secrets import SPEC_KEY, Kept, Resolved
from cluster.connectors.fleet import Fleet
from cluster.errors import ConfigErrors, SkpError
from cluster.facts.disk import Question
from cluster.facts.nodes import observe
from cluster.model.decisions import Intent, Table
from cluster.model.numbers import plan_numbers
from cluster.model.service import Cluster, Service
from cluster.model.spec import Container, Image, Source
from cluster.model.state import State
from cluster.model.step import Action, Kind, Step
from cluster.operations.image import has_recipe
from cluster.plan.conflicts import conflicts
from cluster.plan.containers import plan_containers
from cluster.plan.decisions import plan_intents
from cluster.plan.files import plan_files
from cluster.plan.leave import plan_leave
from cluster.plan.prerequisites import with_first
from cluster.plan.scope import Scope, Wish, covers
from cluster.plan.swarm import Part, drained, plan_swarm


@dataclass(frozen=True)
class Plan:
    """The steps, and what they were made from.

    Attributes:
        cluster: what is wanted, with the secrets and options that the cluster remembers.
    """

    cluster: Cluster
    state: State
    resolved: Resolved
    steps: tuple[Step, ...]


def look(cluster: Cluster, fleet: Fleet, services: Sequence[Service]) -> State:
    """Observe all connected nodes, with the images that `services` need."""
    master = cluster.inventory.master.name
    wanted: dict[str, set[Image]] = {master: set()}
    for service in services:
        wanted[master].update(service.images(cluster))
    known = secrets_file.read(secrets_file.path(cluster.settings))
    notes = [path for service in services for path in service.notes(cluster)]
    question = Question(cluster.home, cluster.files, known, notes)
    return observe(fleet, master, question, wanted)


def remembered(
    cluster: Cluster, state: State, local: Kept, options: Mapping[str, str] | None = None
) -> tuple[Cluster, Resolved]:
    """Return `cluster` with what the cluster itself remembers: secrets, and options of `-run`.

    Raises:
        ConfigErrors: a remembered option contradicts the settings.
    """
    copies = [node.kept for node in state.nodes.values() if node.kept.generation]
    intent = state.swarm.intent if state.swarm else Intent()
    chosen = {**intent.settings, **(options or {})}
    settings = cluster.settings.overridden(chosen) if chosen else cluster.settings
    resolved = secrets.resolve(settings, local, copies)
    return replace(cluster, settings=settings, secrets=resolved.values), resolved


def make_plan(cluster: Cluster, state: State, scope: Scope, local: Kept) -> Plan:
    """Return all steps for `scope`; pure.

    Args:
        local: the secrets that this machine keeps.
    """
    cluster, resolved = remembered(cluster, state, local, scope.options)
    if state.leaderless:
        return Plan(cluster, state, resolved, (_leaderless(cluster, state),))
    if Part.LEAVE in scope.parts:
        leaving = plan_leave(cluster.inventory, state, scope.nodes, cluster.files)
        return Plan(cluster, state, resolved, tuple(leaving))
    steps = [
        *plan_swarm(cluster.inventory, cluster.settings, state, scope.parts, scope.nodes),
        *plan_intents(cluster, state, scope),
        *(() if scope.wish is Wish.DOWN else plan_numbers(_not_held(state, scope), cluster, state)),
        *(plan_files(cluster.files, state, scope.nodes) if Part.FILES in scope.parts else ()),
        *(_secrets(cluster, state, resolved.kept) if scope.services else ()),
        *_containers(cluster, state, scope),
    ]
    return Plan(cluster, state, resolved, tuple(steps))


def _leaderless(cluster: Cluster, state: State) -> Step:
    managers = [host.name for host in cluster.inventory.managers]
    missing = [name for name in managers if name in state.unreachable]
    assert state.leaderless is not None
    return Step(
        Kind.SWARM,
        Action.BLOCK,
        cluster.inventory.master.name,
        "swarm",
        reason=f"the Swarm has no quorum: {len(managers) - len(missing)} of {len(managers)} "
        f"managers can be reached; what runs goes on ({state.leaderless.what})",
        hint=f"Bring a majority back: {', '.join(missing) or 'look at docker node ls'}. If they "
        f"are lost for good: ssh {state.leaderless.node} docker swarm init --force-new-cluster",
    )


def _not_held(state: State, scope: Scope) -> list[Service]:
    """Return the services of `scope` without those that a person took down."""
    held = state.swarm.intent.held if state.swarm else frozenset()
    return [s for s in scope.services if scope.wish is not Wish.AS_LABELLED or s.name not in held]


def _containers(cluster: Cluster, state: State, scope: Scope) -> list[Step]:
    master = cluster.inventory.master.name
    services = _not_held(state, scope)
    desired: list[Container] = []
    if scope.wish is not Wish.DOWN:
        off = drained(cluster.inventory, state, scope.parts, scope.nodes)
        found = [c for service in services for c in service.containers(cluster, state)]
        desired = [container for container in found if container.node not in off]
    if errors := list(conflicts(cluster, desired)):
        raise ConfigErrors(errors)
    first, by_itself = _first(services, cluster, state, desired), scope.wish is Wish.AS_LABELLED
    if not by_itself:
        desired = [_told(container, first[container.service]) for container in desired]
    pins = _pins(cluster, state, scope)
    identities = state.nodes[master].images if master in state.nodes else {}

    # What comes first is of the service whose containers need it.
    owner = {s.container.service: name for name, of in first.items() for s in of if s.container}

    def identify(container: Container) -> str:
        service = owner.get(container.service, container.service)
        pinned = pins.get(service, {}).get(container.image.reference)
        return pinned or identities.get(container.image, "")

    steps = plan_containers(
        desired,
        state,
        services=[service.name for service in services],
        nodes=scope.nodes,
        identify=identify,
        home=cluster.home,
        key=cluster.secrets[SPEC_KEY],
    )
    early = [
        step
        for steps_of in first.values()
        for step in steps_of
        if step.node in scope.nodes and (by_itself or not step.hint)
    ]
    return [
        *_images([c for c in desired if c.node in scope.nodes], identities, state, master),
        *with_first(steps, early, state, identify, cluster.home),
    ]


def _first(
    services: Sequence[Service], cluster: Cluster, state: State, desired: Sequence[Container]
) -> dict[str, list[Step]]:
    """Return, by service, what has to be done before containers that are wanted can work."""
    wanted = {container.service for container in desired}
    return {s.name: list(s.first(cluster, state)) for s in services if s.name in wanted}


def _told(container: Container, first: Sequence[Step]) -> Container:
    """Return the container of a `-run`: what a person has to do before is its obstacle."""
    missing = [(step.reason, step.hint) for step in first if step.hint]
    return replace(container, obstacle=missing[0]) if missing else container


def _pins(cluster: Cluster, state: State, scope: Scope) -> Table:
    if scope.wish is Wish.BACK:
        return scope.pins
    if state.swarm is None:
        return {}
    lifted = {s.name for s in scope.services if scope.wish is Wish.UP and covers(cluster, scope, s)}
    return {k: v for k, v in state.swarm.intent.pinned.items() if k not in lifted}


def settled(scope: Scope, state: State) -> Scope:
    """Return a rollback's scope with the digests that ran before those of `state`.

    Raises:
        SkpError: nothing ran before.
    """
    pins = {service.name: _before(service.name, state) for service in scope.services}
    for name, images in pins.items():
        if not images:
            raise SkpError(
                f"{name} has nothing to go back to: no container of it replaced one with another "
                "image",
                "./skp.py docker.image-list shows what there is.",
            )
    return replace(scope, pins=pins)


def _before(service: str, state: State) -> Mapping[str, str]:
    """Return the digests that a rollback of `service` goes to, by image.

    One that was begun and has not reached every container yet is completed first.
    """
    pinned = state.swarm.intent.pinned.get(service, {}) if state.swarm else {}
    containers = [
        found
        for node in state.nodes.values()
        for found in node.containers.values()
        if found.service == service
    ]
    runs = {(c.fields.get("image") or {}).get("id") for c in containers if c.image in pinned}
    if runs - set(pinned.values()):
        return pinned
    return {found.image: found.previous for found in containers if found.previous}


def _secrets(cluster: Cluster, state: State, kept: Kept) -> list[Step]:
    """Return a step for each manager that does not keep the secrets as they are."""
    managers = [host.name for host in cluster.inventory.managers]
    return [
        Step(
            Kind.SECRETS,
            Action.KEEP if state.nodes[name].kept == kept else Action.SAVE,
            name,
            "secrets",
        )
        for name in managers
        if name in state.nodes
    ]


def _images(
    desired: Sequence[Container], identities: Mapping[Image, str], state: State, master: str
) -> list[Step]:
    """Return the steps that bring streamed images to the master, from a recipe or a registry."""
    if master not in state.nodes:
        return []
    streamed = {c.image for c in desired if c.image.source is Source.STREAM}
    return [
        Step(
            Kind.IMAGE,
            Action.BUILD if has_recipe(image) else Action.PULL,
            master,
            image.reference,
        )
        for image in sorted(streamed, key=lambda image: image.reference)
        if not identities.get(image)
    ]
