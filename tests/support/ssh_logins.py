"""A deployment that accounts log in to by OpenSSH's own client, as its users would type it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.accounts import PASSWORD
from tests.support.lab import Ran, on

PORT = 30020
# As the original's users write it: sshd of the image, and a volume of the project for homes.
FILE = """\
ENABLE_CD="TRUE"
IMAGE_PATH="localhost:5000/skp/docker-sshd"
POD_NAME="box"
PVC_CNT="1"
VOL_NAME0="homes"
VOL_SIZE0="1G"
CON_CNT="1"
CON_NAME0="sshd"
CON_CMD0="/usr/sbin/sshd"
CON_ARG0="-D"
CON_PORT0="22"
EXP_PORT0="30020"
CON_ACCOUNTS0="TRUE"
CON_ENV0="LOGINS_SECONDS:1"
CON0_VOL_CNT="1"
CON0_VOL_NAME0="homes"
CON0_VOL_PATH0="/home"
"""
_SECONDS = 40  # of one login


@dataclass(frozen=True)
class Box:
    """The container, and what a person has to log in to it.

    Attributes:
        folder: for keys and passwords. node, address, container: where it runs.
    """

    folder: Path
    node: str
    address: str
    container: str

    def key(self, name: str) -> str:
        """Make a key pair, and return the public one."""
        path = self.folder / name
        words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path))
        subprocess.run(words, check=True, timeout=_SECONDS)
        return path.with_suffix(".pub").read_text().strip()

    def words(self, name: str, command: str, *, by_key: bool = False) -> list[str]:
        """Return what is typed to run a command there as an account."""
        kinds = "publickey" if by_key else "password,keyboard-interactive"
        options = {
            "IdentitiesOnly": "yes",
            "IdentityFile": str(self.folder / name) if by_key else "none",
            "NumberOfPasswordPrompts": "1",
            "PreferredAuthentications": kinds,
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
        }
        said = [f"-o{key}={value}" for key, value in options.items()]
        return ["ssh", "-F", "none", *said, "-p", str(PORT), f"{name}@{self.address}", command]

    def by_password(self, name: str, command: str, password: str = PASSWORD) -> Ran:
        """Run a command as an account that types its password."""
        ask = self.folder / "askpass"
        ask.write_text(f"#!/bin/sh\necho {shlex.quote(password)}\n")
        ask.chmod(0o700)
        return self._run(
            self.words(name, command), {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
        )

    def by_key(self, name: str, command: str) -> Ran:
        """Run a command as an account that has its key."""
        return self._run(self.words(name, command, by_key=True), {})

    @contextmanager
    def session(self, name: str, command: str) -> Iterator[subprocess.Popen[str]]:
        """Have a command run there, as an account that has its key, during the block."""
        words = self.words(name, command, by_key=True)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
            try:
                yield running
            finally:
                running.kill()

    def inside(self, script: str, *words: str) -> Ran:
        """Run a script in the container as its root, who is the project's."""
        typed = ("docker", "exec", self.container, "bash", "-c", script, "-", *words)
        return on(self.node, shlex.join(typed))

    def asked(self, *paths: str, body: object = None, header: str = "") -> list[int]:
        """Return the statuses with which the account service answers a container's own requests.

        Args:
            body: of each. header: in place of the one with the project's credential.
        """
        text = "" if body is None else json.dumps(body)
        return [int(status) for status in self.inside(_ASK, header, text, *paths).out.split()]

    @contextmanager
    def cut_off(self, address: str) -> Iterator[None]:
        """Have no way from the container to an address, during the block."""
        enter = f"sudo nsenter -t $(docker inspect -f {{{{.State.Pid}}}} {self.container}) -n"
        cut = on(self.node, f"{enter} ip route add unreachable {address}")
        assert cut.code == 0, cut.all
        try:
            yield
        finally:
            on(self.node, f"{enter} ip route del unreachable {address}")

    @staticmethod
    def _run(words: list[str], more: dict[str, str]) -> Ran:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_SECONDS, env={**os.environ, **more},
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)


# With what the image has: the credential is read where the container has it.
_ASK = """
of() { python3 -c "import json; print(json.load(open('/run/skp/accounts.json'))$1)"; }
of '["authority"]' >/tmp/ca.pem
url=$(of '["urls"][0]')
header=${1:-Authorization: Bearer $(of '["credential"]')} body=$2
shift 2
for path; do
  curl -sS --cacert /tmp/ca.pem -o /dev/null -w '%{http_code}\\n' -H "$header" \\
    ${body:+-H 'Content-Type: application/json' -d "$body"} "$url$path"
done
"""
