"""Looking again and again: the state of the cluster with what changed, and what containers use."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from invoke import Exit

import services
from cli import output
from cli.rendering import container_cells, status_lines, status_of
from cli.session import Session
from cluster.errors import ConfigError, ExitCode
from cluster.model.line import Line, Tone, Toned, line, table

if TYPE_CHECKING:
    from cluster.commands.status import Row
    from cluster.facts.usage import Counters, Usage

_Key = tuple[str, str]
SORTS = ("cpu", "memory", "network", "disk")


def watch_status(s: Session, names: str, seconds: float) -> None:
    """Show the state every `seconds`, and each change as it is seen, until Ctrl-C."""
    _check(seconds)
    chosen = services.choose(names)
    before: dict[_Key, Row] = {}
    show = _shown()
    with _until_interrupted():
        while True:
            seen = status_of(s, chosen)
            nodes, containers = seen.nodes, seen.containers
            now = {(row["node"], row["container"]): row for row in containers}
            changes = [*_changes(before, now)] if before else []
            if s.options.json:
                output.show_json({"nodes": nodes, "containers": containers}, indent=None)
            else:
                for change in changes:
                    output.progress(change)
                fresh = {key for key, row in now.items() if before and before.get(key) != row}
                show([*status_lines(nodes, containers, fresh)])
            before = now
            time.sleep(seconds)


def _shown() -> Callable[[Sequence[str]], None]:
    """Return what shows lines in place of those before; without a terminal, the first ones."""
    if output.is_live():
        from cli.live import Picture  # loads rich

        made = Picture()
        output.show_live(made)
        return made.draw
    left = [output.show_lines]

    def first(lines: Sequence[str]) -> None:
        if left:
            left.pop()(lines)
            sys.stdout.flush()

    return first


def _changes(before: Mapping[_Key, Row], now: Mapping[_Key, Row]) -> Iterator[Line]:
    """Yield a line for each container that is not as it was."""
    clock = datetime.now().astimezone().strftime("%H:%M:%S")
    for key in sorted({*before, *now}):
        was, is_ = before.get(key), now.get(key)
        if was == is_:
            continue
        told = [container_cells(row)[3] if row else Toned("gone", Tone.BAD) for row in (was, is_)]
        if told[0] == told[1]:
            told[1] = Toned(f"{told[1]}, started anew", Tone.WAITING)
        yield line(f"{clock} {key[0]} {key[1]}: {told[0]} -> ", told[1])


def watch_usage(s: Session, sort: str, seconds: float) -> None:
    """Show what all containers use: on a terminal every `seconds` until Ctrl-C, else once."""
    from cluster.connectors.fleet import Results
    from cluster.facts.usage import between, counters

    _check(seconds)
    if sort not in SORTS:
        raise ConfigError(f"--sort={sort}: allowed: {', '.join(SORTS)}")
    with _until_interrupted(), s.fleet(s.hosts) as fleet:
        before: Results[dict[str, Counters]] = fleet.ask(counters)
        show = _shown()
        while True:
            time.sleep(seconds)
            now = fleet.ask(counters)
            used = [
                u
                for node, found in now.values.items()
                for u in between(node, before.values.get(node, {}), found)
            ]
            before, ranked = now, sorted(used, key=lambda u: _measure(u, sort), reverse=True)
            if s.options.json or not output.is_live():
                s.show({"containers": [_plain(u) for u in ranked]}, _usage_lines(ranked))
                s.end(now.errors)
                return
            lost = [line(Toned("!", Tone.BAD), f" {e.what}") for e in now.errors.values()]
            show([*_usage_lines(ranked), *lost])


def _usage_lines(used: Sequence[Usage]) -> list[Line]:
    rows = [
        (
            u.node, u.name, _share(u.cores), _size(u.memory), _part(u),
            f"{_size(u.network)}/s", f"{_size(u.disk)}/s",
        )
        for u in used
    ]  # fmt: skip
    return table(("NODE", "CONTAINER", "CPU", "MEMORY", "OF", "NETWORK", "DISK"), rows)


def _share(cores: float) -> str:
    text = f"{100 * cores:.1f} %"
    return Toned(text, Tone.WAITING) if cores >= 1 else text


def _part(used: Usage) -> str:
    if not used.limit:
        return ""
    part = used.memory / used.limit
    text = f"{100 * part:.0f} %"
    return Toned(text, Tone.BAD) if part > 0.9 else text


def _size(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"


def _measure(used: Usage, sort: str) -> tuple[float, str]:
    by = {"cpu": used.cores, "memory": used.memory, "network": used.network, "disk": used.disk}
    return by[sort], used.name


def _plain(used: Usage) -> dict[str, object]:
    return {
        "node": used.node, "container": used.name, "cores": round(used.cores, 4),
        "memory": used.memory, "memory_limit": used.limit,
        "network_per_second": round(used.network), "disk_per_second": round(used.disk),
    }  # fmt: skip


def _check(seconds: float) -> None:
    if not 0.2 <= seconds <= 3600:
        raise ConfigError(f"--interval={seconds:g}: allowed: seconds from 0.2 to 3600")


class _until_interrupted:  # noqa: N801 - read as the words that it is
    """Ctrl-C is how watching ends, and no error."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            output.settle()
            raise Exit(code=int(ExitCode.INTERRUPTED)) from None
