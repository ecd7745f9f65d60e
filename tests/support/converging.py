"""Running `converge` on a played cluster, with what it says and asks noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import services
from cluster.commands.converge import Console, converge
from cluster.commands.report import Report
from cluster.model.policy import Busy
from cluster.plan.scope import Goal, Scope
from cluster.plan.swarm import Part
from tests.support.fake_cluster import FakeCluster


class Converging:
    """What a command says to the person, and asks them.

    Attributes:
        said: its progress. asked: its questions.
        agree: called with each question; raises to say no.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.said: list[str] = []
        self.asked: list[str] = []
        self.agree: Callable[[str], None] = self.asked.append

    @property
    def console(self) -> Console:
        """The console that a command gets."""
        return Console(self.said.append, self.agree)

    def run(
        self,
        names: str = "registry,jupyter",
        goal: Goal = Goal.APPLY,
        nodes: Sequence[str] = (),
        parts: Sequence[Part] = (),
        options: Mapping[str, str] | None = None,
    ) -> Report:
        """Converge on the named services."""
        return self._converge(names, goal, nodes, parts, options or {}, Scope.dry)

    def show(self, names: str = "registry,jupyter", goal: Goal = Goal.APPLY) -> Report:
        """Show what `run` would do."""
        return self._converge(names, goal, (), (), {}, dry=True)

    def _converge(
        self,
        names: str,
        goal: Goal,
        nodes: Sequence[str],
        parts: Sequence[Part],
        options: Mapping[str, str],
        dry: bool,
    ) -> Report:
        scope = Scope(
            "docker.apply",
            tuple(nodes or self.cluster),
            tuple(parts),
            services.choose(names) if names else (),
            goal,
            dry,
            options,
            busy=Busy.SKIP,
        )
        with self.cluster.fleet() as fleet:
            return converge(self.cluster.declared, fleet, scope, self.console)


def outcomes(report: Report) -> dict[str, str]:
    """Return how each item ended, as "c01 jupyter-skp"."""
    return {f"{r.item.node} {r.item.name}": str(r.outcome) for r in report.results}
