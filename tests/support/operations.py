"""Operations for tests of what carries operations out."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.model.item import Action, Kind
from cluster.model.result import Outcome
from cluster.operations.base import Context, Operation


@dataclass(frozen=True)
class Configure(Operation):
    """Asks the running service, and finds that nothing is to be changed."""

    node: str
    name: str = "thing"
    kind, action = Kind.SERVICE, Action.CONFIGURE

    @property
    def changes(self) -> bool:
        """That is known only when it was asked."""
        return False

    def execute(self, context: Context) -> str:
        """Ask it by a command."""
        self.node_in(context).run("configure")
        return ""

    def outcome(self, detail: str) -> Outcome:  # noqa: ARG002
        """Nothing was changed."""
        return Outcome.UNCHANGED
