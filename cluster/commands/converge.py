"""Converging: observe, plan, carry out, in rounds, until another round would bring nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cluster.commands.audit import Audit
from cluster.commands.leave_check import block_unsafe_leaves
from cluster.commands.outcome import converged
from cluster.commands.report import Report
from cluster.config import secrets_file
from cluster.connectors.fleet import Fleet
from cluster.errors import SkpError
from cluster.facts.cluster import observe_cluster
from cluster.lock.lock import Lock, locked
from cluster.model.cluster import Declared, View
from cluster.model.item import Item
from cluster.model.policy import Progress, Say, Watch
from cluster.model.redaction import known
from cluster.model.result import Outcome, Result
from cluster.operations.base import Context
from cluster.operations.executor import execute
from cluster.plan.guard import confirmation
from cluster.plan.move import is_old, is_whole, question
from cluster.plan.parts import Part
from cluster.plan.plan import Plan, make_plan, rollback_scope
from cluster.plan.scope import Goal, Scope

# Each round brings what the next one needs (Swarm, members, network, registry image, registry,
# services); a plan that still changes things after so many rounds does not converge.
_ROUNDS = 12
_OLD = (
    "the cluster is laid out as by an earlier version, where whoever runs a notebook can become "
    "root on its nodes: ./skp.py docker.apply on a terminal shows what changes, and asks"
)


def _nobody(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Console:
    """How a command talks to the person.

    Attributes:
        say: takes a line of progress.
        confirm: takes a question, and raises SkpError unless the answer is yes.
        agrees: takes a question, and tells whether the answer is yes; where nobody is, it is no.
        watch: sees operations as they go; None where `say` is told their beginnings.
    """

    say: Say
    confirm: Callable[[str], None]
    agrees: Callable[[str], bool] = _nobody
    watch: Watch | None = None

    def progress(self, view: View) -> Progress:
        """Return how operations on a cluster report, without its secrets."""
        return Progress(self.say, known(view.cluster, view.state), self.watch)


def converge(declared: Declared, fleet: Fleet, scope: Scope, console: Console) -> Report:
    """Make what `scope` names as it is wanted, and return the report.

    The lock is taken only when there is something to change; the cluster is then observed again.

    Raises:
        LockedError: another command is changing the cluster.
        SkpError: the person did not agree, or the plan still changes after all rounds, which is a
            fault of SKP or of a service.
        ConfigErrors: settings and inventory contradict each other.
    """
    run = _Run(declared, fleet, scope, console)
    plan = run.look()
    plan = run.offer(plan)
    if scope.dry:
        return run.report([Result(i, Outcome.PLANNED) for i in plan.items if i.needs_lock])
    run.ask()
    if not any(item.needs_lock for item in plan.items):
        results = run.wait()
        if not _needs_another_round(plan.items, results):
            return run.report(results)
    master = declared.inventory.master.name
    with locked(fleet, master, scope.command, plan.view.state, console.say) as lock:
        return run.rounds(lock)


class _Run:
    """The state of one command: its last plan, and the results so far."""

    def __init__(self, declared: Declared, fleet: Fleet, scope: Scope, console: Console) -> None:
        self._declared, self._fleet, self._scope, self._console = declared, fleet, scope, console
        self._file = secrets_file.path(declared.settings)
        self._renewed = scope.renewed
        self._results: list[Result] = []
        self._complaints: list[str] = []
        self._plan: Plan

    def look(self) -> Plan:
        """Observe and plan."""
        scope = self._scope
        stored = secrets_file.read(self._file)
        declared = replace(self._declared, stored=stored, renewed=self._renewed)
        view = observe_cluster(declared, self._fleet, scope.services, scope.options)
        if view.resolved.is_restored and not view.resolved.generated:
            secrets_file.write(self._file, view.resolved.local)
        if scope.goal is Goal.ROLLBACK and not self._results:
            self._scope = scope = rollback_scope(scope, view)
        plan = make_plan(view, scope)
        items = block_unsafe_leaves(self._fleet, plan.items, view.state, scope.busy)
        self._plan = replace(plan, items=items)
        return self._plan

    def offer(self, plan: Plan) -> Plan:
        """Offer to move data of an earlier version; return the plan after the answer."""
        cluster, state, scope = plan.view.cluster, plan.view.state, self._scope
        if plan.view.is_moving or not (scope.services and is_old(cluster, state)):
            return plan
        if (
            scope.dry
            or not is_whole(cluster, scope)
            or not self._console.agrees(question(cluster, state, scope.services))
        ):
            self._complaints.append(_OLD)
            return plan
        self._scope = replace(scope, moves=True)
        return self.look()

    def ask(self) -> None:
        """Have the person confirm a plan that removes much; raises SkpError if they do not."""
        plan, scope = self._plan, self._scope
        agreed = plan.view.is_moving or scope.moves
        if scope.goal is not Goal.REMOVE and Part.DRAIN not in scope.parts and not agreed:
            doubt = confirmation(self._declared.inventory, plan.view.state, plan.items)
            if doubt:
                self._console.confirm(doubt)

    def wait(self) -> Sequence[Result]:
        """Carry out a plan that only waits, which needs no lock, and return the results."""
        self._results += execute(Context(self._fleet, self._progress()), self._plan.items)
        return self._results

    def rounds(self, lock: Lock) -> Report:
        """Carry out in rounds, with the lock held and the audit trail written.

        What failed in one round is not tried again in the next.
        """
        audit = Audit(self._fleet, self._declared.inventory, lock.me)
        with ThreadPoolExecutor(1) as beside:
            begun = beside.submit(audit.begin, lock.left)
            self.look()
            begun.result()
        if lock.left:
            audit.complaints.append(
                f"the lock was taken over from a command that died: {lock.left}"
            )
        with audit.recording(self._results):
            for _ in range(_ROUNDS):
                self._store_secrets()
                self._renewed = frozenset()  # they are this machine's now, and next the managers'
                before = len(self._results)
                failed = {result.item.key for result in self._results if not result.ok}
                context = Context(self._fleet, self._progress(), lock.check)
                for result in execute(context, self._plan.items, failed):
                    self._results.append(result)  # one by one: known after an interruption too
                if not _needs_another_round(self._plan.items, self._results[before:]):
                    break
                self.look()
                lock.take(self._plan.view.state)
            else:
                raise SkpError(f"it does not come to rest: after {_ROUNDS} rounds there is more")
        return self.report(self._results, audit.complaints)

    def _progress(self) -> Progress:
        return self._console.progress(self._plan.view)

    def _store_secrets(self) -> None:
        """Update this machine's copy of the secrets before any container is made with them."""
        if not self._scope.services:
            return
        resolved = self._plan.view.resolved
        if resolved.generated:
            self._console.say(f"generating {', '.join(resolved.generated)} in {self._file}")
        if secrets_file.read(self._file) != resolved.local:
            secrets_file.write(self._file, resolved.local)

    def report(self, results: Sequence[Result], complaints: Iterable[str] = ()) -> Report:
        """Return the report of the last plan and all results."""
        every = [*self._complaints, *complaints]
        return converged(self._scope, self._fleet.hosts, self._plan, results, every)


def _needs_another_round(items: Iterable[Item], done: Iterable[Result]) -> bool:
    """Whether something changed, and an item was deferred or could not be compared."""
    changed = any(result.outcome is Outcome.DONE for result in done)
    return changed and any(item.is_provisional for item in items)
