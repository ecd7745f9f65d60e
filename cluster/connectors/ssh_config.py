"""How SSH reaches a node: what OpenSSH's own configuration says (`ssh -G`, ssh_config(5))."""

from __future__ import annotations

import getpass
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.config.inventory import Host
from cluster.config.settings import Settings
from cluster.errors import NodeError

_PORT = 22


@dataclass(frozen=True)
class Target:
    """Where and as whom to connect under the SSH configuration.

    Attributes:
        name: the node's name, for messages.
        options: OpenSSH's effective options by their lower-case names, several values joined
            by newlines.
        arguments: how the `ssh` client itself is called to reach the same place.
    """

    name: str
    options: Mapping[str, str]
    arguments: tuple[str, ...]

    @property
    def host(self) -> str:
        """The address or name that is connected to."""
        return self.options["hostname"]

    @property
    def port(self) -> int:
        """The port that is connected to."""
        return int(self.options.get("port", _PORT))

    @property
    def where(self) -> str:
        """As whom and where, for messages: "skp@10.0.0.4:22"."""
        return f"{self.options['user']}@{_with_port(self.host, self.port)}"

    def paths(self, option: str) -> list[str]:
        """Return an option that holds file names, as those that exist.

        `ssh -G` prints several names on one line without quoting blanks in them, so a line is
        taken as one name if there is such a file.
        """
        found: list[str] = []
        for line in self.expand(self.options.get(option, "")).splitlines():
            names = [line] if Path(line).expanduser().is_file() else line.split()
            found += [str(p) for name in names if (p := Path(name).expanduser()).is_file()]
        return found

    def expand(self, text: str) -> str:
        """Replace the tokens of ssh_config(5) that name files and proxies."""
        values = {
            "%": "%",
            "d": str(Path.home()),
            "h": self.options["hostname"],
            "n": self.name,
            "p": self.options.get("port", str(_PORT)),
            "r": self.options["user"],
            "u": getpass.getuser(),
        }
        return re.sub(r"%(.)", lambda found: values.get(found[1], found[0]), text)

    def proxy(self, host: str, port: int) -> list[str]:
        """Return the command whose pipes lead to the node, or [] for a direct connection."""
        jump, command = self.options.get("proxyjump"), self.options.get("proxycommand", "none")
        if jump:
            *before, last = jump.split(",")
            hops = ["-J", ",".join(before)] if before else []
            config = [*self.arguments[:3]] if self.arguments[1] == "-F" else ["ssh"]
            return [*config, "-o", "BatchMode=yes", *hops, "-W", _with_port(host, port), last]
        return [] if command == "none" else ["sh", "-c", f"exec {self.expand(command)}"]


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ask(name: str, address: str, user: str, port: int | None, config: Path | None) -> Target:
    """Ask OpenSSH how it would connect to `name`.

    The inventory's address is used unless the configuration gives `name` a HostName of its own.

    Raises:
        NodeError: when `ssh -G` refuses the configuration.
    """
    command = ["ssh", *(["-F", str(config)] if config else []), "-l", user]
    command += ["-p", str(port)] if port else []
    try:
        done = subprocess.run(
            [*command, "-G", "--", name], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NodeError(name, f"ssh -G can't tell how to connect: {error}") from None
    if done.returncode != 0:
        raise NodeError(name, f"the SSH configuration is refused: {done.stderr.strip()}")
    options: dict[str, str] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        options[key] = f"{options[key]}\n{value}" if key in options else value
    if options.get("hostname") == name.lower():
        options["hostname"] = address
    command += ["-o", f"HostName={options['hostname']}"]
    return Target(name, options, (*command, name))


def resolve(host: Host, settings: Settings) -> Target:
    """Return how SSH reaches `host` under the SSH configuration that the settings name.

    Raises:
        NodeError: when `ssh -G` refuses the configuration.
    """
    config: Path | None = None
    if settings.text("SKP_SSH_CONFIG"):
        config = settings.local_path("SKP_SSH_CONFIG")
    return ask(host.name, host.ipv4, host.user or settings.text("SKP_USER"), host.port, config)
