"""lab.*: the practice cluster on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from invoke import Collection

from cli.command import command
from cli.session import Session
from cluster.config import inventory
from cluster.errors import ConfigError, ExitCode, SkpError

if TYPE_CHECKING:
    from lab import NodeStatus

ns = Collection("lab")


@command(
    help={
        "number": "How many nodes, 1 to 16.",
        "engine": "The nodes' engine: stable, or newest (Debian's); as it was, if not given.",
        "publish": "Put the services' ports of c01 on 127.0.0.1 of this machine.",
        "odd": "Nodes unlike each other: zsh, fish, umask 077, Turkish, requiretty, and more.",
    }
)
def up(
    s: Session, number: int = 3, publish: bool = False, engine: str = "", odd: bool = False
) -> None:
    """Bring up the practice cluster: nodes with an engine and sshd of their own."""
    import lab

    _refuse_dry(s, "lab.up")
    with _errors():
        config = lab.LabConfig(engine=engine)
        outcome = lab.up(number, publish or None, odd or None, config=config, say=s.say)
    _show(s, outcome.nodes)
    _mention_inventory(s)


@command()
def down(s: Session) -> None:
    """Take the practice cluster away: containers, volumes, network, keys."""
    import lab

    _refuse_dry(s, "lab.down")
    with _errors():
        outcome = lab.down(say=s.say)
    s.show({"ok": True, "changed": outcome.changed}, ())


@command()
def status(s: Session) -> None:
    """Show the practice cluster's nodes."""
    import lab

    with _errors():
        nodes = lab.status()
    _show(s, nodes)
    if not nodes and not s.options.json:
        s.show(None, ["There is no lab; ./skp.py lab.up makes one."])


def _show(s: Session, nodes: tuple[NodeStatus, ...]) -> None:
    from cluster.model.line import table

    ill = [node for node in nodes if not node.healthy]
    head = ("NODE", "ADDRESS", "STATE", "ENGINE", "SSH")
    rows = [(n.name, n.address, n.state, n.engine or "-", "yes" if n.ssh else "no") for n in nodes]
    shown = nodes and not (s.options.quiet and not ill)
    s.show([asdict(node) for node in nodes], table(head, rows) if shown else ())
    s.end({}, ill)


def _mention_inventory(s: Session) -> None:
    """Say so when the inventory in force is not the one of this lab."""
    from lab import LabConfig

    made = LabConfig().state / "hosts.json"
    try:
        used = s.settings.local_path("SKP_HOSTS")
        same = inventory.read(used).hosts == inventory.read(made).hosts
    except ConfigError as error:
        s.warn([str(error)])  # the lab is up all the same
        return
    if not same:
        s.say(f"{used} describes other nodes than this lab has; to use the lab's own:")
        s.say(f"export SKP_HOSTS={os.path.relpath(made)}")


def _refuse_dry(s: Session, name: str) -> None:
    if s.options.dry:
        raise ConfigError(f"{name} has no dry run", "./skp.py lab.status shows what is there.")


@contextmanager
def _errors() -> Iterator[None]:
    from lab import LabError

    try:
        yield
    except LabError as error:
        kind = ConfigError if error.exit_code == int(ExitCode.USAGE) else SkpError
        raise kind(error.what, error.hint) from None


for _task in (up, down, status):
    ns.add_task(_task)
