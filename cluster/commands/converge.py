"""Observe, plan, apply, and again until nothing is left that one more look could bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cluster.commands.audit import Audit
from cluster.commands.leave_check import held_back
from cluster.commands.report import Report
from cluster.config import secrets_file
from cluster.config.secrets import SPEC_KEY
from cluster.connectors.fleet import Fleet
from cluster.errors import SkpError
from cluster.lock.lock import Lock, locked
from cluster.model.redaction import known
from cluster.model.service import Cluster
from cluster.model.state import State, clock_warnings
from cluster.model.step import Action, Step
from cluster.operations.dispatch import Busy, Context, Say
from cluster.operations.executor import Outcome, Result, apply
from cluster.operations.image_transfer import Spool
from cluster.plan.guard import question
from cluster.plan.plan import Plan, look, make_plan, settled
from cluster.plan.scope import Scope, Wish, covers
from cluster.plan.swarm import Part

# Each round brings what the next one needs (Swarm, members, network, registry image, registry,
# services); a plan that still changes things after so many rounds does not converge.
_ROUNDS = 12


@dataclass(frozen=True)
class Talk:
    """How a command speaks with the person: progress lines, and a question that may end it.

    Attributes:
        confirm: takes a question, and raises SkpError unless the answer is yes.
    """

    say: Say
    confirm: Callable[[str], None]


def converge(cluster: Cluster, fleet: Fleet, scope: Scope, talk: Talk) -> Report:
    """Make what `scope` names as it is wanted, and return what was done.

    The lock is taken only when there is something to change; what was seen before is then looked
    at once more.

    Raises:
        LockedError: another command is changing the cluster.
        SkpError: it does not come to rest (a fault of SKP or of a service), or the person said no.
    """
    run = _Run(cluster, fleet, scope, talk)
    plan = run.look()
    if scope.dry:
        done = [Result(s, Outcome.PLANNED) for s in plan.steps if s.changes]
        return _report(scope, fleet, plan, done)
    run.ask(plan)
    if not any(step.changes for step in plan.steps):
        done = run.wait(plan)
        if not _promising(plan, done):
            return _report(scope, fleet, plan, done)
    master = cluster.inventory.master.name
    with locked(fleet, master, scope.command, plan.state, talk.say) as lock:
        return run.locked(lock)


class _Run:
    """One command on its way."""

    def __init__(self, cluster: Cluster, fleet: Fleet, scope: Scope, talk: Talk) -> None:
        self._cluster, self._fleet, self._scope, self._talk = cluster, fleet, scope, talk
        self._file = secrets_file.path(cluster.settings)
        self._results: list[Result] = []

    def look(self) -> Plan:
        """Observe and plan."""
        state = look(self._cluster, self._fleet, self._scope.services)
        if self._scope.wish is Wish.BACK and not self._results:
            self._scope = settled(self._scope, state)
        plan = make_plan(self._cluster, state, self._scope, secrets_file.read(self._file))
        return replace(plan, steps=held_back(self._fleet, plan.steps, state, self._scope.busy))

    def ask(self, plan: Plan) -> None:
        """Have the person confirm what takes away an unusual share; raises SkpError if not."""
        if self._scope.wish is not Wish.DOWN and Part.DRAIN not in self._scope.parts:
            doubt = question(self._cluster.inventory, plan.state, plan.steps)
            if doubt:
                self._talk.confirm(doubt)

    def wait(self, plan: Plan) -> list[Result]:
        """Wait for what is only not ready yet, which needs no lock; return what became of it."""
        with Spool() as spool:
            self.apply(plan, spool, lambda: None, self._results)
        return self._results

    def locked(self, lock: Lock) -> Report:
        """Apply in rounds, with the lock held and the audit trail written."""
        audit = Audit(self._fleet, self._cluster.inventory, lock.me)
        with ThreadPoolExecutor(1) as beside:
            begun = beside.submit(audit.begin, lock.left)
            plan = self.look()
            warnings = begun.result()
        if lock.left:
            warnings.append(f"the lock was taken over from a command that died: {lock.left}")
        with audit.ending(self._results, warnings), Spool() as spool:
            plan = self._rounds(plan, spool, lock)
        return _report(self._scope, self._fleet, plan, self._results, warnings)

    def _rounds(self, plan: Plan, spool: Spool, lock: Lock) -> Plan:
        for _ in range(_ROUNDS):
            self._keep_secrets(plan)
            done: list[Result] = []
            try:
                self.apply(plan, spool, lock.check, done)
            finally:
                self._results += done
            if not _promising(plan, done):
                return plan
            plan = self.look()
            lock.take(plan.state)
        raise SkpError(f"it does not come to rest: after {_ROUNDS} rounds there is still more")

    def apply(
        self, plan: Plan, spool: Spool, check: Callable[[], None], done: list[Result]
    ) -> None:
        """Carry out the steps of one round, but for those that failed in an earlier one.

        Args:
            done: gets the results as they come, so that they are known after an interruption too.
        """
        context = Context(
            self._fleet,
            plan.cluster.settings,
            plan.cluster.inventory,
            plan.cluster.secrets[SPEC_KEY],
            plan.resolved.kept,
            plan.state,
            spool,
            self._talk.say,
            check,
            known(plan.cluster, plan.state),
            Busy.REPLACE if self._taken_down() else self._scope.busy,
        )
        failed = {result.step.key for result in self._results if not result.ok}
        apply(context, plan.steps, done, failed)

    def _taken_down(self) -> bool:
        """Whether the person asked for what runs to go, whatever it is at work with."""
        return self._scope.wish is Wish.DOWN or Part.LEAVE in self._scope.parts

    def _keep_secrets(self, plan: Plan) -> None:
        """Bring this machine's copy up to date before anything is made with the secrets."""
        if not self._scope.services:
            return
        resolved = plan.resolved
        if resolved.generated:
            self._talk.say(f"generating {', '.join(resolved.generated)} in {self._file}")
        if secrets_file.read(self._file) != resolved.kept:
            secrets_file.write(self._file, resolved.kept)


