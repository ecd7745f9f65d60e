"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import services
from cluster.config import schema
from cluster.config.kinds import SCHEMA
from tasks import ns

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


def test_every_setting_is_documented_with_its_default() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| `([^`]*)` \|", text, re.MULTILINE))
    core = {k: p["default"] for k, p in schema.load(SCHEMA)["properties"].items()}
    declared = {setting.key: setting.default for setting in services.declared_settings()}
    assert rows == {key: default or '""' for key, default in (core | declared).items()}


def test_every_command_that_the_documentation_names_exists() -> None:
    # What adds commands has a test of its own.
    written = set(DOCS.glob("*.md")) - {DOCS / "adding-a-service.md"}
    pages = [ROOT / "README.md", ROOT / "bin" / "demo", *written]
    known = set(ns.task_names)
    for page in pages:
        named = re.findall(r"\./skp\.py ([a-z0-9]+\.[a-z-]+)", page.read_text())
        assert set(named) <= known, page


def test_every_command_is_documented() -> None:
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    for name in ns.task_names:
        family, verb = name.rsplit("-", 1) if "-" in name else (name, "")
        assert name in guide or (f"{family}-run`" in guide and f"-{verb}" in guide), name


def test_the_help_of_a_command_fits_a_terminal_of_80_columns() -> None:
    for name in ns.task_names:
        first = (ns[name].__doc__ or "").splitlines()[0]
        assert 0 < len(first) <= 78, f"{name}: {first}"
