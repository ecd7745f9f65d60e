#!/opt/skp/venv/bin/python -IB
"""Make the service's tables, or bring them to this version; the service's start does the same."""

import sys

sys.path.insert(0, "/opt/skp/backend")

from accounts import shell

if __name__ == "__main__":
    sys.exit(shell.tables())
