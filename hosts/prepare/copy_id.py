"""Login by key: our public key is added on each node, and then a login by key is tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from cluster.commands.report import Report
from cluster.config.inventory import Host
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.connectors.ssh_auth import agent
from cluster.connectors.ssh_config import Target
from cluster.connectors.ssh_hostkeys import UnknownHostError
from cluster.errors import NodeError, SkpError
from cluster.model.item import Action, Kind, Noted
from cluster.model.result import Outcome, Result

NAME = "SSH key"
# Adds the key on standard input to authorized_keys, unless it is there already (sshd(8)).
_ADD = """umask 077 && mkdir -p ~/.ssh && read -r key && touch ~/.ssh/authorized_keys &&
{ ! grep -qF "$(echo "$key" | cut -d' ' -f1,2)" ~/.ssh/authorized_keys || exit 0; } &&
{ [ ! -s ~/.ssh/authorized_keys ] || [ -z "$(tail -c 1 ~/.ssh/authorized_keys)" ] ||
  echo >>~/.ssh/authorized_keys; } && echo "$key" >>~/.ssh/authorized_keys && echo added"""
_DEADLINE = 30.0
Connect = Callable[[Sequence[Host]], AbstractContextManager[Fleet]]


def public_key(target: Target) -> str:
    """Return the public key that logs in to `target`: a file's, else the agent's first.

    Raises:
        SkpError: there is none.
    """
    for name in target.paths("identityfile"):
        public = Path(f"{name}.pub")
        if public.is_file():
            return public.read_text(encoding="utf-8").strip()
    for key in agent(target).get_keys():
        return f"{key.get_name()} {key.get_base64()} skp"
    raise SkpError(
        f"there is no SSH key for {target.where}",
        "Make one: ssh-keygen -t ed25519; or name yours by IdentityFile in the SSH configuration.",
    )


def pin(strangers: Sequence[UnknownHostError], agree: Callable[[str], None]) -> None:
    """Add unknown host keys to known_hosts, once a person has agreed.

    Args:
        agree: takes the question, and raises SkpError unless the answer is yes.

    Raises:
        SkpError: the person did not agree.
    """
    if not strangers:
        return
    listed = "".join(f"\n  {error.what}" for error in strangers)
    agree(
        f"{len(strangers)} SSH host key(s) are not known:{listed}\n"
        "  Compare each with the node's own (there: ssh-keygen -lf "
        "/etc/ssh/ssh_host_..._key.pub);\n  only if they are the same, have them pinned."
    )
    for error in strangers:
        file = Path(error.file).expanduser()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as known:
            known.write(error.line)


def unknown(fleet: Fleet) -> list[UnknownHostError]:
    """Return the errors of the hosts that were not reached because their host key is unknown."""
    return [error for error in fleet.unreachable.values() if isinstance(error, UnknownHostError)]


def as_found(fleet: Fleet) -> Report:
    """Return the report of a dry run: a node that could be reached by key needs nothing."""
    kept = [Result(_noted(name, Action.KEEP), Outcome.UNCHANGED) for name in fleet.nodes]
    todo = [
        Result(_noted(name, Action.INSTALL), Outcome.PLANNED, error.what)
        for name, error in fleet.unreachable.items()
    ]
    return Report((*kept, *todo), {})


def copy(fleet: Fleet, keys: Mapping[str, str], connect: Connect) -> Report:
    """Add the keys where they are missing, then log in to every node by key, and report each node.

    Args:
        fleet: the nodes, connected by key or by password. One connection each: sshd locks out an
            address from which logins fail often.
        keys: the public key, by node.
        connect: opens new connections to hosts, by key.
    """
    begun = time.monotonic()

    def add(node: Node) -> bool:
        done = node.run(_ADD, stdin=f"{keys[node.name]}\n".encode(), deadline=_DEADLINE)
        if done.exit_code != 0:
            raise NodeError(node.name, f"the key could not be added: {done.complaint()}")
        return done.text == "added"

    added: Results[bool] = fleet.each(add)
    reached = [node.host for node in fleet.nodes.values()]
    refused: Mapping[str, NodeError] = {}
    if reached:
        with connect(reached) as proof:
            refused = proof.unreachable
    seconds = time.monotonic() - begun
    results = []
    for host in reached:
        error = added.errors.get(host.name) or refused.get(host.name)
        if error:
            noted = _noted(host.name, Action.INSTALL)
            results.append(Result(noted, Outcome.FAILED, error.what, error.hint, seconds))
        elif added.values[host.name]:
            results.append(Result(_noted(host.name, Action.INSTALL), Outcome.DONE, "", "", seconds))
        else:
            results.append(Result(_noted(host.name, Action.KEEP), Outcome.UNCHANGED))
    return Report(tuple(results), fleet.unreachable)


def _noted(node: str, action: Action) -> Noted:
    return Noted(Kind.HOST, action, node, NAME)
