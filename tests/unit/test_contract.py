"""Which room may import what: the contract in pyproject.toml holds, and notices who breaks it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CONFIGURATION = ROOT / "pyproject.toml"
FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=tree, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages that the contract speaks of."""
    shutil.copy(CONFIGURATION, tmp_path)
    tools = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["tool"]
    for package in tools["importlinter"]["root_packages"]:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    return tmp_path


@pytest.fixture(scope="module")
def done() -> subprocess.CompletedProcess[str]:
    """What is said of the project as it is."""
    return lint(ROOT)


def test_every_module_imports_only_what_its_room_may(
    done: subprocess.CompletedProcess[str],
) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("files", "named"),
    [
        pytest.param(
            {"cluster/plan/stray.py": "from cluster.connectors.fleet import Fleet\n"},
            "cluster.plan.stray -> cluster.connectors.fleet",
            id="at the top",
        ),
        pytest.param(
            {"cluster/model/stray.py": "def look() -> None:\n    import cluster.facts.nodes\n"},
            "cluster.model.stray -> cluster.facts.nodes",
            id="inside a function",
        ),
        pytest.param(
            {"cluster/operations/stray.py": f"{FOR_TYPES}    import cluster.plan.plan\n"},
            "cluster.operations.stray -> cluster.plan.plan",
            id="for types alone",
        ),
        pytest.param(
            {"services/stray.py": "import cluster.connectors.node\n"},
            "services.stray -> cluster.connectors.node",
            id="a service's declaration",
        ),
        pytest.param(
            {"services/volumes/stray.py": "import cluster.operations.executor\n"},
            "services.volumes.stray -> cluster.operations.executor",
            id="what else a service brings",
        ),
        pytest.param(
            {"cluster/stray.py": "import cluster.errors\n"},
            "- cluster.stray",
            id="a module of cluster/ in no room",
        ),
        pytest.param(
            {"cluster/facts/stray.py": "def look() -> None:\n    import fabric\n"},
            "cluster.facts.stray -> fabric",
            id="Fabric for a look at a node",
        ),
        pytest.param(
            {"lab/one.py": "import lab.other\n", "lab/other.py": "import lab.one\n"},
            "No cycles are allowed in lab",
            id="a circle",
        ),
    ],
)
def test_a_module_in_the_wrong_room_is_named(
    done: subprocess.CompletedProcess[str], tree: Path, files: dict[str, str], named: str
) -> None:
    assert named not in done.stdout
    for path, text in files.items():
        (tree / path).write_text(text, encoding="utf-8")
    found = lint(tree)
    assert found.returncode == 1
    assert named in found.stdout
