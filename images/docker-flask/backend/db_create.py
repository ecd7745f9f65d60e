#!/opt/skp/venv/bin/python -IB
"""Say whether the service's database is there; MySQL makes it, with its account, when it starts."""

import sys

sys.path.insert(0, "/opt/skp/backend")

from accounts import shell

if __name__ == "__main__":
    sys.exit(shell.database())
