#!/usr/bin/env python3
"""SKP: a data platform from a handful of Linux machines. `./skp.py --list` shows the commands."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # (typing takes its time to load)
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

_HERE = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - pathlib loads after the exec


def main() -> None:
    """Run a command in the project's own virtual environment."""
    venv = f"{_HERE}/.venv"
    python = f"{venv}/bin/python"
    if sys.prefix != venv:
        if not os.access(python, os.X_OK):
            print(f"skp: you can't run {python}: not set up yet?\n  bin/setup", file=sys.stderr)
            sys.exit(2)
        os.execv(python, [python, f"{_HERE}/skp.py", *sys.argv[1:]])  # noqa: S606 - the same words
    prepare()
    import gc

    from cli.program import program
    from tasks import ns

    try:
        program(ns).run()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    finally:
        # The process ends, and all its memory with it: nothing is looked through once more.
        gc.freeze()
        gc.disable()


def prepare() -> None:
    """Have the libraries load fast, which is most of what a short command does."""
    import gc
    import warnings
    from importlib import import_module
    from types import ModuleType

    # Nearly all that loading makes is there to stay: looking through it for garbage finds none.
    gc.set_threshold(200_000)
    # requests would only guess encodings by it, and engines and registries speak UTF-8. It says
    # that it does without, which is no concern of the person at the keyboard.
    sys.modules.setdefault("charset_normalizer", None)  # type: ignore[arg-type]  # as documented
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    # Invoke takes one name from unittest.mock, for a class that only tests of its users need; that
    # loads asyncio too. Its YAML is for files of its own settings, and loads when there is one.
    # Whoever wants the real modules afterwards still gets them.
    if "unittest.mock" not in sys.modules:
        sys.modules["unittest.mock"] = stand_in = ModuleType("unittest.mock")
        vars(stand_in)["Mock"] = object
        sys.meta_path.insert(0, AtFirstUse())
        import_module("invoke")
        del sys.modules["unittest.mock"], sys.meta_path[0]


class AtFirstUse:
    """A finder by which Invoke's copy of PyYAML loads when something of it is used."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _: object = None) -> ModuleSpec | None:
        """Return how to load the module; None for all others, which load as ever."""
        if name != "invoke.vendor.yaml":
            return None
        from importlib.machinery import PathFinder
        from importlib.util import LazyLoader

        spec = PathFinder.find_spec(name, path)
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


if __name__ == "__main__":
    main()
