"""A machine's packages as apt and dpkg see them, in a folder: what is installed, what can be had.

The real apt decides what it would do; it finds these files instead of this machine's.
"""

from __future__ import annotations

import os
import pty
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# bin/setup's functions, for a machine whose /opt/skp is in the folder $2.
_BEGIN = """
. "$1/bin/setup"
YES=no AGREEING="bin/setup --yes" APT_FRESH=yes
PLACE=$2/opt OWN=$2/opt/engine OWN_PID=$2/opt/engine/run/docker.pid BEFORE=$2/opt/before
is_root() { true; }
is_debian_like() { true; }
"""
_APT = """
Dir "{0}"; Dir::State "state"; Dir::State::status "{0}/dpkg/status"; Dir::Cache "cache";
Dir::Etc "{0}"; Dir::Etc::sourcelist "sources"; Dir::Etc::sourceparts "none";
Dir::Etc::parts "none"; Dir::Etc::preferencesparts "none"; APT::Sandbox::User "root";
APT::Architecture "amd64"; APT::Architectures {{ "amd64"; }};
"""


@dataclass(frozen=True)
class Package:
    """A package in one version.

    Attributes:
        needs: as in a control file's Depends.
        against: as in a control file's Conflicts.
    """

    name: str
    version: str
    needs: str = ""
    against: str = ""

    def stanza(self, *lines: str) -> str:
        """Return the package as apt reads it."""
        fields = [f"Package: {self.name}", f"Version: {self.version}", "Architecture: all"]
        fields += ["Maintainer: nobody", "Description: nothing"]
        fields += [f"Depends: {self.needs}"] if self.needs else []
        fields += [f"Conflicts: {self.against}"] if self.against else []
        return "\n".join([*fields, *lines, ""])


class Machine:
    """Packages in a folder, and bin/setup's functions over them."""

    def __init__(self, folder: Path) -> None:
        """Begin with nothing installed and nothing to be had."""
        self.folder = folder
        self.programs = folder / "bin"
        for name in ("dpkg/updates", "repository", "state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        self.programs.mkdir()
        for name in ("docker", "dockerd"):  # the engine of the machine that tests is never reached
            self.program(name, "exit 1")
        self.has()
        self.offers()

    def has(self, *packages: Package) -> None:
        """Have these installed, and no others."""
        state = "Status: install ok installed"
        text = "\n".join(package.stanza(state) for package in packages)
        (self.folder / "dpkg/status").write_text(text)

    def offers(self, *packages: Package) -> None:
        """Have apt find these in its sources, and no others."""
        sums = "Size: 1\nSHA256: " + "0" * 64
        text = "\n".join(p.stanza(f"Filename: {p.name}.deb", sums) for p in packages)
        (self.folder / "repository/Packages").write_text(text)
        source = f"deb [trusted=yes] file:{self.folder}/repository ./\n"
        (self.folder / "sources").write_text(source)
        (self.folder / "apt.conf").write_text(_APT.format(self.folder))
        self._run("apt-get", "-q", "update")

    def program(self, name: str, script: str) -> None:
        """Have a program, which bin/setup finds before the real one."""
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def added(self, *names: str) -> None:
        """Have bin/setup remember that it added these."""
        (self.folder / "opt").mkdir(exist_ok=True)
        (self.folder / "opt/packages").write_text("".join(f"{name}\n" for name in names))

    def bash(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script that has bin/setup's functions, with nobody at the terminal."""
        return self._run("bash", "-c", _BEGIN + script, "setup", str(ROOT), str(self.folder))

    def person(self, typed: str, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script that has bin/setup's functions, with somebody at a terminal."""
        terminal, shown = pty.openpty()
        try:
            os.write(terminal, f"{typed}\n".encode())
            words = "bash", "-c", _BEGIN + script, "setup", str(ROOT), str(self.folder)
            return self._run(*words, stdin=shown)
        finally:
            os.close(terminal)
            os.close(shown)

    def _run(
        self, *words: str, stdin: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}", "HOME": str(self.folder),
            "APT_CONFIG": str(self.folder / "apt.conf"), "DPKG_ADMINDIR": str(self.folder / "dpkg"),
            "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        return subprocess.run(
            words, env=environment, stdin=stdin, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
