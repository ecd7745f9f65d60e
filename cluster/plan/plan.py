"""The whole plan of a command: all items, from what is wanted and what was observed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from cluster.config.inventory import Inventory
from cluster.config.secrets import SPEC_KEY
from cluster.errors import ConfigErrors, SkpError
from cluster.model.admission import identity, may_go_back, missing
from cluster.model.cluster import Cluster, View
from cluster.model.decisions import Table
from cluster.model.item import Blocked, Item, Kind
from cluster.model.listeners import published
from cluster.model.recipes import recipe
from cluster.model.service import Service
from cluster.model.setup import SetupStep
from cluster.model.spec import Container, Image, Source
from cluster.model.state import State
from cluster.operations.image import BuildImage, PullImage
from cluster.plan.conflicts import conflicts
from cluster.plan.containers import Rules, plan_containers
from cluster.plan.decisions import plan_decisions
from cluster.plan.digests import plan_digests
from cluster.plan.files import plan_files
from cluster.plan.follow_ups import plan_follow_ups
from cluster.plan.leave import plan_leave
from cluster.plan.move import is_old, plan_move
from cluster.plan.networks import plan_networks
from cluster.plan.ordinals import plan_ordinals
from cluster.plan.parts import Part
from cluster.plan.places import Reach, plan_places
from cluster.plan.prerequisites import with_setup
from cluster.plan.scope import Goal, Scope, covers
from cluster.plan.secrets import stored_secrets, unknown_secrets
from cluster.plan.shared import shared
from cluster.plan.swarm import drained, plan_swarm
from cluster.plan.trees import plan_trees


@dataclass(frozen=True)
class Plan:
    """The items of a command, and the view that they were decided from."""

    view: View
    items: tuple[Item, ...]


def make_plan(view: View, scope: Scope) -> Plan:
    """Return the plan for `scope`.

    Raises:
        ConfigErrors: services want the same name, port or address, or a setting is not possible.
    """
    cluster, state = view.cluster, view.state
    if state.leaderless:
        return Plan(view, (_leaderless(cluster, state),))
    if scope.services and view.doubt:
        return Plan(view, (unknown_secrets(*view.doubt),))
    if Part.LEAVE in scope.parts:
        leaving = plan_leave(cluster.inventory, state, scope.nodes, cluster.files)
        return Plan(view, tuple(leaving))
    if scope.services and (view.is_moving or (scope.moves and is_old(cluster, state))):
        return Plan(view, tuple(plan_move(cluster, state, scope.services, scope)))
    _check_places(cluster, scope)
    services, data_port = _not_stopped(state, scope), cluster.settings.number("SKP_NET_PORT")
    items = [
        *plan_swarm(cluster.inventory, state, scope.parts, scope.nodes, data_port),
        *(plan_networks(cluster, state) if Part.NETWORK in scope.parts else ()),
        *plan_decisions(cluster, state, scope),
        *(plan_digests(cluster.inventory, state) if scope.services else ()),
        *(() if scope.goal is Goal.REMOVE else plan_ordinals(services, cluster, state)),
        *(plan_files(cluster.files, state, scope.nodes) if Part.FILES in scope.parts else ()),
        *(plan_trees(cluster, state, services, scope.nodes) if _makes(scope) else ()),
        *(stored_secrets(cluster, state, view.resolved.stored) if scope.services else ()),
        *_containers(view, scope, services),
    ]
    if scope.goal in (Goal.APPLY, Goal.RUN):
        items += plan_follow_ups(services, cluster, state, scope, items)
    return Plan(view, tuple(items))


def _check_places(cluster: Cluster, scope: Scope) -> None:
    """Refuse to run what no node is to have.

    Raises:
        ConfigError: a service has no node, as far as the cluster itself is asked, too.
    """
    for service in scope.services if scope.goal is Goal.RUN else ():
        if not service.hosts(cluster):
            raise service.no_host_error(cluster)


def _makes(scope: Scope) -> bool:
    """Whether containers may be made, which need folders."""
    return bool(scope.services) and scope.goal is not Goal.REMOVE


def _leaderless(cluster: Cluster, state: State) -> Item:
    managers = [host.name for host in cluster.inventory.managers]
    missing = [name for name in managers if name in state.unreachable]
    assert state.leaderless is not None
    return Blocked(
        Kind.SWARM,
        cluster.inventory.master.name,
        "swarm",
        f"the Swarm has no quorum: {len(managers) - len(missing)} of {len(managers)} "
        f"managers can be reached; what runs goes on ({state.leaderless.what})",
        f"Bring a majority back: {', '.join(missing) or 'look at docker node ls'}. If they "
        f"are lost for good: ssh {state.leaderless.node} docker swarm init --force-new-cluster",
    )


def _not_stopped(state: State, scope: Scope) -> list[Service]:
    """Return the services of `scope`; for an apply, without those that a person stopped."""
    stopped = state.swarm.decisions.stopped if state.swarm else frozenset()
    return [s for s in scope.services if scope.goal is not Goal.APPLY or s.name not in stopped]


def _containers(view: View, scope: Scope, services: Sequence[Service]) -> list[Item]:
    cluster, state = view.cluster, view.state
    desired = [] if scope.goal is Goal.REMOVE else _desired(cluster, state, scope, services)
    setup = _setup(services, cluster, state, desired)
    if scope.goal is not Goal.APPLY:
        desired = [_with_obstacle(container, setup[container.service]) for container in desired]
    rules = _rules(cluster, state, scope, setup)
    items = plan_containers(
        desired,
        state,
        rules,
        services=[service.name for service in services],
        nodes=scope.nodes,
    )
    early = [
        step
        for steps in setup.values()
        for step in steps
        if step.container.node in scope.nodes and (scope.goal is Goal.APPLY or not step.hint)
    ]
    here = [container for container in desired if container.node in scope.nodes]
    places = plan_places(items, state)
    return [*places, *_images(view, here), *with_setup(items, early, state, rules)]


def _desired(
    cluster: Cluster, state: State, scope: Scope, services: Sequence[Service]
) -> list[Container]:
    """Return the containers that `services` want, except those on drained nodes.

    Raises:
        ConfigErrors: two of them want the same name, port or address.
    """
    off = drained(cluster.inventory, state, scope.parts, scope.nodes)
    found = [c for s in services for c in published(cluster, s, state)]
    desired = [container for container in found if container.node not in off]
    if errors := list(conflicts(cluster, desired)):
        raise ConfigErrors(errors)
    return desired


def _rules(
    cluster: Cluster, state: State, scope: Scope, setup: Mapping[str, Sequence[SetupStep]]
) -> Rules:
    inventory, pins = cluster.inventory, _pins(cluster, state, scope)
    identities = cache(lambda image: identity(inventory, state, image))
    # A setup step is of the service whose containers need it.
    owner = {step.container.service: name for name, steps in setup.items() for step in steps}

    def identify(container: Container) -> str:
        service = owner.get(container.service, container.service)
        pinned = pins.get(service, {}).get(container.image.reference)
        return pinned or identities(container.image)

    return Rules(
        identify,
        cluster.home,
        cluster.secrets[SPEC_KEY],
        inventory.master.name,
        scope.busy_policy,
        {s.name: frozenset(s.marker_files(cluster)) for s in scope.services},
        shared(cluster, state, scope.services),
        lambda image: missing(inventory, state, image),
        Reach(frozenset(inventory.names), frozenset(inventory.names) - frozenset(scope.nodes)),
    )


def _setup(
    services: Sequence[Service], cluster: Cluster, state: State, desired: Sequence[Container]
) -> dict[str, list[SetupStep]]:
    """Return, by service, the setup steps that its wanted containers need."""
    wanted = {container.service for container in desired}
    return {s.name: list(s.setup_steps(cluster, state)) for s in services if s.name in wanted}


def _with_obstacle(container: Container, setup: Sequence[SetupStep]) -> Container:
    """Return the container of a `-run`, with a setup step that a person has to run as obstacle."""
    missing = [(step.reason, step.hint) for step in setup if step.hint]
    return replace(container, obstacle=missing[0]) if missing else container


def _pins(cluster: Cluster, state: State, scope: Scope) -> Table:
    if scope.goal is Goal.ROLLBACK:
        return scope.pins
    if state.swarm is None:
        return {}
    running = [service for service in scope.services if scope.goal is Goal.RUN]
    lifted = {service.name for service in running if covers(cluster, scope, service)}
    return {k: v for k, v in state.swarm.decisions.pinned.items() if k not in lifted}


def rollback_scope(scope: Scope, view: View) -> Scope:
    """Return a rollback's scope, pinned to the digests that ran before the present ones.

    Raises:
        SkpError: a service has no container that replaced one with another image.
    """
    inventory, state = view.cluster.inventory, view.state
    pins = {service.name: _before(service.name, inventory, state) for service in scope.services}
    for name, images in pins.items():
        if not images:
            raise SkpError(
                f"{name} has nothing to go back to: no container of it replaced one with another "
                "image",
                "./skp.py docker.image-list shows what there is.",
            )
    return replace(scope, pins=pins)


def _before(service: str, inventory: Inventory, state: State) -> Mapping[str, str]:
    """Return the digests that a rollback of `service` goes to, by image reference.

    A rollback that has not reached every container yet is completed first. Of what containers say
    of the ones before them, only that counts which a manager's says, or which was on record.
    """
    pinned = state.swarm.decisions.pinned.get(service, {}) if state.swarm else {}
    containers = [
        (node.name, found)
        for node in state.nodes.values()
        for found in node.containers.values()
        if found.service == service
    ]
    runs = {(c.fields.get("image") or {}).get("id") for _, c in containers if c.image in pinned}
    if runs - set(pinned.values()):
        return pinned
    return {
        found.image: found.previous
        for node, found in containers
        if found.previous and may_go_back(inventory, state, node, found)
    }


def _images(view: View, desired: Sequence[Container]) -> list[Item]:
    """Return the items that bring missing streamed images to the master: a build or a pull."""
    master = view.cluster.inventory.master.name
    if master not in view.state.nodes:
        return []
    known = view.state.nodes[master].images
    streamed = {c.image for c in desired if c.image.source is Source.STREAM}
    missing = sorted((i for i in streamed if not known.get(i)), key=lambda i: i.reference)
    return [_bring(image, master, view) for image in missing]


def _bring(image: Image, master: str, view: View) -> Item:
    if recipe(image) in view.recipes:
        return BuildImage(master, image)
    return PullImage(master, image)
