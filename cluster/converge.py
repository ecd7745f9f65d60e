"""Observe, plan, apply, and again until nothing is left that one more look could bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cluster.apply import Outcome, Result, apply
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
from cluster.state import State
from cluster.step import Action, Kind, Step

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
    """Make what `scope` names as it is wanted, and return what was done."""
    results: list[Result] = []
    for _ in range(_ROUNDS):
        state = look(cluster, fleet, scope.services)
        failed = {result.step.key for result in results if not result.ok}
        steps = make_plan(cluster, state, scope)
        if scope.dry:
            results += [Result(s, Outcome.PLANNED) for s in steps if s.changes]
            break
        context = Context(
            fleet, cluster.settings, cluster.inventory, cluster.secrets[SPEC_KEY], state, say
        )
        done = apply(context, steps, failed)
        results += done
        if not (any(r.outcome is Outcome.DONE for r in done) and _undecided(steps)):
            break
    results += _unchanged(steps, results)
    failed = {result.step.key for result in results if not result.ok}
    results += [
        _blocked(s, results, scope)
        for s in steps
        if s.action is Action.BLOCK and s.key not in failed
    ]
    return Report(
        tuple(results),
        {h.name: error for h in fleet.hosts if (error := state.unreachable.get(h.name))},
        (*cluster.settings.warnings, *cluster.inventory.warnings),
        _held(state, scope),
    )


def _undecided(steps: Sequence[Step]) -> bool:
    """Whether one more look could bring more: something is blocked, or was kept unjudged."""
    return any(
        s.action is Action.BLOCK or (s.action is Action.KEEP and s.container and not s.identity)
        for s in steps
    )


def _unchanged(steps: Sequence[Step], results: Sequence[Result]) -> list[Result]:
    reported = {result.step.key for result in results}
    return [
        Result(s, Outcome.KEPT) for s in steps if s.action is Action.KEEP and s.key not in reported
    ]


def look(cluster: Cluster, fleet: Fleet, services: Sequence[Service]) -> State:
    """Observe all connected nodes, with the images that `services` need."""
    master = cluster.inventory.master.name
    wanted: dict[str, set[Image]] = {master: set()}
    for service in services:
        wanted[master].update(service.images(cluster))
    home = f"{cluster.settings.text('SKP_HOME')}/volume"
    return observe(fleet, home, wanted)


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
        *_intents(services, state, scope),
        *_images(desired, identities, state, master),
        *plan_containers(
            desired,
            state,
            services=[service.name for service in services],
            nodes=scope.nodes,
            identities=identities,
            home=f"{cluster.settings.text('SKP_HOME')}/volume",
            key=cluster.secrets[SPEC_KEY],
        ),
    ]


def _intents(services: Sequence[Service], state: State, scope: Scope) -> list[Step]:
    if state.swarm is None or scope.wish is Wish.AS_LABELLED:
        return []
    via, held = state.swarm.via, state.swarm.held
    down = scope.wish is Wish.DOWN
    action = Action.HOLD if down else Action.RELEASE
    return [
        Step(Kind.INTENT, action, via, service.name)
        for service in services
        if (service.name in held) is not down
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


def _blocked(step: Step, results: Sequence[Result], scope: Scope) -> Result:
    """Say what became of a step that something stood in the way of to the end."""
    if scope.dry and any(r.step.changes for r in results) and not _is_final(step):
        return Result(step, Outcome.PLANNED, f"later: {step.reason}")
    return Result(step, Outcome.SKIPPED, step.reason, step.hint)


def _is_final(step: Step) -> bool:
    """Whether no other step of a plan could remove the obstacle: only the person can."""
    return step.found is not None and step.found.service is None


def _held(state: State, scope: Scope) -> tuple[str, ...]:
    if state.swarm is None or scope.wish is not Wish.AS_LABELLED:
        return ()
    return tuple(s.name for s in scope.services if s.name in state.swarm.held)
