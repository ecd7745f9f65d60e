#!/usr/bin/env python3
"""SKP: a data platform from a handful of Linux machines. `./skp.py --list` shows the commands."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Run a command in the project's own virtual environment."""
    python = ROOT / ".venv" / "bin" / "python"
    if Path(sys.prefix) != python.parent.parent:
        if not os.access(python, os.X_OK):
            print(f"skp: you can't run {python}: not set up yet?\n  bin/setup", file=sys.stderr)
            sys.exit(2)
        os.execv(python, [str(python), str(ROOT / "skp.py"), *sys.argv[1:]])  # noqa: S606 - the same words
    prepare()
    run()


def prepare() -> None:
    """Have the libraries load fast, which is most of what a short command does."""
    # Nearly all that loading makes is there to stay: looking through it for garbage finds none.
    gc.set_threshold(50_000)
    # Invoke takes one name from unittest.mock, for a class that only tests of its users need; that
    # loads asyncio too. Whoever wants the real module afterwards still gets it.
    if "unittest.mock" not in sys.modules:
        sys.modules["unittest.mock"] = stand_in = ModuleType("unittest.mock")
        vars(stand_in)["Mock"] = object
        import_module("invoke")
        del sys.modules["unittest.mock"]


def run() -> None:
    """Run the command that the arguments say."""
    from tasks.program import program

    try:
        program().run()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    finally:
        # The process ends, and all its memory with it: nothing is looked through once more.
        gc.freeze()
        gc.disable()


if __name__ == "__main__":
    main()
