"""README's pictures, drawn from the practice cluster that runs: `bin/pictures`.

One shows a terminal, the other the map. Both are SVG files without anything that a viewer would
have to fetch.
"""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console
from rich.text import Text

from tests.support.lab import ROOT, skp
from tests.support.terminal import typed

FOLDER = ROOT / "docs" / "pictures"
_WIDTH = 80
# rich's own template, without fonts from elsewhere and without its name.
_ELSEWHERE = re.compile(r"@font-face \{.*?\}|<!--.*?-->", re.DOTALL)


def terminal(*words: str) -> str:
    """Return an SVG picture of a terminal on which a command was typed, with what it said."""
    with typed(_WIDTH, *words) as it:
        assert it.ended() == 0, it.text
    said = b"".join(it.window.screen.written).decode().replace("\r\n", "\n")
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ ./skp.py {' '.join(words)}", "bold"))
    console.print(Text.from_ansi(said), end="")
    drawn = console.export_svg(title="SKP", unique_id="skp")
    return _ELSEWHERE.sub("", drawn)


def main() -> None:
    """Draw both pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "terminal.svg").write_text(terminal("docker.status"))
    drawn = skp("docker.map", "--svg", "-o", str(FOLDER / "map.svg"))
    assert drawn.code == 0, drawn.all
    print(f"pictures: {FOLDER}/terminal.svg and map.svg are drawn", file=sys.stderr)


if __name__ == "__main__":
    main()
