"""Faults put into operations by hand: the unit tests have to fail with each of them.

    .venv/bin/python -m tests.support.mutants [WORD...]

Each is applied to a copy of this checkout, and its tests are run there; words choose mutants by
their descriptions. The exit code is 1 when one survives. It takes some seconds for each.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.mutant_data import MUTANTS, Mutant

ROOT = Path(__file__).parent.parent.parent
_FAILED = 1  # pytest: tests ran, and some failed; anything above is no verdict


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: a word for it, and the test that failed."""

    mutant: Mutant
    word: str
    test: str


def copy(folder: Path) -> None:
    """Copy the files of this checkout, committed or not, into `folder`."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)


def tested(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests in a copy; return pytest's exit code, and the first test that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, *(f"tests/unit/operations/{name}.py" for name in tests)],
        cwd=folder,
        # A file that is changed twice in a second would be taken for its compiled form.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = [line for line in ended.stdout.splitlines() if line.startswith("FAILED")]
    return ended.returncode, failed[0].partition("::")[2].partition(" - ")[0] if failed else ""


def judged(folder: Path, mutant: Mutant) -> Verdict:
    """Put a mutant into a copy, run its tests, and put the copy right again."""
    path = folder / mutant.file
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.what}: its text is not once in {mutant.file}"
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        code, test = tested(folder, mutant.tests)
    finally:
        path.write_text(text, encoding="utf-8")
    word = {0: "SURVIVED", _FAILED: "killed"}.get(code, f"BROKEN ({code})")
    return Verdict(mutant, word, test)


def main(words: list[str]) -> int:
    """Judge the mutants that the words choose, print a table, and return the exit code."""
    chosen = [m for m in MUTANTS if not words or any(w in f"{m.file} {m.what}" for w in words)]
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="skp-mutants-") as name:
        folder = Path(name)
        copy(folder)
        everything = tuple(sorted({test for mutant in chosen for test in mutant.tests}))
        code, test = tested(folder, everything)
        if code:
            print(f"without any mutant the tests end with {code}: {test}", file=sys.stderr)
            return 1
        for mutant in chosen:
            verdict = judged(folder, mutant)
            verdicts.append(verdict)
            print(f"{verdict.word:9} {Path(mutant.file).stem:16} {mutant.what}")
            print(f"{'':26} {verdict.test}", flush=True)
    survived = [verdict for verdict in verdicts if verdict.word != "killed"]
    print(f"{len(verdicts) - len(survived)} of {len(verdicts)} killed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
