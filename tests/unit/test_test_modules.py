"""What test modules share stands in `tests/support`: a test module is never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield what is imported anywhere in a module, as dotted names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{name.name}" for name in node.names)


def of_tests(name: str) -> bool:
    """Tell whether a dotted name is a test module, a conftest, or something of one."""
    return any(part == "conftest" or part.startswith("test_") for part in name.split("."))


def test_no_test_module_is_imported() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in ("tests", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in imported(ast.parse(path.read_text()))
        if of_tests(name)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "from tests.lab.conftest import run",
        "from tests.unit.test_plan import plan",
        "from tests.unit import test_plan",
        "import tests.soak.test_cron",
        "def f():\n    from .test_plan import plan",
    ],
)
def test_an_import_of_a_test_module_is_seen(line: str) -> None:
    assert any(of_tests(name) for name in imported(ast.parse(line)))
