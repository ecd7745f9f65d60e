"""Fresh lab nodes, with what all contenders need on them before the clock starts."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import lab
from bench.apply import work

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".bench" / "apply"
# What community.docker's modules import on the nodes.
_PACKAGES = ("docker", "requests", "urllib3", "idna", "certifi", "charset-normalizer")
_SITE = "/usr/lib/python3/dist-packages"
_BASE = "skp/base:trixie"
_DOCKERFILE = f"""\
FROM {_BASE} AS made
RUN set -e; mkdir /out; \\
    for program in sleep getent; do \\
      path=$(command -v "$program"); cp --parents -L "$path" /out; \\
      ldd "$path" | grep -o '/[^ ]*' | xargs -I@ cp --parents -L @ /out; \\
    done; mkdir /out/etc; echo 'hosts: files dns' >/out/etc/nsswitch.conf
FROM scratch
COPY --from=made /out /
CMD ["/usr/bin/sleep", "infinity"]
"""
_SECONDS = 300


class Nodes:
    """One lab of its own, beside the user's; made anew for every contender and round.

    Attributes:
        folder: where all files of the benchmark are. lab: where those of the lab are.
    """

    def __init__(self) -> None:
        self.folder = FOLDER
        self.lab = FOLDER / "lab"
        self.name = "skp-bench"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config = lab.LabConfig(
            name=self.name, prefix="b", subnet="10.98.0.0/24", folder=self.lab
        )
        self._image = self.folder / "image.tar"
        self._packages = self.folder / "packages.tar"

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """hosts.json as plain values."""
        hosts: dict[str, dict[str, Any]] = json.loads((self.lab / "hosts.json").read_text())
        return hosts

    def make_images(self) -> None:
        """Build the image of the containers, and pack what Ansible's modules need."""
        self.fresh(1)  # makes the base, unless it is there
        words = ("docker", "build", "-q", "-t", work.IMAGE, "-")
        subprocess.run(
            words, input=_DOCKERFILE.encode(), stdout=subprocess.DEVNULL, timeout=_SECONDS,
            check=True,
        )  # fmt: skip
        _run("docker", "save", "-o", str(self._image), work.IMAGE)
        self._pack(next(iter(self.hosts)))

    def fresh(self, count: int) -> None:
        """Make `count` nodes anew: new machines, new engines, new keys."""
        self.remove()
        lab.up(count, config=self._config, say=lambda _: None)
        hosts = {
            name: {**host, "labels": [{work.LABEL: "enable"}, {"place": f"rack-{name}"}]}
            for name, host in self.hosts.items()
        }
        (self.lab / "hosts.json").write_text(json.dumps(hosts, indent=2))

    def prepare(self) -> None:
        """Put the image and the packages on every node."""
        self.each(self._prepare)

    def remove(self) -> None:
        """Remove the nodes."""
        lab.down(config=self._config, say=lambda _: None)

    def each(self, work_on: Callable[[str], object]) -> None:
        """Do something for all nodes at once, by name; the first error is raised."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            list(pool.map(work_on, self.hosts))

    def _prepare(self, name: str) -> None:
        with self._image.open("rb") as image:
            _run("docker", "exec", "-i", name, "docker", "load", "-q", stdin=image)
        with self._packages.open("rb") as packages:
            _run("docker", "exec", "-i", name, "tar", "-xf", "-", "-C", _SITE, stdin=packages)

    def _pack(self, name: str) -> None:
        """Pack the packages with their bytecode, which an unprivileged user can't write there."""
        with tempfile.TemporaryFile() as file:
            file.write(_installed())
            file.seek(0)
            _run("docker", "exec", "-i", name, "tar", "-xf", "-", "-C", _SITE, stdin=file)
        _run("docker", "exec", name, "python3", "-m", "compileall", "-q", _SITE)
        with self._packages.open("wb") as packages:
            _run("docker", "exec", name, "tar", "-cf", "-", "-C", _SITE, ".", stdout=packages)


def inside(node: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a node, past SSH and past every contender."""
    words = ("docker", "exec", node, *command)
    return subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)


def _run(*words: str, stdin: Any = subprocess.DEVNULL, stdout: Any = subprocess.DEVNULL) -> None:
    subprocess.run(words, stdin=stdin, stdout=stdout, timeout=_SECONDS, check=True)


def _installed() -> bytes:
    """Return a tar of the installed packages, as files of a node's own Python."""
    site = next((ROOT / ".bench" / "ansible" / "lib").glob("python3.*/site-packages"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in _PACKAGES:
            for file in metadata.Distribution.at(_info(site, name)).files or ():
                if file.suffix in (".py", ".pem") and ".." not in file.parts:
                    archive.add(site / file, str(file))
    return buffer.getvalue()


def _info(site: Path, name: str) -> Path:
    return next(site.glob(f"{name.replace('-', '_')}-*.dist-info"))
