"""Observe, plan, apply, and again until nothing is left that one more look could bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cluster.apply import Outcome, Result, apply
from cluster.errors import SkpError
from cluster.fleet import Fleet
from cluster.observe import observe
from cluster.perform import Context, Say
from cluster.perform_image import has_recipe
from cluster.plan import plan_containers
from cluster.plan_swarm import Part, plan_swarm
from cluster.report import Report
from cluster.secrets import SPEC_KEY
from cluster.service import Cluster, Service
from cluster.spec import Container, Image, Source
from cluster.state import State, clock_warnings
from cluster.step import Action, Kind, Step
from cluster.transfer import Spool

# Each round brings what the next one needs (Swarm, members, network, registry image, registry,
# services); a plan that still changes things after so many rounds does not converge.
_ROUNDS = 12


class Wish(StrEnum):
    """What is wanted of the chosen services."""

    AS_LABELLED = "as labelled"  # apply: held services are left alone
    UP = "up"  # -run: no longer held
    DOWN = "down"  # -rm: removed, and held


@dataclass(frozen=True)
class Scope:
    """What a command is about.

    Attributes:
        parts: parts of the Swarm. services: services of the catalogue.
        nodes: names of the nodes that may be changed.
    """

    nodes: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    services: tuple[Service, ...] = ()
    wish: Wish = Wish.AS_LABELLED
    dry: bool = False


def converge(cluster: Cluster, fleet: Fleet, scope: Scope, say: Say) -> Report:
    """Make what `scope` names as it is wanted, and return what was done.

    Raises:
        SkpError: it does not come to rest: a fault of SKP or of a service.
    """
    results: list[Result] = []
    with Spool() as spool:
        for _ in range(_ROUNDS):
            state = look(cluster, fleet, scope.services)
            steps = make_plan(cluster, state, scope)
            if scope.dry:
                results = [Result(s, Outcome.PLANNED) for s in steps if s.changes]
                break
            failed = {result.step.key for result in results if not result.ok}
            key = cluster.secrets[SPEC_KEY]
            context = Context(fleet, cluster.settings, cluster.inventory, key, state, spool, say)
            done = apply(context, steps, failed)
            results += done
            if not (any(r.outcome is Outcome.DONE for r in done) and _undecided(steps)):
                break
        else:
            raise SkpError(f"it does not come to rest: after {_ROUNDS} rounds there is still more")
    return _report(cluster, fleet, scope, state, steps, results)


def _report(
    cluster: Cluster,
    fleet: Fleet,
    scope: Scope,
    state: State,
    steps: Sequence[Step],
    results: Sequence[Result],
) -> Report:
    reported = {result.step.key for result in results}
    unchanged = [s for s in steps if s.key not in reported and not s.changes and not s.stands]
    standing = [s for s in steps if s.key not in reported and s.stands]
    planned = scope.dry and any(result.step.changes for result in results)
    errors = {h.name: e for h in fleet.hosts if (e := state.unreachable.get(h.name))}
    return Report(
        (
            *results,
            *(Result(s, Outcome.KEPT) for s in unchanged),
            *(_standing(s, planned) for s in standing),
        ),
        {name: error for name, error in errors.items() if name in scope.nodes},
        (
            *cluster.inventory.warnings,
            *(str(error) for name, error in errors.items() if name not in scope.nodes),
            *_partly(cluster, scope),
            *clock_warnings(state.nodes),
            *_address_warnings(cluster, state),
        ),
        _held(state, scope),
    )


def _undecided(steps: Sequence[Step]) -> bool:
    """Whether one more look could bring more: something was missing, or was kept unjudged."""
    return any(
        s.action is Action.DEFER or (s.action is Action.KEEP and s.container and not s.identity)
        for s in steps
    )


def _standing(step: Step, planned: bool) -> Result:
    """Say what became of a step that could not be carried out."""
    if planned and step.action is Action.DEFER:
        return Result(step, Outcome.PLANNED, f"later: {step.reason}")
    return Result(step, Outcome.SKIPPED, step.reason, step.hint)


def _partly(cluster: Cluster, scope: Scope) -> list[str]:
    """Warn of services taken down on some of their nodes only: that can't be remembered."""
    if scope.wish is not Wish.DOWN:
        return []
    return [
        f"{service.name} goes on the chosen nodes only; docker.apply brings it back there"
        for service in scope.services
        if not _covers(cluster, scope, service)
    ]


def _address_warnings(cluster: Cluster, state: State) -> list[str]:
    """Warn of nodes that the Swarm knows by another address than hosts.json says."""
    return [
        f"{host.name}: {cluster.inventory.path} says {host.ipv4}, the Swarm knows it as {known}"
        for host in cluster.inventory.hosts
        if host.name in state.nodes
        and (known := state.nodes[host.name].membership.address) not in ("", host.ipv4)
    ]


def _covers(cluster: Cluster, scope: Scope, service: Service) -> bool:
    return all(host.name in scope.nodes for host in service.hosts(cluster))


def look(cluster: Cluster, fleet: Fleet, services: Sequence[Service]) -> State:
    """Observe all connected nodes, with the images that `services` need."""
    master = cluster.inventory.master.name
    wanted: dict[str, set[Image]] = {master: set()}
    for service in services:
        wanted[master].update(service.images(cluster))
    return observe(fleet, master, cluster.home, wanted)


def make_plan(cluster: Cluster, state: State, scope: Scope) -> list[Step]:
    """Return all steps for `scope`; pure."""
    master = cluster.inventory.master.name
    held = state.swarm.held if state.swarm else frozenset[str]()
    services = [
        s for s in scope.services if scope.wish is not Wish.AS_LABELLED or s.name not in held
    ]
    desired: list[Container] = []
    if scope.wish is not Wish.DOWN:
        desired = [c for service in services for c in service.containers(cluster, state)]
    identities = state.nodes[master].images if master in state.nodes else {}
    return [
        *plan_swarm(cluster.inventory, cluster.settings, state, scope.parts, scope.nodes),
        *_intents(cluster, services, state, scope),
        *_images(desired, identities, state, master),
        *plan_containers(
            desired,
            state,
            services=[service.name for service in services],
            nodes=scope.nodes,
            identities=identities,
            home=cluster.home,
            key=cluster.secrets[SPEC_KEY],
        ),
    ]


def _intents(
    cluster: Cluster, services: Sequence[Service], state: State, scope: Scope
) -> list[Step]:
    if state.swarm is None or scope.wish is Wish.AS_LABELLED:
        return []
    via, held = state.swarm.via, state.swarm.held
    down = scope.wish is Wish.DOWN
    action = Action.HOLD if down else Action.RELEASE
    return [
        Step(Kind.INTENT, action, via, service.name)
        for service in services
        if (service.name in held) is not down and _covers(cluster, scope, service)
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
            Action.BUILD if has_recipe(image.repository) else Action.PULL,
            master,
            image.reference,
        )
        for image in sorted(streamed, key=lambda image: image.reference)
        if not identities.get(image)
    ]


def _held(state: State, scope: Scope) -> tuple[str, ...]:
    if state.swarm is None or scope.wish is not Wish.AS_LABELLED:
        return ()
    return tuple(s.name for s in scope.services if s.name in state.swarm.held)
