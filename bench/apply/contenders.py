"""Who takes part: for each contender the command of each phase, and what is prepared before."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.apply import work
from bench.apply.nodes import Nodes

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
ANSIBLE = ROOT / ".bench" / "ansible" / "bin"
_CLOSE_SECONDS = 10


@dataclass(frozen=True)
class Command:
    """A process to be timed, with what its environment has on top of ours."""

    words: tuple[str, ...]
    environment: Mapping[str, str]


class Contender(Protocol):
    """One way to do the work.

    Attributes:
        name: as it stands in the results.
    """

    name: str

    def prepare(self, nodes: Nodes) -> None:
        """Write what it needs; not timed."""

    def command(self, phase: str, nodes: Nodes) -> Command:
        """Return the command of a phase."""

    def finish(self, nodes: Nodes) -> None:
        """End what it left running on this machine; not timed."""


class Floor:
    """See floor.py."""

    name = "floor"

    def prepare(self, nodes: Nodes) -> None:
        """Nothing: it reads the lab's own files."""

    def command(self, phase: str, nodes: Nodes) -> Command:
        """The script, in the project's interpreter."""
        python = ROOT / ".venv" / "bin" / "python"
        words = (str(python), str(HERE / "floor.py"), phase, str(nodes.lab))
        return Command(words, {"PYTHONPATH": str(ROOT)})

    def finish(self, nodes: Nodes) -> None:
        """Nothing is left."""


class Skp:
    """The product's own command line; see skp_entry.py."""

    name = "SKP"

    def prepare(self, nodes: Nodes) -> None:
        """Write a bin/env.sh for each value; generated passwords begin anew."""
        etc = nodes.folder / "etc"
        etc.mkdir(exist_ok=True)
        for file in etc.iterdir():
            file.unlink()
        for value in set(work.VALUES.values()):
            settings = {
                "SKP_USER": "skp",
                "SKP_SSH_CONFIG": nodes.lab / "ssh_config",
                "SKP_HOME": "/home/skp/skp",
                "SKP_ETC": etc,
                "SKP_HOSTS": nodes.lab / "hosts.json",
                "SKP_NET": work.NETWORK,
                "SKP_NET_SUBNET": work.SUBNET,
                work.VARIABLE: value,
            }
            lines = (f'export {key}="{text}"\n' for key, text in settings.items())
            self._env(nodes, value).write_text("".join(lines))

    def command(self, phase: str, nodes: Nodes) -> Command:
        """`docker.apply`, as a person or cron would run it.

        With the interpreter behind the environment: a version manager's `python3` is a shell
        script, which costs 0.1 s and is no part of the product.
        """
        python = (ROOT / ".venv" / "bin" / "python").resolve()
        words = (str(python), str(HERE / "skp_entry.py"), "docker.apply")
        return Command(words, {"SKP_ENV": str(self._env(nodes, work.VALUES[phase]))})

    def finish(self, nodes: Nodes) -> None:
        """Nothing is left."""

    def _env(self, nodes: Nodes, value: str) -> Path:
        return nodes.folder / f"env-{value}.sh"


class Ansible:
    """community.docker with what makes Ansible fast; see ansible/."""

    name = "Ansible"

    def prepare(self, nodes: Nodes) -> None:
        """Write the inventory."""
        hosts = nodes.hosts
        document: dict[str, Any] = {
            "all": {
                "hosts": {name: _variables(host) for name, host in hosts.items()},
                "children": {
                    "master": {
                        "hosts": {n: {} for n, h in hosts.items() if "master" in h["groups"]}
                    }
                },
                "vars": {
                    "ansible_user": "skp",
                    "network": work.NETWORK,
                    "subnet": work.SUBNET,
                    "mtu": work.MTU_BELOW,
                    "image": work.IMAGE,
                    "alias": work.ALIAS,
                    "stop_seconds": work.STOP_SECONDS,
                },
            }
        }
        self._inventory(nodes).write_text(json.dumps(document, indent=1))

    def command(self, phase: str, nodes: Nodes) -> Command:
        """The playbook; its connections persist from phase to phase, as ControlPersist has it."""
        words = (
            *(str(ANSIBLE / "ansible-playbook"), "-i", str(self._inventory(nodes))),
            *("-e", f"value={work.VALUES[phase]}", str(HERE / "ansible" / "playbook.yml")),
        )
        config = nodes.lab / "ssh_config"
        return Command(
            words,
            {
                "ANSIBLE_CONFIG": str(HERE / "ansible" / "ansible.cfg"),
                "ANSIBLE_HOME": str(nodes.folder / "ansible"),
                "ANSIBLE_SSH_CONTROL_PATH": self._control_path(nodes, "%%h"),
                "ANSIBLE_SSH_ARGS": f"-F {config} -o ControlMaster=auto -o ControlPersist=60s",
            },
        )

    def finish(self, nodes: Nodes) -> None:
        """End the persistent connections, so that none leads to a node that is gone."""
        for host in nodes.hosts.values():
            path = self._control_path(nodes, host["ipv4"])
            if not Path(path).exists():
                continue
            words = ("ssh", "-o", f"ControlPath={path}", "-O", "exit", host["ipv4"])
            subprocess.run(words, capture_output=True, timeout=_CLOSE_SECONDS, check=True)

    def _inventory(self, nodes: Nodes) -> Path:
        return nodes.folder / "inventory.json"

    def _control_path(self, nodes: Nodes, address: str) -> str:
        # In the user's runtime folder: the path of a socket has at most 107 characters.
        return f"{os.environ.get('XDG_RUNTIME_DIR') or '/tmp'}/{nodes.name}-{address}"  # noqa: S108


def _variables(host: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ansible_host": host["ipv4"],
        "role": "manager" if "manager" in host["groups"] else "worker",
        "labels": {key: value for label in host["labels"] for key, value in label.items()},
    }


CONTENDERS: tuple[Contender, ...] = (Floor(), Skp(), Ansible())
