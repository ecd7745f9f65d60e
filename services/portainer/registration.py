"""The operation that registers agents with the running Portainer, by its API (decision 59)."""

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
        address: "HOST:PORT" at which its node reaches it.
        password: the administrator's.
        agents: each agent's URL by its node's name.
    """

    node: str
    address: str
    password: Secret
    agents: Mapping[str, str]
    name: str = "portainer agents"
    kind, action = Kind.SERVICE, Action.CONFIGURE

    @property
    def after(self) -> tuple[str, ...]:
        """The server, on the same node."""
        return ("portainer",)

    @property
    def changes(self) -> bool:
        """Whether agents are missing is not known before the server was asked: False."""
        return False

    def execute(self, context: Context) -> str:
        """Wait for the server, log in, and return which agents were registered; "" for none."""
        node = self.node_in(context)
        server = Portainer(node, self.address)
        server.wait(node.deadlines.healthy)
        server.log_in(self.password)
        added = server.register(self.agents)
        return f"registered {', '.join(added)}" if added else ""

    def outcome(self, detail: str) -> Outcome:
        """Return DONE if agents were registered, which `detail` then names."""
        return Outcome.DONE if detail else Outcome.UNCHANGED
