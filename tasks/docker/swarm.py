"""docker.swarm-*, drain, undrain and node-rm: the Swarm and its nodes."""

from __future__ import annotations

import services
from cli.command import command
from cli.session import Session
from cluster.plan.parts import Part


@command()
def swarm_init(s: Session) -> None:
    """Begin the Swarm on the master."""
    s.converge(parts=[Part.INIT])


@command()
def swarm_join(s: Session) -> None:
    """Make every other node a manager or worker of the Swarm, as its groups say."""
    s.converge(parts=[Part.JOIN, Part.FILES])


@command()
def swarm_label(s: Session) -> None:
    """Put the labels of hosts.json on the Swarm's nodes."""
    s.converge(parts=[Part.LABEL])


@command()
def swarm_network(s: Session) -> None:
    """Make the overlay network that services talk over."""
    s.converge(parts=[Part.NETWORK])


@command()
def swarm_leave(s: Session) -> None:
    """Take nodes (--nodes; default: all) out of the Swarm; what runs there goes."""
    s.converge(parts=[Part.LEAVE])


@command(help={"host": "The node, e.g. c03."})
def drain(s: Session, host: str = "") -> None:
    """Take down what runs on a node, and leave it down until docker.undrain."""
    s.only(host)
    s.converge(parts=[Part.DRAIN], chosen=services.choose(""))


@command(help={"host": "The node, e.g. c03."})
def undrain(s: Session, host: str = "") -> None:
    """Bring back what a drained node is to run."""
    s.only(host)
    s.converge(parts=[Part.UNDRAIN], chosen=services.choose(""))


@command(help={"host": "The node, e.g. c03."})
def node_rm(s: Session, host: str = "") -> None:
    """Take one node out of the Swarm, even one that is gone; its data stays."""
    s.only(host)
    s.converge(parts=[Part.LEAVE])


TASKS = (
    swarm_init, swarm_join, swarm_label, swarm_network, swarm_leave, drain, undrain, node_rm,
)  # fmt: skip
