"""Layers of images that later tests build, made on the master while earlier tests wait."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tests.support.lab import ROOT

# By test module, in the order of the modules.
IMAGES = {
    "test_airflow.py": ("docker-mysql",),
    "test_accounts.py": ("docker-flask", "docker-nginx", "docker-gateway", "docker-git"),
    "test_ssh_logins.py": ("docker-sshd",),
    "test_kafka.py": ("docker-zookeeper", "docker-kafka"),
    "test_volumes.py": ("docker-fuse",),
}
# The builder keeps the layers; the image goes, for a test is to find none. What fails here fails
# again where it is asked for, and is told there.
_MAKE = """
folder=$(mktemp -d) && tar -x -C "$folder" || exit
for name; do
  image=skp-layers/$name:latest
  "$folder/images/build.sh" "$name" "$image" && docker rmi "$image"
done
rm -rf "$folder"
"""


@contextmanager
def made_ahead(modules: Iterable[str]) -> Iterator[None]:
    """Make on c01, while the block runs, what these test modules will build there."""
    chosen = set(modules)
    names = [name for module, images in IMAGES.items() if module in chosen for name in images]
    if not names or chosen <= IMAGES.keys():
        yield
        return
    inside = ["docker", "exec", "-i", "-u", "skp", "c01", "bash", "-c", _MAKE, "-", *names]
    with (
        subprocess.Popen(["tar", "-c", "-C", ROOT, "images"], stdout=subprocess.PIPE) as context,
        subprocess.Popen(
            inside, stdin=context.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as making,
    ):
        try:
            yield
        finally:
            making.kill()
