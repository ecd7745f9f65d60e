"""A small image in place of the data-science image, for tests to which only its place matters."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile

from tests.support.lab import MINUTES, admit, run, skp

IMAGE = "localhost:5000/skp/docker-ds:latest"
# What the catalogue asks of the image, answered at once: it is well, and nobody works with it.
CONTEXT = {
    "Dockerfile": "FROM skp/docker-registry:latest\n"
    "COPY --chmod=0755 jupyter-health jupyter-busy /opt/skp/bin/\n"
    'ENTRYPOINT ["busybox", "httpd", "-f", "-p", "8010", "-h", "/opt/skp"]\n',
    "jupyter-health": "#!/bin/sh\nexit 0\n",
    "jupyter-busy": "#!/bin/sh\nexit 1\n",
}


def context(version: str = "", megabytes: int = 0) -> bytes:
    """Return a tar of what `docker build -` makes the image from.

    Args:
        version: told apart by it, images are different ones.
        megabytes: what it is larger by, in a layer that can't be compressed.
    """
    label = f"LABEL version={version}\n" if version else ""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        files = {name: content.encode() for name, content in CONTEXT.items()}
        if megabytes:
            label += "COPY filler /\n"
            files["filler"] = os.urandom(megabytes << 20)
        files["Dockerfile"] += label.encode()
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def build(version: str = "", megabytes: int = 0) -> None:
    """Build it on c01, which has the registry's image and a registry, push it, and admit it."""
    for words, given in (
        (("build", "-q", "-t", IMAGE, "-"), context(version, megabytes)),
        (("push", "-q", IMAGE), b""),
    ):
        done = subprocess.run(
            ["docker", "exec", "-i", "c01", "docker", *words],
            input=given, capture_output=True, timeout=5 * MINUTES, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode(errors="replace")
    admit(IMAGE)


def begin() -> None:
    """Bring up what the demo leaves, but for the image: nodes, Swarm, registries."""
    nodes = run("bin/setup", seconds=15 * MINUTES), skp("lab.up", "-n", "3", "--publish")
    begun = skp("docker.swarm-init"), skp("docker.apply", "registry")
    for ran in (*nodes, *begun):
        assert ran.code == 0, ran.all
    build()
