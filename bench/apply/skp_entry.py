#!/usr/bin/env python3
"""skp.py with the benchmark's service in place of the product's own; all else is the same.

Like skp.py it goes on in the project's own virtual environment, which is part of what a command
costs. Called as skp.py is: skp_entry.py docker.apply.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - as in skp.py
_ROOT = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120


def main() -> None:
    """Run a command of SKP on the benchmark's service."""
    venv = f"{_ROOT}/.venv"
    python = f"{venv}/bin/python"
    if sys.prefix != venv:
        os.execv(python, [python, *sys.argv])  # noqa: S606 - the same words
    sys.path[0] = _ROOT
    import skp

    skp.prepare()
    import services
    import services.images  # what tasks need of it, before its folder is another

    services.__path__ = [f"{_HERE}/services"]
    skp.main()


if __name__ == "__main__":
    main()
