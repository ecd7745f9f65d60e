"""The operation that has Portainer know its agents, by its own API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.config.secrets import Secret
from cluster.model.item import Action, Kind
from cluster.model.result import Outcome
from cluster.operations.base import Context, Operation
from services.portainer.api import Portainer


@dataclass(frozen=True)
class RegisterAgents(Operation):
    """Register the agents that the server on `node` does not know yet.

    Attributes:
        port: the server's, on its node.
        password: the administrator's.
        agents: each agent's URL by its node's name.
    """

    node: str
    port: int
    password: Secret
    agents: Mapping[str, str]
    name: str = "portainer agents"
    kind, action = Kind.SERVICE, Action.CONFIGURE

    @property
    def after(self) -> tuple[str, ...]:
        """The server, which stands on the same node."""
        return ("portainer",)

    @property
    def changes(self) -> bool:
        """That is known only when the server was asked."""
        return False

    def execute(self, context: Context) -> str:
        """Wait for the server, log in, and say which agents were registered."""
        node = self.node_in(context)
        server = Portainer(node, self.port)
        server.wait(node.deadlines.healthy)
        server.log_in(self.password)
        added = server.register(self.agents)
        return f"registered {', '.join(added)}" if added else ""

    def outcome(self, detail: str) -> Outcome:
        """Something was changed if there is something to tell."""
        return Outcome.DONE if detail else Outcome.UNCHANGED
