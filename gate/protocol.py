"""What a client of the gate says, and what it is answered: JSON, a line each. Pure.

A request is one line, an object, and then as many bytes as its `files` says: a tar archive. Then
the client listens, and keeps the connection open: one that it closes takes back what was begun.
The answers are {"line": TEXT}, any number of them, and one {"result": OBJECT}, which is the last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cluster.errors import ConfigError
from workloads.check import is_project

MOST_LINE = 64 << 10  # bytes of a request's first line
MOST_FILES = 16 << 20  # bytes of its archive
_ACCOUNT = re.compile(r"[a-z][a-z0-9-]{1,31}")
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""Names of folders below Deployments/."""
_NAME = re.compile(r"[a-z0-9][a-z0-9/._-]{0,127}")
_KEYS = {"account", "project", "action", "commit", "name", "trees", "files", "json"}


class Action(StrEnum):
    """What a client may ask for."""

    PLAN = "plan"
    APPLY = "apply"
    HISTORY = "history"
    HOLD = "hold"
    """Of the operator alone: brings deployments back to what was pushed last."""
    RECOVER = "recover"
    """For the server itself: takes back what a gate that was killed had begun."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        account: for whom. project: whose deployments.
        commit: what the files come from; "" for none.
        name: a deployment's, for its history.
        trees: by folder below Deployments/, what tells its content from others'.
        files: bytes of the archive with these folders.
        json: whether results are told as lines of JSON too, in place of tables.
    """

    account: str
    project: str
    action: Action
    commit: str = ""
    name: str = ""
    trees: Mapping[str, str] = field(default_factory=dict)
    files: int = 0
    json: bool = False

    def text(self) -> str:
        """Return it as a client says it, without the end of the line."""
        return json.dumps({**self.__dict__, "trees": dict(self.trees)})


def parse(line: bytes) -> Request:
    """Return what a client's first line says.

    Raises:
        ConfigError: it is none of a request.
    """
    try:
        said = json.loads(line)
    except ValueError:
        raise ConfigError("a request is one line of JSON") from None
    if not isinstance(said, dict) or not set(said) <= _KEYS:
        raise ConfigError(f"a request is an object of {', '.join(sorted(_KEYS))}")
    trees = said.get("trees", {})
    is_hold = said.get("action") == Action.HOLD
    _check("account", is_hold or _ACCOUNT.fullmatch(_text(said, "account")))
    _check("project", is_project(_text(said, "project")))
    _check("action", said.get("action") in [*Action] and said["action"] != Action.RECOVER)
    _check("commit", not said.get("commit") or _ID.fullmatch(_text(said, "commit")))
    _check("name", not said.get("name") or _NAME.fullmatch(_text(said, "name")))
    _check("files", type(said.get("files", 0)) is int and 0 <= said.get("files", 0) <= MOST_FILES)
    _check("json", isinstance(said.get("json", False), bool))
    _check("trees", isinstance(trees, dict) and all(map(_is_tree, trees.items())))
    whose = {"account": ""} if is_hold else {}
    return Request(**{**said, **whose, "action": Action(said["action"])})


def _is_tree(pair: tuple[Any, Any]) -> bool:
    name, tree = pair
    return bool(FOLDER.fullmatch(name) and isinstance(tree, str) and _ID.fullmatch(tree))


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key, "")
    return value if isinstance(value, str) else ""


def _check(key: str, is_right: object) -> None:
    if not is_right:
        raise ConfigError(f"a request's {key} is missing, or not of its form")


def parse_own(line: str) -> Request:
    """Return what the server says to a worker, which it has checked."""
    said = json.loads(line)
    return Request(**{**said, "action": Action(said["action"])})
