"""The audit trail: who changed what, when, and how it ended; JSON lines on every manager.

Each line has the SHA-256 of the line before it, so that a line can't be changed alone.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
_STEP = ("action", "kind", "node", "name", "outcome")


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
        text = json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "who": self._me.who,
                "process": self._me.pid,
                "command": self._me.what,
                **entry,
            },
            ensure_ascii=False,
        )
        line = f"{text}\n".encode(errors="backslashreplace")
        done = self._fleet.each(lambda node: _append(node, line), self._managers)
        self.complaints += [
            f"the audit trail was not written: {error.what}" for error in done.errors.values()
        ]


@contextmanager
def noted(fleet: Fleet, inventory: Inventory, what: str) -> Iterator[list[str]]:
    """Have the trail tell that a command which takes no lock began, and how the block ended.

    Args:
        what: the command's words, without secrets.

    Yields:
        Why managers could not write; whole when the block has ended.
    """
    audit = Audit(fleet, inventory, Holder.me(what))
    audit.begin(None)
    with audit.recording([]):
        yield audit.complaints


@dataclass(frozen=True)
class Trail:
    """The end of a manager's trail.

    Attributes:
        entries: oldest first, each of the form that `Audit` writes.
        faults: what shows that the file was changed by something else, in words.
    """

    entries: tuple[dict[str, Any], ...]
    faults: tuple[str, ...] = ()


def read(fleet: Fleet, inventory: Inventory, count: int) -> Results[Trail]:
    """Return each manager's last `count` entries, or why it could not be asked."""
    managers = [host.name for host in inventory.managers]
    return fleet.ask(lambda node: _tail(node, count), managers)


def merged(found: Iterable[Trail], count: int) -> list[dict[str, Any]]:
    """Return the last `count` entries of all managers, each once, oldest first. Pure."""
    lines = {json.dumps(entry, sort_keys=True) for trail in found for entry in trail.entries}
    every = sorted((json.loads(line) for line in lines), key=lambda entry: str(entry["time"]))
    return every[-count:]


def faults(found: Mapping[str, Trail]) -> list[str]:
    """Return what shows that a manager's file was changed, and what managers tell differently.

    Each manager has the same entries but for those that it missed, so that whoever changes one
    file with all its sums is found out by the others.
    """
    told = [f"{name}: {PATH}: {fault}" for name, trail in found.items() for fault in trail.faults]
    first: dict[tuple[object, ...], tuple[str, dict[str, Any]]] = {}
    for name, trail in found.items():
        for entry in trail.entries:
            key = tuple(entry[part] for part in ("time", "who", "process", "event"))
            other, same = first.setdefault(key, (name, entry))
            if same != entry:
                told.append(f"{other} and {name} tell differently of {_called(entry)}")
    return told


def _append(node: Node, line: bytes) -> None:
    """Append an entry, with the sum of the line before it, of whichever file has that."""
    folder, file = shlex.quote(str(Path(PATH).parent)), shlex.quote(PATH)
    node.sudo(
        f"umask 077; install -d -m 0755 {folder}; exec 9>>{file}; flock -w 10 9; "
        f'[ -z "$(tail -c1 {file})" ] || echo >>{file}; '
        f"[ $(stat -c %s {file}) -lt {_LIMIT} ] || mv {file} {file}.1; "
        f"sum=$(tail -qn1 {file}.1 {file} 2>/dev/null | tail -n1 | tr -d '\\n' | sha256sum); "
        f"line=$(cat); "
        f'printf \'{{"before": "%.64s", %s\\n\' "$sum" "${{line#?}}" >>{file}',
        stdin=line,
    )


def _tail(node: Node, count: int) -> Trail:
    file = shlex.quote(PATH)
    done = node.sudo(f"tail -qn {count} {file}.1 {file} 2>/dev/null || true")
    return _parsed(done.stdout.split(b"\n")[:-1][-count:])


def _parsed(lines: Sequence[bytes]) -> Trail:
    entries: list[dict[str, Any]] = []
    faults: list[str] = []
    chained = False  # entries of an older version have no sum, and come first
    for number, line in enumerate(lines):
        entry = _entry(line)
        if entry is None:
            continue  # half a line: the node lost its power while it wrote the line
        sum_before = entry.pop("before", None)
        entries.append(entry)
        known = hashlib.sha256(lines[number - 1]).hexdigest() if number else ""
        lost, wrong = chained and sum_before is None, bool(known) and sum_before != known
        if lost or (wrong and sum_before is not None):
            faults.append(f"what stood before {_called(entry)} was changed or removed")
        chained = sum_before is not None
    return Trail(tuple(entries), tuple(faults))


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return an entry, or None for what is of another form."""
    try:
        found = json.loads(line)
        texts = [found["time"], found["who"], found["command"], found["event"]]
        if found["event"] == "end":
            steps = [step[key] for step in found["steps"] for key in _STEP]
            texts += [found["outcome"], *steps]
        fine = isinstance(found["process"], int) and all(isinstance(t, str) for t in texts)
        fine = fine and datetime.fromisoformat(found["time"]).tzinfo is not None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if fine else None


def _called(entry: Mapping[str, Any]) -> str:
    return f"the entry of {entry['time'][:19]} ({entry['command']}, {entry['event']})"


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
