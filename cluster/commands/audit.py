"""The audit trail: who changed what, when, and how it ended; JSON lines on every manager."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster.config.inventory import Inventory
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.lock.holder import Holder
from cluster.model.result import Result

PATH = "/var/lib/skp/audit.jsonl"
"""The file on each manager. Only root can read it, though it holds no secret."""
_LIMIT = 10 << 20  # bytes; then the file becomes audit.jsonl.1


class Audit:
    """The entries about one command. A manager that can't be reached misses them.

    Attributes:
        complaints: why managers that can be reached could not write.
    """

    def __init__(self, fleet: Fleet, inventory: Inventory, me: Holder) -> None:
        self._fleet, self._me = fleet, me
        self._managers = [host.name for host in inventory.managers]
        self.complaints: list[str] = []

    def begin(self, left: Holder | None) -> None:
        """Write that the command begins.

        Args:
            left: who held the lock before without releasing it; None for nobody.
        """
        self._write({"event": "begin", **({"after": str(left)} if left else {})})

    @contextmanager
    def recording(self, results: Sequence[Result]) -> Iterator[None]:
        """Write the results, and how the command ended, when the block ends.

        Args:
            results: a list that the block appends to.
        """
        try:
            yield
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            self._end("interrupted" if interrupted else "failed", results)
            raise
        self._end("done" if all(result.ok for result in results) else "failed", results)

    def _end(self, outcome: str, results: Iterable[Result]) -> None:
        steps = [_plain(result) for result in results]
        self._write({"event": "end", "outcome": outcome, "steps": steps})

    def _write(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "who": self._me.who,
                "process": self._me.pid,
                "command": self._me.what,
                **entry,
            },
            ensure_ascii=False,
        )
        done = self._fleet.each(lambda node: _append(node, f"{line}\n".encode()), self._managers)
        self.complaints += [
            f"the audit trail was not written: {error.what}" for error in done.errors.values()
        ]


def entries(fleet: Fleet, inventory: Inventory, count: int) -> Results[list[dict[str, Any]]]:
    """Return each manager's last `count` entries, oldest first, or why it could not be asked."""
    managers = [host.name for host in inventory.managers]
    return fleet.ask(lambda node: _tail(node, count), managers)


def merged(found: Iterable[Iterable[dict[str, Any]]], count: int) -> list[dict[str, Any]]:
    """Return the last `count` entries of all managers, each once, oldest first. Pure."""
    lines = {json.dumps(entry, sort_keys=True) for listed in found for entry in listed}
    every = sorted((json.loads(line) for line in lines), key=lambda entry: str(entry.get("time")))
    return every[-count:]


def _append(node: Node, line: bytes) -> None:
    folder, file = shlex.quote(str(Path(PATH).parent)), shlex.quote(PATH)
    node.sudo(
        f"umask 077; install -d -m 0755 {folder}; "
        f"[ $(stat -c %s {file} 2>/dev/null || echo 0) -lt {_LIMIT} ] || mv {file} {file}.1; "
        f"cat >>{file}",
        stdin=line,
    )


def _tail(node: Node, count: int) -> list[dict[str, Any]]:
    file = shlex.quote(PATH)
    text = node.sudo(f"tail -qn {count} {file}.1 {file} 2>/dev/null || true").text
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # half a line: the node lost its power while it wrote the line
    return found[-count:]


def _plain(result: Result) -> dict[str, Any]:
    item = result.item
    return {
        "action": str(item.action),
        "kind": str(item.kind),
        "node": item.node,
        "name": item.name,
        "outcome": str(result.outcome),
        "seconds": round(result.seconds, 3),
        **({"detail": result.detail.splitlines()[0]} if result.detail else {}),
    }
