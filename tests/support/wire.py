"""What went to nodes, line by line and in order, compared with a file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"
_WIDTH = 100


def golden(name: str, wire: Sequence[str]) -> None:
    """Compare what was sent with tests/golden/wire/NAME.txt.

    `SKP_GOLDEN=write .venv/bin/pytest ...` writes the file: read the difference before it is
    committed. A long JSON body takes several lines there.
    """
    path = GOLDEN / f"{name}.txt"
    text = "".join(f"{_spread(line)}\n" for line in wire)
    if os.environ.get("SKP_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path} is not there: write it with SKP_GOLDEN=write"
    assert text == path.read_text(encoding="utf-8")


def _spread(line: str) -> str:
    found = re.fullmatch(r"((?:\S+: )?[A-Z]+ /.*?) (\{.*)", line)
    if found is None or len(line) <= _WIDTH:
        return line
    return f"{found[1]} {json.dumps(json.loads(found[2]), indent=1, ensure_ascii=False)}"
