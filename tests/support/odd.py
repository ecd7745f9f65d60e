"""A lab whose nodes are unlike each other, beside the one that others use; and commands for it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lab
from lab import LabConfig
from tests.support.lab import ROOT, Ran, run, skp

NAMES = ("o01", "o02", "o03")


@dataclass(frozen=True)
class Odd:
    """The lab: o01 has zsh in Turkish, o02 fish and a strict umask, o03 a bash that talks.

    Attributes:
        folder: of its keys, its settings and its secrets.
        environment: names settings and inventory.
    """

    folder: Path
    environment: dict[str, str]

    def skp(self, *words: str) -> Ran:
        """Run a command as a person would type it."""
        return skp(*words, env=self.environment)

    def typed(self, line: str) -> Ran:
        """Run a line that SKP said to type, at a terminal."""
        config = self.folder / "lab" / "ssh_config"
        at = line.replace("ssh -t ", f"ssh -tt -F {shlex.quote(str(config))} ", 1)
        return run("bash", "-c", at, seconds=60)


@contextmanager
def odd(folder: Path) -> Iterator[Odd]:
    """Give such a lab; it is gone afterwards."""
    config = LabConfig(
        checkout=ROOT, name="skp-lab-o", prefix="o", subnet="10.97.1.0/24",
        folder=folder / "lab", ports=(),
    )  # fmt: skip
    lab.down(config=config, say=print)
    try:
        lab.up(len(NAMES), odd=True, config=config, say=print)
        yield Odd(folder, _told(folder, config))
    finally:
        lab.down(config=config, say=print)


def _told(folder: Path, config: LabConfig) -> dict[str, str]:
    """Write settings and inventory; return what names them."""
    groups = {name: ["manager"] for name in NAMES} | {NAMES[0]: ["master", "manager"]}
    hosts = {n: {"ipv4": config.address(n), "labels": [], "groups": groups[n]} for n in NAMES}
    (folder / "hosts.json").write_text(json.dumps(hosts))
    changed = {
        "SKP_SSH_CONFIG": folder / "lab" / "ssh_config", "SKP_ETC": folder, "SKP_DFS": "",
        "SKP_HOSTS": folder / "hosts.json", "SKP_NET_SUBNET": "10.93.0.0/16",
    }  # fmt: skip
    lines = [f"export {key}={shlex.quote(str(value))}" for key, value in changed.items()]
    (folder / "env.sh").write_text("\n".join([f"source {ROOT}/bin/env.sh", *lines, ""]))
    return {"SKP_ENV": str(folder / "env.sh"), "SKP_HOSTS": str(folder / "hosts.json")}
