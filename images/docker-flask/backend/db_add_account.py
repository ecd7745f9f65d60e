#!/opt/skp/venv/bin/python -IB
"""Make an account: asks for its name, its level and its password."""

import sys

sys.path.insert(0, "/opt/skp/backend")

from accounts import shell

if __name__ == "__main__":
    sys.exit(shell.add_account())
