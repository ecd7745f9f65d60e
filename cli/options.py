"""The options that every command takes, before or after its name."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, fields, replace
from typing import Any

from invoke.parser import Argument

LOGS = {
    "follow": "Go on as the logs grow, until Ctrl-C.",
    "tail": "So many of each log's last lines; all by default.",
    "since": "Only what is younger: 90s, 10m, 2h, 1d, or a date with time.",
}
"""What commands that show logs say of their options."""


@dataclass(frozen=True)
class Options:
    """What a person may say of any command.

    Attributes:
        dry: show the plan and change nothing.
        json: one JSON document on standard output.
        quiet: no progress, and no report when nothing changed.
        nodes: only these nodes, comma-separated; "" for all.
        timeout: a cap on every deadline, in seconds; 0 for none.
        yes: do not ask before something is taken away.
        busy: what is done about a container at work: skip (the default), wait, replace.
        yaml: the document of `json` is YAML; only what `planning` returns says so.
    """

    dry: bool = False
    json: bool = False
    quiet: bool = False
    nodes: str = ""
    timeout: int = 0
    yes: bool = False
    busy: str = ""
    yaml: bool = False

    def planning(self, *, yaml: bool) -> Options:
        """Return the options of a dry run, whatever these say.

        Args:
            yaml: whether the report is to be YAML.
        """
        return replace(self, dry=True, json=self.json or yaml, yaml=yaml)


def arguments(but: frozenset[str] = frozenset()) -> list[Argument]:
    """Return the options as Invoke's arguments; `but` names those that exist already."""
    every = [
        Argument(names=("dry",), kind=bool, default=False, help="Show the plan, change nothing."),
        Argument(names=("json",), kind=bool, default=False, help="One JSON document on stdout."),
        Argument(
            names=("quiet", "q"), kind=bool, default=False, help="Only what changed or failed."
        ),
        Argument(names=("nodes",), default="", help="Only these nodes, e.g. c01,c02."),
        Argument(
            names=("timeout",),
            kind=int,
            default=0,
            help="Cap of every deadline, in seconds; 0 for none.",
        ),
        Argument(names=("yes",), kind=bool, default=False, help="Do not ask before taking away."),
        Argument(
            names=("busy",),
            default="",
            help="Containers at work (notebooks with kernels): skip, wait or replace.",
        ),
    ]
    return [argument for argument in every if argument.name not in but]


def taken(arguments: MutableMapping[str, Any], core: Mapping[str, Any]) -> Options:
    """Take the options out of a task's arguments, joined with those before the task's name."""
    names = [f for f in fields(Options) if f.name != "yaml"]
    values: dict[str, Any] = {
        f.name: arguments.pop(f.name, None) or core.get(f.name) or f.default for f in names
    }
    return Options(**values)
