#!/usr/bin/env python3
"""skp.py with the benchmark's service in place of the product's own; all else is the same.

Like skp.py it goes on in the project's own virtual environment, which is part of what a command
costs. Called as skp.py is: skp_entry.py docker.apply.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    """Run a command of SKP on the benchmark's service."""
    python = ROOT / ".venv" / "bin" / "python"
    if Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), *sys.argv])  # noqa: S606 - the same words
    sys.path[0] = str(ROOT)
    import skp

    skp.prepare()
    import services

    services.__path__ = [str(Path(__file__).parent / "services")]
    skp.run()


if __name__ == "__main__":
    main()
