"""Every file that the documents for developers name is there; every decision has its page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import examples

ROOT = Path(__file__).parent.parent.parent
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "adding-a-service.md",
    *sorted(DECISIONS.glob("*.md")),
]
# What is between backquotes, has a slash inside it, and begins like no image, address or variable.
PATH = re.compile(r"`((?!skp/)[\w.][\w.-]*/[\w./-]*)`")
WRITTEN_BY_COMMANDS = {"etc/secrets.env"}  # it is in no checkout
LINK = re.compile(r"\]\(([^):#]+)[^):]*\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = examples.files(page)
    made = {*shown, *(str(Path(path).parent) for path in shown)}
    named = {path.rstrip("/") for path in PATH.findall(text)} - made - WRITTEN_BY_COMMANDS
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    linked = set(LINK.findall(text))
    assert [path for path in sorted(linked) if not (page.parent / path).exists()] == []


def test_the_architecture_names_files_at_all() -> None:
    assert len(PATH.findall((ROOT / "docs" / "architecture.md").read_text())) > 50


def test_every_decision_is_in_the_index_with_its_number_and_status() -> None:
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| (.+) \| (.+) \|$", index, re.MULTILINE)
    numbers = [int(number) for number, *_ in rows]
    assert numbers == sorted(set(numbers))
    assert {name for _, name, *_ in rows} == {p.name for p in DECISIONS.glob("[0-9]*.md")}
    for number, name, title, status in rows:
        text = (DECISIONS / name).read_text(encoding="utf-8")
        assert name.startswith(f"{int(number):04d}-")
        assert text.startswith(f"# {number}. {title}\n\nStatus: {status}\n"), name
        parts = re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequence"], name


def test_every_decision_that_the_code_refers_to_exists() -> None:
    listed = subprocess.run(
        ["git", "grep", "-hoE", r"\(decision [0-9]+\)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    numbers = {int(number) for number in re.findall(r"\d+", listed.stdout)}
    assert numbers
    assert [n for n in numbers if not list(DECISIONS.glob(f"{n:04d}-*.md"))] == []
