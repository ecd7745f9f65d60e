"""The service of docs/adding-a-service.md, built and run as written there."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import examples
from tests.support.lab import ROOT, Ran, labelled, on, run

PAGE = ROOT / "docs" / "adding-a-service.md"
ADDRESS = "http://10.99.0.12:8100/"
# What a checkout consists of, but for what the example adds to.
LINKED = (".venv", ".lab", "bin", "cli", "cluster", "cron", "hosts", "lab", "tasks", "workloads")


class Checkout:
    """A checkout with the example's files in it, working on the practice cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._env = folder, {}
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        for name in ("services", "images", "etc"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.env"))
        shutil.copy(ROOT / "skp.py", folder)
        examples.write(PAGE, folder)
        hosts = labelled(folder / "etc" / "hosts.json", "pages", nodes=("c02",))
        env = folder / "env.sh"
        env.write_text(f"source {ROOT}/bin/env.sh\nexport SKP_ETC={ROOT}/etc\n")
        self._env = {**hosts, "SKP_ENV": str(env)}

    def skp(self, *words: str) -> Ran:
        """Run a command of this checkout."""
        return run(str(self._folder / "skp.py"), *words, env=self._env)


@pytest.fixture
def checkout(changed: None, tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    made.skp("docker.pages-rm")
    made.skp("docker.image-rm", "-i", "skp/docker-pages", "-t", "latest", "--yes")
    on("c01", "rm -rf /home/skp/skp/volume/pages")


def test_it_is_built_and_runs_as_written(checkout: Checkout) -> None:
    built = checkout.skp("docker.image-build-pages")
    assert built.code == 0, built.all
    begun = checkout.skp("docker.pages-run")
    assert begun.code == 0, begun.all
    on("c02", "echo 'It works.' >/home/skp/skp/volume/pages/index.html")
    with urllib.request.urlopen(ADDRESS, timeout=10) as page:
        assert page.read() == b"It works.\n"
    again = checkout.skp("docker.pages-run")
    assert "Nothing to change" in again.out, again.all
    shown = checkout.skp("docker.status", "pages")
    assert "pages-skp-c02" in shown.out
    assert shown.code == 0, shown.all
