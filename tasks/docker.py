"""docker.*: the Swarm, the registry, images, services and their containers."""

from __future__ import annotations

import os
import shlex

from invoke import Collection

import services
from cluster.errors import ConfigError, nearest
from cluster.plan_swarm import Part
from cluster.service import Service
from tasks.command import Command, command
from tasks.session import Session

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


@command(help={"services": "Only these, comma-separated or as words after the name."})
def apply(s: Session, services: str = "") -> None:
    """Make everything so that the labels ask for: Swarm, network, registry, services."""
    _apply(s, services)


@command(help={"services": "Only these, comma-separated or as words after the name."})
def plan(s: Session, services: str = "") -> None:
    """Show what docker.apply would do, and change nothing."""
    s.dry()
    _apply(s, services)


def _apply(s: Session, names: str) -> None:
    s.converge(parts=() if names else list(Part), chosen=services.choose(names))


@command()
def ps(s: Session) -> None:
    """List every node's containers."""
    from tasks import views

    with s.fleet(s.hosts) as fleet:
        views.show_containers(s, fleet)


@command(help={"services": "Only these, comma-separated or as words after the name."})
def status(s: Session, services: str = "") -> None:
    """Show what is wanted and what is there: nodes, containers, health, images, age."""
    from tasks import views

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
    from tasks import views

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
    _shell(s, host, name, ("sh", "-c", command) if command else ("bash",))


def _shell(s: Session, host: str, name: str, command: tuple[str, ...]) -> None:
    from cluster import shell
    from cluster.observe import containers

    if host not in s.inventory.names:
        raise ConfigError(
            f"no node {host} in {s.inventory.path}{nearest(host, s.inventory.names)}",
            f"There are: {', '.join(s.inventory.names)}",
        )
    chosen = s.inventory.host(host)
    with s.fleet([chosen]) as fleet:
        for error in fleet.unreachable.values():
            raise error
        found = shell.find(containers(fleet.nodes[host]), host, name)
    words = shell.interactive(chosen, s.settings, found.name, command)
    if s.options.dry:
        print(shlex.join(words))
        return
    os.execvp(words[0], words)  # noqa: S606 - ssh or docker becomes this process, with its terminal


def _service_tasks(service: Service) -> list[Command]:
    """Return the tasks that every service has."""

    def run(s: Session) -> None:
        from cluster.converge import Wish

        if not set(service.hosts(s.cluster)) & set(s.hosts):
            raise ConfigError(
                f"no chosen node has the label {service.name}",
                f'Add {{"{service.name}": "enable"}} to a node in {s.inventory.path}.',
            )
        s.converge(chosen=[service], wish=Wish.UP)

    def rm(s: Session) -> None:
        from cluster.converge import Wish

        s.converge(chosen=[service], wish=Wish.DOWN)

    def shell(s: Session, host: str = "") -> None:
        wanted = {c.node: c for c in s.wanted(service)}
        node = host or next(iter(wanted), "")
        if node not in wanted:
            raise ConfigError(
                f"{service.name} does not run on {node or 'any node'}",
                f"It runs on: {', '.join(wanted) or 'none, no node has its label'}",
            )
        _shell(s, node, wanted[node].name, service.shell)

    run.__doc__ = f"Run {service.title}."
    rm.__doc__ = f"Remove {service.title}; the data stays, and docker.apply leaves it down."
    shell.__doc__ = f"Open a shell in {service.title} on a node."
    tasks = [
        Command(run, name=f"{service.name}-run"),
        Command(rm, name=f"{service.name}-rm"),
    ]
    if service.shell:
        node = {"host": "The node, e.g. c01; by default the first."}
        tasks.append(Command(shell, name=f"{service.name}-shell", help=node))
    return tasks


for _task in (
    swarm_init, swarm_join, swarm_label, swarm_network, apply, plan, ps, status,
    image_build_ds, image_list, exec_shell,
):  # fmt: skip
    ns.add_task(_task)
for _service in services.catalogue().values():
    for _task in _service_tasks(_service):
        ns.add_task(_task)
