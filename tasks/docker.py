"""docker.*: the Swarm, the registry, images, services and their containers."""

from __future__ import annotations

from invoke import Collection

import services
from cli.command import command
from cli.session import Session
from cluster.errors import ConfigError
from cluster.plan.parts import FORM, Part
from tasks import docker_services
from tasks.docker_services import open_shell

ns = Collection("docker")


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


@command(help={"service": "The service, e.g. jupyter."})
def rollback(s: Session, service: str = "") -> None:
    """Run the image that a service ran before, until its next -run."""
    from cluster.plan.scope import Goal

    if not service:
        raise ConfigError("a service (-s) is needed", "./skp.py docker.rollback -s jupyter")
    s.converge(chosen=services.choose(service), goal=Goal.ROLLBACK)


@command(help={"count": "How many entries."})
def audit(s: Session, count: int = 20) -> None:
    """Show who changed what, and how it ended."""
    from cli import rendering as views

    views.show_audit(s, count)


@command(help={"count": "How many commands."})
def history(s: Session, count: int = 20) -> None:
    """Show what changed the cluster: who, when, what, how long, how it ended."""
    from cli import rendering as views

    views.show_history(s, count)


@command(help={"services": "Only these, comma-separated or as words after the name."})
def apply(s: Session, services: str = "") -> None:
    """Make all that the labels ask for: Swarm, network, registry, services."""
    _apply(s, services)


@command(help={"services": "Only these, comma-separated or as words after the name."})
def plan(s: Session, services: str = "") -> None:
    """Show what docker.apply would do, and change nothing."""
    s.dry()
    _apply(s, services)


def _apply(s: Session, names: str) -> None:
    s.converge(parts=() if names else FORM, chosen=services.choose(names))


@command()
def ps(s: Session) -> None:
    """List every node's containers."""
    from cli import rendering as views

    with s.fleet(s.hosts) as fleet:
        views.show_containers(s, fleet)


@command(help={"services": "Only these, comma-separated or as words after the name."})
def status(s: Session, services: str = "") -> None:
    """Show what is wanted and what is there: nodes, containers, health, images, age."""
    from cli import rendering as views

    views.show_status(s, services)


@command(
    help={
        "locale": "The image's locale, e.g. ko_KR.UTF-8.",
        "gpu": "TRUE for the image with CUDA libraries.",
        "tag": "The image's tag.",
    }
)
def image_build_ds(
    s: Session, locale: str = "en_US.UTF-8", gpu: str = "FALSE", tag: str = "latest"
) -> None:
    """Build the data-science image on the master and push it to the registry."""
    from services.images import data_science

    image, arguments = data_science(s.settings, locale, gpu, tag)
    s.build(image, arguments)


@command()
def image_list(s: Session) -> None:
    """List the images of the registry: digest, size and age on every node."""
    from cli import rendering as views

    with s.fleet(s.hosts) as fleet:
        views.show_images(s, fleet)


@command(
    help={
        "host": "The node, e.g. c01.",
        "name": "The container, or its family: kafka-skp finds kafka-skp-2.",
        "command": "Run this by sh instead of an interactive bash.",
    }
)
def exec_shell(s: Session, host: str = "", name: str = "", command: str = "") -> None:
    """Open a shell in a container, with a terminal when there is one."""
    if not (host and name):
        raise ConfigError(
            "a node (-h) and a container (-n) are needed",
            "For example: ./skp.py docker.exec-shell -h c01 -n jupyter-skp",
        )
    open_shell(s, host, name, ("sh", "-c", command) if command else ("bash",))


for _task in (
    swarm_init, swarm_join, swarm_label, swarm_network, swarm_leave, drain, undrain, node_rm,
    apply, plan, rollback, ps,
    status, audit, history, image_build_ds, image_list, exec_shell,
):  # fmt: skip
    ns.add_task(_task)
docker_services.add_to(ns)
