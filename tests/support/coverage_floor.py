"""Refuses a test run that covers too little; coverage itself knows no floor per folder and file.

The floors are in pyproject.toml, [tool.skp.coverage]; see "Coverage" in CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def below(lines: Mapping[str, tuple[int, int]], floors: Mapping[str, int], file: int) -> list[str]:
    """Return a sentence for each folder and file whose tests run too few of its lines.

    Args:
        lines: how many lines were run, and how many there are, by the file's path.
        floors: the least share of all lines in a folder, in percent.
        file: and the least share in each of these folders' files.
    """
    return [
        f"{name}: {100 * run / total:.1f} % of its lines were run, at least {least} % have to be"
        for name, run, total, least in _measured(lines, floors, file)
        if 100 * run < least * total
    ]


def _measured(
    lines: Mapping[str, tuple[int, int]], floors: Mapping[str, int], file: int
) -> Iterator[tuple[str, int, int, int]]:
    """Yield each folder and file: its name, the lines that were run, all lines, and the floor."""
    for folder, floor in floors.items():
        inside = {name: pair for name, pair in lines.items() if name.startswith(f"{folder}/")}
        total = sum(total for _, total in inside.values())
        # A folder that is not there was renamed: its floor must not vanish with its name.
        yield folder, sum(run for run, _ in inside.values()), total or 1, floor
        yield from ((name, run, total, file) for name, (run, total) in inside.items())


def read(report: Path) -> dict[str, tuple[int, int]]:
    """Return the lines that were run, and all lines, by file, of coverage's JSON report."""
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    sums = {name: entry["summary"] for name, entry in files.items()}
    return {name: (s["covered_lines"], s["num_statements"]) for name, s in sums.items()}


def main(report: str) -> int:
    """Print what is below its floor in coverage's JSON report; return the exit code."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    configured = tools["skp"]["coverage"]
    complaints = below(read(Path(report)), configured["folders"], configured["file"])
    for complaint in complaints:
        print(f"coverage: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
