"""The history of a cluster: the commands that changed something, from the audit trail. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any


def commands(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the commands of an audit trail (`audit.merged`), oldest first.

    Each has `time` (RFC 3339), `who`, `command`, `changed` (what was done, as "create jupyter-skp
    on c01"), `failed` (likewise), `seconds` (None if it is not known when it ended) and `outcome`:
    "done", "failed", "interrupted", or "unfinished" for a command that is at work or died.
    """
    begun: dict[tuple[str, int, str], dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    for entry in entries:
        key = (str(entry["who"]), int(entry["process"]), str(entry["command"]))
        if entry["event"] == "begin":
            begun[key] = _unfinished(entry)
            found.append(begun[key])
            continue
        command = begun.pop(key, None)
        if command is None:  # its beginning is no longer in the trail
            command = _unfinished(entry)
            found.append(command)
        else:
            command["seconds"] = _seconds(command["time"], str(entry["time"]))
        command["outcome"] = str(entry["outcome"])
        for outcome, field in (("done", "changed"), ("failed", "failed")):
            command[field] = [_in_words(s) for s in entry["steps"] if s["outcome"] == outcome]
    return found


def _unfinished(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "time": str(entry["time"]),
        "who": str(entry["who"]),
        "command": str(entry["command"]),
        "changed": [],
        "failed": [],
        "seconds": None,
        "outcome": "unfinished",
    }


def _seconds(begin: str, end: str) -> float:
    took = datetime.fromisoformat(end) - datetime.fromisoformat(begin)
    return round(took.total_seconds(), 1)


def _in_words(step: Mapping[str, Any]) -> str:
    return f"{step['action']} {step['name']} on {step['node']}"
