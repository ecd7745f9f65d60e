"""What a command loads before it begins, and that nothing is missing for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cli.program import program
from tasks import ns

ROOT = Path(__file__).parents[2]
LOADED = """
import sys
import skp
skp.prepare()
import invoke
unread = "invoke.vendor.yaml.reader" not in sys.modules
print(unread, invoke.Config().run.echo, "unittest.mock" in sys.modules)
"""


def test_invokes_own_yaml_loads_when_there_is_a_file_for_it(tmp_path: Path) -> None:
    (tmp_path / ".invoke.yaml").write_text("run:\n  echo: true\n")
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"HOME": str(tmp_path)},
    )
    assert done.stdout.split() == ["True", "True", "False"]


def test_only_the_options_of_what_is_typed_are_made() -> None:
    made = program(ns)
    made.create_config()
    made.parse_core(["skp.py", "docker.swarm-init", "docker.plan", "jupyter", "--json"])
    made.parse_collection()
    made.parse_tasks()
    assert sorted(made.parser.contexts) == ["docker.plan", "docker.swarm-init"]
    assert [task.name for task in made.tasks] == ["docker.swarm-init", "docker.plan"]
