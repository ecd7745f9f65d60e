"""docker.apply, plan, rollback, ps, status, audit and history: the cluster as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import services
from cli.command import command
from cli.session import Session
from cluster.errors import ConfigError
from cluster.model.service import Service
from cluster.plan.parts import FORM, Part


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
    from cli import rendering

    rendering.show_audit(s, count)


@command(help={"count": "How many commands."})
def history(s: Session, count: int = 20) -> None:
    """Show what changed the cluster: who, when, what, how long, how it ended."""
    from cli import rendering

    rendering.show_history(s, count)


@command(help={"services": "Only these, comma-separated or as words after the name."})
def apply(s: Session, services: str = "") -> None:
    """Make all that the labels ask for: Swarm, network, registry, services."""
    s.converge(*_wanted(services))
    if not services and s.settings.flag("GIT_HOLDS"):
        from cli import holding

        holding.hold(s)


@command(
    help={
        "services": "Only these, comma-separated or as words after the name.",
        "yaml": "One YAML document on stdout, with what --json would say.",
    }
)
def plan(s: Session, services: str = "", yaml: bool = False) -> None:
    """Show what docker.apply would do, and change nothing."""
    if yaml and s.options.json:
        raise ConfigError("--json and --yaml: allowed: one of them", "Leave one out.")
    s.options = s.options.planning(yaml=yaml)
    s.converge(*_wanted(services))


def _wanted(names: str) -> tuple[Sequence[Part], Sequence[Service]]:
    """Return the named services; without names all, with the parts that make a Swarm."""
    return () if names else FORM, services.choose(names)


@command()
def ps(s: Session) -> None:
    """List every node's containers."""
    from cli import rendering

    with s.fleet(s.hosts) as fleet:
        rendering.show_containers(s, fleet)


@command(
    help={
        "services": "Only these, comma-separated or as words after the name.",
        "watch": "Look again and again, with what changed, until Ctrl-C.",
        "interval": "Seconds between two looks.",
    }
)
def status(s: Session, services: str = "", watch: bool = False, interval: float = 5.0) -> None:
    """Show what is wanted and what is there: nodes, containers, health, images, age."""
    if watch:
        from cli import watching

        watching.watch_status(s, services, interval)
    else:
        from cli import rendering

        rendering.show_status(s, services)


@command(
    help={
        "sort": "By cpu, memory, network or disk.",
        "interval": "Seconds between two looks.",
    }
)
def top(s: Session, sort: str = "cpu", interval: float = 2.0) -> None:
    """Show what each container uses: processor, memory, network, disk."""
    from cli import watching

    watching.watch_usage(s, sort, interval)


@command(
    name="map",
    help={"output": "The file; - for standard output.", "svg": "A still picture, not a page."},
)
def map_(s: Session, output: str = "", svg: bool = False) -> None:
    """Draw the cluster: nodes, what runs on them, what the plan would change."""
    from cli.map import write_map

    write_map(s, output, still=svg)


TASKS = (apply, plan, rollback, ps, status, top, map_, audit, history)
