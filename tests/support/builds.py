"""Images that are built in the lab: their folders, and what is left of builds on nodes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.data_volumes import until
from tests.support.deployed import IMAGE
from tests.support.lab import NODES, ROOT, Ran, labelled, on, skp

BUILDER = "c02"
# What deployments of tests run: busybox, and little else.
BASE = IMAGE
LEFT = (
    "docker ps -aq --filter label=skp.build; sudo mount | grep /var/lib/skp/builder; "
    "sudo losetup -l 2>/dev/null | grep /var/lib/skp/builder; true"
)


def environment(folder: Path, node: str = BUILDER, **settings: str) -> dict[str, str]:
    """Return the environment of a cluster where one node builds, with settings of it."""
    chosen = {"BUILD_SIZE": "1g", "BUILD_MEMORY": "512m", "BUILD_SECONDS": "120", **settings}
    path = folder / "env.sh"
    lines = "".join(f'export {key}="{value}"\n' for key, value in chosen.items())
    path.write_text(f". {ROOT}/bin/env.sh\n{lines}")
    return {**labelled(folder / "hosts.json", "builder", nodes=(node,)), "SKP_ENV": str(path)}


def folder(at: Path, *lines: str, base: str = BASE) -> str:
    """Make a folder with a Dockerfile of these lines, which root runs; return its path."""
    at.mkdir(exist_ok=True)
    (at / "Dockerfile").write_text("\n".join((f"FROM {base}", "USER 0:0", *lines, "")))
    return str(at)


def index(at: Path) -> None:
    """Make an index of Python packages that has one, skp-tiny, which prints a word."""
    name, about = "skp_tiny-1.0-py3-none-any.whl", "skp_tiny-1.0.dist-info"
    folder = at / "simple" / "skp-tiny"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(f'<a href="{name}">{name}</a>')
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("skp_tiny.py", "print('tiny')\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: skp-tiny\nVersion: 1.0\n")
        tags = "Root-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nGenerator: us\n{tags}")
        files = ("skp_tiny.py", f"{about}/METADATA", f"{about}/WHEEL", f"{about}/RECORD")
        wheel.writestr(f"{about}/RECORD", "".join(f"{each},,\n" for each in files))


def built(env: Mapping[str, str], name: str, path: str, *words: str) -> Ran:
    """Have an image built."""
    return skp("deploy.build", name, path, *words, env=env)


def log(ran: Ran) -> list[str]:
    """Return what a build printed."""
    return [line.strip() for line in ran.err.splitlines()]


def nothing_is_left(node: str = BUILDER) -> None:
    """Wait until no container and no mount of a build is there any more."""
    until(lambda: on(node, LEFT).out.strip() == "", 30)


def forget(env: Mapping[str, str], *projects: str) -> None:
    """Take away what builds of projects left: rooms, records, and images of the registry."""
    for project in projects:
        listed = skp("deploy.builds", project, "--json", env=env)
        images = {each["image"] for each in json.loads(listed.out or "[]")}
        for image in images:
            repository, _, tag = image.partition(":")
            skp("docker.image-rm", f"-i={repository}", f"-t={tag}", "--yes", env=env)
        for node in NODES:
            on(node, f"sudo sh -c 'rm -rf /var/lib/skp/builder/{project}*'")
        on("c01", f"sudo rm -rf /home/skp/skp/platform/builds/{project}")
