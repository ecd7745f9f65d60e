"""Lines of JSON that another process of ours says, among whatever else it prints."""

from __future__ import annotations

import json
from typing import Any


def parsed(line: str) -> dict[str, Any]:
    """Return the object that a line is; {} for one that is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
