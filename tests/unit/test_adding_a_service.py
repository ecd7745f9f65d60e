"""The service of docs/adding-a-service.md works as written: its files are all that it takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import examples

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "adding-a-service.md"
HOSTS = {
    "c01": {"ipv4": "10.0.0.1", "groups": ["master", "manager"], "labels": []},
    "c02": {"ipv4": "10.0.0.2", "groups": ["worker"], "labels": [{"pages": "enable"}]},
}
LOAD = """
import json, pathlib, sys
import services, tasks
from cluster.model.state import State
from tests.support.described import described

folder, hosts, values = (json.loads(word) for word in sys.argv[1:])
wanted = described(pathlib.Path(folder), hosts, values)
(container,) = services.catalogue()["pages"].containers(wanted, State({}, {}, None))
print(json.dumps({
    "tasks": list(tasks.ns.task_names),
    "options": [a.name for a in tasks.ns["docker.pages-run"].get_arguments()],
    "defaults": {s.key: s.default for s in services.declared_settings()},
    "node": container.node, "name": container.name, "image": container.image.reference,
    "missing": container.image.built_by, "ports": [port.host for port in container.ports],
    "mounts": [mount.source for mount in container.mounts], "memory": container.memory,
}))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the files of the page."""
    tree = tmp_path_factory.mktemp("checkout")
    for name in (
        "cli",
        "cluster",
        "cron",
        "etc",
        "hosts",
        "lab",
        "tasks",
        "tests",
        "workloads",
        ".venv",
    ):
        (tree / name).symlink_to(ROOT / name)
    for name in ("services", "images"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "bin").mkdir()
    (tree / "bin" / "env.sh").write_text("export SKP_USER=skp\nexport SKP_SSH_CONFIG=\n")
    for name in ("skp.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tree)
    examples.write(PAGE, tree)
    return tree


def run(tree: Path, *words: str | Path) -> str:
    done = subprocess.run(words, cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loaded(tree: Path, folder: Path, **values: str) -> dict[str, Any]:
    """Return what the checkout makes of the service, with these settings."""
    given = [json.dumps(each) for each in (str(folder), HOSTS, values)]
    answer: dict[str, Any] = json.loads(run(tree, sys.executable, "-c", LOAD, *given))
    return answer


def test_it_has_its_tasks(tree: Path, tmp_path: Path) -> None:
    found = loaded(tree, tmp_path)
    own = {name for name in found["tasks"] if "pages" in name}
    assert own == {
        f"docker.{n}" for n in ("image-build-pages", "pages-run", "pages-rm", "pages-shell")
    }
    assert {"name", "port", "volume"} <= set(found["options"])
    named = re.findall(r"\./skp\.py (\S+)", PAGE.read_text(encoding="utf-8"))
    assert named
    assert set(named) <= set(found["tasks"])


def test_its_container_is_as_its_settings_say(tree: Path, tmp_path: Path) -> None:
    found = loaded(tree, tmp_path, PAGES_PORT="8061", PAGES_TAG="1.0")
    assert (found["node"], found["name"]) == ("c02", "pages-skp-c02")
    assert found["image"] == "localhost:5000/skp/docker-pages:1.0"
    assert found["missing"] == "docker.image-build-pages -t=1.0"
    assert found["ports"] == [8061]
    assert found["mounts"] == ["/home/skp/skp/volume/pages"]
    assert found["memory"] == 64 << 20
    assert found["defaults"]["PAGES_NAME"] == "pages-skp"


def test_its_image_is_built_from_its_folder(tree: Path) -> None:
    said = run(tree, sys.executable, "skp.py", "docker.image-build-pages", "--dry", "-t=1.0")
    assert "skp/docker-pages:1.0" in said
    assert (tree / "images" / "docker-pages" / "Dockerfile").is_file()


def test_its_files_please_the_linters(tree: Path) -> None:
    programs = Path(sys.executable).parent
    run(tree, programs / "ruff", "check", "--no-cache", "services/pages.py")
    run(tree, programs / "ruff", "format", "--no-cache", "--check", "services/pages.py")
    contract = subprocess.run(
        [programs / "lint-imports", "--no-logo", "--no-cache"],
        cwd=tree, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "services.pages" not in contract.stdout
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed: bin/setup --dev")
    run(tree, shellcheck, "images/docker-pages/bin/pages-health")
