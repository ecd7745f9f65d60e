"""Root by sudo: its prompt is answered over a real SSH connection, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.connectors import shell
from cluster.connectors.node import Node
from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import Target
from cluster.deadlines import Deadlines
from cluster.errors import NodeError
from hosts.prepare.root import Root
from tests.support.fake_sshd import FakeSshd

# sudo as sudo(8) describes it: -S reads from standard input, the prompt goes to standard error.
SUDO = """#!/bin/sh
[ "$1" != -n ] || exit 1
for try in 1 2 3; do
  printf '%s' "$4" >&2
  IFS= read -r given || break
  echo "$given" >>'{tries}'
  if [ "$given" = right ]; then shift 4; exec "$@"; fi
  echo 'Sorry, try again.' >&2
done
[ "$try" = 1 ] && said='no password was provided' || said='1 incorrect password attempt'
echo "sudo: $said" >&2
exit 1
"""


@pytest.fixture
def tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the passwords that this machine's sudo, a stand-in, was given."""
    programs = tmp_path / "bin"
    programs.mkdir()
    found = tmp_path / "tries"
    for name, text in (("sudo", SUDO.format(tries=found)), ("id", "#!/bin/sh\necho 1000\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setattr(shell, "PATH", f"{programs}:{shell.PATH}")  # looked at before a user's own
    return found


@pytest.fixture
def node(target: Target, sshd: FakeSshd) -> Node:
    host = Host("c01", "10.0.0.1", (), frozenset({"master"}))
    return Node(host, SshConnection(target, 20.0), Deadlines())


def test_a_right_password_lets_a_script_run(node: Node, sshd: FakeSshd, tries: Path) -> None:
    done = Root(Secret("right")).run(node, "echo out; cat; echo bad >&2; exit 3", 20)
    assert (done.exit_code, done.stdout) == (3, b"out\n")
    assert done.stderr == b"bad\n"
    assert tries.read_text() == "right\n"
    assert "right" not in "".join(sshd.commands)


def test_a_wrong_password_is_tried_once(node: Node, sshd: FakeSshd, tries: Path) -> None:
    with pytest.raises(NodeError, match="sudo does not take that password") as caught:
        Root(Secret("hunter2")).run(node, "echo out", 20)
    assert tries.read_text() == "hunter2\n"
    assert "hunter2" not in repr(caught.value) + str(caught.value.__context__)


def test_without_a_password_sudo_is_given_none(node: Node, tries: Path) -> None:
    with pytest.raises(NodeError, match="sudo wants the SSH user's password"):
        Root(None).run(node, "echo out", 20)
    assert not tries.exists()