def _report(
    scope: Scope,
    fleet: Fleet,
    plan: Plan,
    results: Sequence[Result],
    warnings: Sequence[str] = (),
) -> Report:
    state, cluster = plan.state, plan.cluster
    reported = {result.step.key for result in results}
    rest = [step for step in plan.steps if step.key not in reported]
    unchanged = [s for s in rest if not s.changes and not s.stands]
    planned = scope.dry and any(result.step.changes for result in results)
    errors = {h.name: e for h in fleet.hosts if (e := state.unreachable.get(h.name))}
    return Report(
        (
            *results,
            *(Result(s, Outcome.KEPT) for s in unchanged),
            *(_standing(s, planned) for s in rest if s.stands),
        ),
        {name: error for name, error in errors.items() if name in scope.nodes},
        (
            *cluster.settings.warnings,
            *cluster.inventory.warnings,
            *(str(error) for name, error in errors.items() if name not in scope.nodes),
            *_partly(cluster, scope),
            *_overruled(plan),
            *clock_warnings(state.nodes),
            *_address_warnings(cluster, state),
            *warnings,
        ),
        *_remembered(cluster, state, scope),
    )


def _promising(plan: Plan, done: Sequence[Result]) -> bool:
    """Whether one more look could bring more: something was missing, or was kept unjudged."""
    return any(result.outcome is Outcome.DONE for result in done) and any(
        s.action is Action.DEFER or (s.action is Action.KEEP and s.container and not s.identity)
        for s in plan.steps
    )


def _standing(step: Step, planned: bool) -> Result:
    """Say what became of a step that could not be carried out."""
    if planned and step.action is Action.DEFER:
        return Result(step, Outcome.PLANNED, f"later: {step.reason}")
    return Result(step, Outcome.SKIPPED, step.reason, step.hint)


def _partly(cluster: Cluster, scope: Scope) -> list[str]:
    """Warn of what is done on some of a service's nodes only: that can't be remembered."""
    if scope.wish is Wish.AS_LABELLED:
        return []
    what = {
        Wish.DOWN: "goes on the chosen nodes only; docker.apply brings it back there",
        Wish.UP: "is run on the chosen nodes only; what is held or rolled back stays so elsewhere",
        Wish.BACK: "is rolled back on the chosen nodes only; docker.apply brings it forward there",
    }[scope.wish]
    partial = [service for service in scope.services if not covers(cluster, scope, service)]
    return [f"{service.name} {what}" for service in partial]


def _address_warnings(cluster: Cluster, state: State) -> list[str]:
    """Warn of nodes that the Swarm knows by another address than hosts.json says."""
    return [
        f"{host.name}: {cluster.inventory.path} says {host.ipv4}, the Swarm knows it as {known}"
        for host in cluster.inventory.hosts
        if host.name in state.nodes
        and (known := state.nodes[host.name].membership.address) not in ("", host.ipv4)
    ]


def _overruled(plan: Plan) -> list[str]:
    """Warn of secrets that this machine had other values for than the cluster."""
    return [
        f"{key}: the cluster's value is used, not the one in etc/secrets.env; to set one "
        "yourself, use bin/env.sh"
        for key in plan.resolved.overruled
    ]


def _remembered(
    cluster: Cluster, state: State, scope: Scope
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the services that stay down, and those that stay rolled back, though a label asks."""
    if state.swarm is None or scope.wish is not Wish.AS_LABELLED:
        return (), ()
    names = [service.name for service in scope.services if service.hosts(cluster)]
    intent = state.swarm.intent
    return (
        tuple(name for name in names if name in intent.held),
        tuple(name for name in names if name in intent.pinned),
    )
