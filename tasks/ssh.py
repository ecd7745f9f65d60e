"""ssh.*: the nodes by SSH."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from invoke import Collection

from cli import output
from cli.command import command
from cli.confirmation import confirm_key
from cli.password import password as secret
from cli.preparation import PASSWORD_HELP
from cli.session import Session
from cluster.errors import ConfigError

if TYPE_CHECKING:
    from cluster.connectors.base import Completed

ns = Collection("ssh")


@command(help={"command": "What to run, in quotes."})
def cmd(s: Session, command: str = "") -> None:
    """Run one shell command on every node, at once."""
    from cluster.commands.shell import everywhere

    if not command:
        raise ConfigError("a command (-c) is needed", 'For example: ./skp.py ssh.cmd -c "uptime"')
    if s.options.dry:
        planned = {host.name: command for host in s.hosts}
        lines = [f"{name}: {line}" for name, line in planned.items()]
        s.show(planned, lines)
        return
    one_at_a_time = Lock()
    unread: list[BrokenPipeError] = []

    def heard(name: str, line: str) -> None:
        with one_at_a_time:
            if not s.options.json and not unread:
                try:
                    output.show_now(f"{name}: {line}")
                except BrokenPipeError as error:  # no fault of the node, in whose thread this is
                    unread.append(error)

    with s.fleet(s.hosts) as fleet:
        done = everywhere(fleet, command, fleet.deadlines.request, heard)
    if unread:
        raise unread[0]
    document: dict[str, object] = {name: _plain(result) for name, result in done.values.items()}
    document |= {name: {"error": error.what} for name, error in done.errors.items()}
    s.show(document, _lines(done.values))
    s.end(done.errors, [name for name, result in done.values.items() if result.exit_code])


def _plain(result: Completed) -> dict[str, object]:
    return {
        "exit_code": result.exit_code,
        "stdout": result.stdout.decode(errors="replace"),
        "stderr": result.stderr.decode(errors="replace"),
    }


def _lines(results: Mapping[str, Completed]) -> Iterator[str]:
    for name, result in results.items():  # what they printed was shown as it came
        if result.exit_code:
            yield f"{name}: exit code {result.exit_code}"


@command(
    help={
        "password": "The SSH user's password; bare asks, - reads standard input.",
        "accept-host-keys": "Pin host keys that are not known without asking; --yes does not.",
    },
    optional=["password"],
)
def copy_id(s: Session, password: str = "", accept_host_keys: bool = False) -> None:
    """Have every node accept your SSH key: the password once, the key ever after."""
    from cluster.connectors.ssh_config import resolve
    from hosts.prepare import copy_id as keys

    whose = "the SSH user on the nodes"
    given = secret(s, password, whose) if password else None
    public = {host.name: keys.public_key(resolve(host, s.settings)) for host in s.hosts}
    with s.fleet(s.hosts, None if s.options.dry else given) as fleet:
        strangers = keys.unknown(fleet)
        if s.options.dry or not (given or fleet.unreachable):
            s.finish(keys.as_found(fleet))
            return
        if given and not strangers:
            s.finish(keys.copy(fleet, public, s.fleet))
            return
    keys.pin(
        strangers, lambda question: confirm_key(question, s.options, accepted=accept_host_keys)
    )
    with s.fleet(s.hosts, given or secret(s, "", whose)) as fleet:
        s.finish(keys.copy(fleet, public, s.fleet))


@command(help={"undo": "Take passwords again.", **PASSWORD_HELP}, optional=["password"])
def keys_only(s: Session, undo: bool = False, password: str = "") -> None:
    """Have the nodes' SSH servers take keys, and no passwords."""
    from hosts.prepare import machine_items
    from hosts.prepare.keys_only import Ways, keys_only
    from hosts.prepare.setup import Verb

    given = secret(s, password, "the SSH user on the nodes") if password else None
    item = machine_items.keys_only(s.settings, s.inventory, Verb.UNDO if undo else Verb.FIX)
    with s.fleet(s.hosts) as fleet:  # without the password: who is let in is so by a key
        report = keys_only(fleet, item, Ways(given, s.fleet, s.say), dry=s.options.dry)
    s.finish(report)


for _task in (cmd, copy_id, keys_only):
    ns.add_task(_task)
