"""What TANGO's manager asks, and what it is answered, word for word, in both styles."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from pathlib import Path
from typing import Any

import pytest

from api.facade_config import Config
from api.facade_who import Open, Whose
from tests.golden.case import Case, cases
from tests.support import tango

CASES = cases("facade")
STYLES = ("text", "json")


def config(case: Case, folder: Path, style: str) -> Config:
    said = json.loads(case.sections["settled"].text) if "settled" in case.sections else {}
    networks = tuple(map(ipaddress.IPv4Network, said.get("open_to", [])))
    browsers = said.get("browsers", False)
    whose = Whose("tango", "vision")
    more: dict[str, Any] = {"open": Open(networks, whose, said.get("engine", ""), browsers)}
    more |= {} if said.get("start", True) else {"shared": None}
    return tango.settled(folder, style, browsers=browsers, **more)


def state(case: Case, gate: tango.Cluster) -> None:
    said = json.loads(case.sections["gate"].text) if "gate" in case.sections else {}
    gate.rows = [tango.row(**each) for each in said.get("rows", [])]
    begun = [tango.operation(number, **e) for number, e in enumerate(said.get("operations", []))]
    gate.operations = {("vision", said.get("name", "tango-kim--7")): begun}
    for key in ("is_idle", "refuses", "fails", "age", "unknown"):
        setattr(gate, key, said.get(key, getattr(gate, key)))


def answered(case: Case, folder: Path, style: str) -> str:
    first, *headers = case.sections["request"].text.splitlines()
    method, path, *_ = first.split()
    said = dict(each.split(": ", 1) for each in headers)
    app = tango.application(folder, config(case, folder, style))
    answer = asyncio.run(tango.ask(app, path, said, said.pop("From", "127.0.0.1"), method))
    shown = [
        f"{name}: {value}"
        for name, value in answer.headers.multi_items()
        if name.startswith(("x-skp", "access-control"))
    ]
    head = f"{answer.status_code} {answer.headers['content-type']}"
    return "\n".join([head, *shown, "", answer.text, ""])


def lay_out(case: Case, folder: Path) -> None:
    for name, section in case.sections.items():
        if "/" not in name:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if section.how.get("kind") == "link":
            path.symlink_to(section.text.strip())
        elif section.how.get("kind") == "pipe":
            os.mkfifo(path)
        else:
            section.store(path)


def rewrite(case: Case, found: dict[str, str]) -> None:
    before = case.path.read_text().partition("-- text --\n")[0].rstrip("\n")
    said = "".join(f"-- {style} --\n{found[style]}" for style in STYLES)
    case.path.write_text(f"{before}\n{said}")


@pytest.mark.parametrize("name", CASES)
def test_what_the_manager_is_answered(name: str, tmp_path: Path) -> None:
    case, found = CASES[name], dict[str, str]()
    lay_out(case, tmp_path)
    for style in STYLES:
        folder = tmp_path / style
        folder.mkdir()
        (folder / "shared").symlink_to(tmp_path / "shared")
        with tango.standing_in(folder) as gate:
            state(case, gate)
            found[style] = answered(case, folder, style)
    if os.environ.get("SKP_GOLDEN") == "write":
        rewrite(case, found)
        return
    assert found == {style: case.sections[style].text for style in STYLES}
