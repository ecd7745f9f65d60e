"""Commands as root by sudo: how they are called, and what its refusals mean. Pure."""

from __future__ import annotations

import shlex

from cluster.connectors.shell import AS_ROOT
from cluster.errors import NodeError

# What sudo prints (or a script of ours), what that means, and what to do. sudo-rs, which Ubuntu has
# since 25.10, words it another way.
_REFUSALS = (
    (
        ("there is no sudo", "sudo: not found", "sudo: command not found"),
        "the SSH user is not root, and there is no sudo",
        "as root there: apt-get install sudo && usermod -aG sudo USER",
    ),
    (
        ("not in the sudoers", "is not allowed to execute", "I can't do that"),
        "sudo does not let the SSH user be root",
        "as root there: usermod -aG sudo USER",
    ),
    (
        ("must have a tty",),
        "sudo wants a terminal, which commands don't have (requiretty in sudoers)",
        """ssh -t {node} "echo 'Defaults !requiretty' | sudo tee /etc/sudoers.d/91-skp-tty\"""",
    ),
    (
        ("no password was provided", "password is required", "authentication is required"),
        "sudo wants the SSH user's password",
        "./skp.py host.install -p asks for it, and has sudo do without one from then on.",
    ),
    (
        ("incorrect password", "incorrect authentication", "Authentication failed"),
        "sudo does not take that password",
        "Nothing is tried twice.",
    ),
)


def command(script: str) -> str:
    """Return the shell command that runs a shell script as root, without a password."""
    return f"sudo -n sh -c {shlex.quote(AS_ROOT + script)}"


def failure(node: str, complaint: str) -> NodeError:
    """Return the error for a command as root that did not begin or failed, with its complaint."""
    return refusal(node, complaint) or NodeError(node, f"a command as root failed: {complaint}")


def refusal(node: str, complaint: str) -> NodeError | None:
    """Return the error that sudo's complaint on `node` means; None if it is no refusal."""
    for words, what, hint in _REFUSALS:
        if any(each in complaint for each in words):
            return NodeError(node, what, hint.format(node=node))
    return None
