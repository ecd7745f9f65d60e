"""What a client of the gate says, and what it is answered: JSON, a line each. Pure.

A request is one line, an object, and then as many bytes as its `files` says: a tar archive (of
plain files alone, below Deployments/NAME/). The answers are {"line": TEXT}, any number of them, and
one {"result": OBJECT}, which is the last. A line of an answer may have some MB. Further keys of an
answer may come with a later version; those of a request are refused if they are not known.

git asks at /run/gate/socket of its container, the API at /run/gate/socket of its own: two sockets
of the gate's, in folders of their own (decision 125). A request has to be whole within 10 s, and
each line of an answer has to be taken within 10 s, or the connection is closed. A client that
has to wait for its turn waits in connect(2), or before its first answer.

ERROR, in place of any result below:

    {"ok": false, "kind": KIND, "exit_code": 1 | 2, "error": TEXT, "hint": TEXT}

    kind        what it is                                                        over HTTP
    wrong       the request or its file is wrong; `errors` may have [{"error", "hint"}...]  422
    forbidden   the account may look at the project, and not change it            403
    not found   no such operation or deployment, or the account is not in its project: alike  404
    conflict    the key was used for something else                               409
    too many    as much waits as may; later                                       429
    away        the account service, the nodes or the managers can't be asked     503
    failed      all else                                                          500

No other result has "ok": false.

What git asks. The client keeps the connection open: one that it closes takes back what was begun.

    plan, apply   {"account", "project", "action", "commit", "trees", "files", "json"?}
    history       {"account", "project", "action", "name"}
    hold          {"project", "action"}: of the operator alone

What the API asks. An operation goes on whether its client does or not.

    submit        {"account", "project", "action", "verb": "apply" | "remove" | "rollback",
                  "name"?, "to"?, "key"?, "files"?}
                  -> OPERATION, once it is on the gate's disk.
                  name: the deployment's, without its project. For apply "" is what the file says;
                  else the operation fails where the file says another. to: the revision of a
                  rollback; 0 for the one before. key: [A-Za-z0-9_.:-]{1,128}; the same key of the
                  same account and project answers the operation that it was used for first, and
                  begins nothing, as long as that is kept; `conflict` where verb, name, to and
                  files are not the same. files: for apply, one folder.
    operation     {"account", "project", "action", "id"} -> OPERATION
    operations    {"account", "project", "action", "name"?} -> {"operations": [OPERATION...]}
                  The newest first; of one deployment where it is named. 200 of a project are kept.
    follow        {"account", "project", "action", "id"} -> lines, from its beginning on and as they
                  come, then OPERATION when it has ended
    cancel        {"account", "project", "action", "id"} -> OPERATION
                  A pending one is cancelled at once. A running one is told to take back what it
                  began: it is `running` until it has. One that has ended stays as it is; a removal
                  that has begun is carried out.
    look          {"account", "action", "project"?, "name"?}
                  -> {"deployments": [ROW...], "nodes": [NODE...], "as_of": SECONDS,
                  "unknown": TEXT}
                  What the account sees, not older than a second; of one project, or one deployment
                  of it, where that is named. as_of: when it was read, since 1970. unknown: "", or
                  why nothing can be read now: then it is what was read last, and each `phase`
                  and `state` is "Unknown".
    plan_one      {"account", "project", "action", "name"?, "files"} -> {"plan": [STEP...]}
                  of one folder; as `deploy.plan --json`. Lines are told before.
    history       {"account", "project", "action", "name"} -> {"rows": [REVISION...]}
                  as `deploy.history --json`, the newest first; also of a removed deployment.
    logs          {"account", "project", "action", "name", "tail"?, "follow"?: "yes" | "", "json"?}
                  -> lines as `deploy.logs` shows them (json: as `deploy.logs --json` does), then
                  {"failed": NUMBER}: of logs that could not be read. tail: "100", or "" for all.
                  A followed log ends after an hour, or when the client goes.

OPERATION:

    {"id": "op_" and 26 of [0-9a-hjkmnp-tv-z], which sort by age; "project", "deployment": its name,
    "" while that is not known; "verb", "account", "state": "pending" | "running" | "succeeded" |
    "failed" | "cancelled", "phase": the text of the last step, "reason": why it failed, "hint",
    "exit_code": null | int, "created": SECONDS, "started": null | SECONDS, "ended": null | SECONDS,
    "revision": null | int, "rows": [ROW...] when it had ended}

In {"operations": ...} `rows` is [] of all: `operation` tells them of one.

ROW is what `deploy.list --json` has: {"id", "project", "deployment", "copy", "part", "slot",
"revision", "image", "node", "address", "ports": [[INSIDE, OUTSIDE]...], "gpus": [...], "phase":
"Running" | "Pending" | "Starting" | "Failed" | "Ended" | "Unknown", "reasons": [...], "task",
"container", "mounts": [[FOLDER, WHERE]...], "urls": [[PORT, URL]...]}.

NODE: {"name", "role": "manager" | "worker", "state": "ready" | "down" | ... | "Unknown",
"availability": "active" | "pause" | "drain", "labels": {...}, "gpus": [identities],
"has": {"cpus": float, "memory": bytes, "gpus": int}, "reserved": the same of what tasks reserve}.
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
MOST_REVISION = 1_000_000_000
_ACCOUNT = re.compile(r"[a-z][a-z0-9-]{1,31}")
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""Names of folders below Deployments/."""
_NAME = re.compile(r"[a-z0-9][a-z0-9/._-]{0,127}")
_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
OPERATION = re.compile(r"op_[0-9a-hjkmnp-tv-z]{26}")
"""An operation's id."""
_TAIL = re.compile(r"[0-9]{1,9}|all|")


class Verb(StrEnum):
    """What an operation does with a deployment."""

    APPLY = "apply"
    REMOVE = "remove"
    ROLLBACK = "rollback"


class Action(StrEnum):
    """What a client may ask for."""

    PLAN = "plan"
    APPLY = "apply"
    HISTORY = "history"
    HOLD = "hold"
    """Of the operator alone: brings deployments back to what was pushed last."""
    SUBMIT = "submit"
    OPERATION = "operation"
    OPERATIONS = "operations"
    FOLLOW = "follow"
    CANCEL = "cancel"
    LOOK = "look"
    PLAN_ONE = "plan_one"
    LOGS = "logs"
    RECOVER = "recover"
    """For the server itself: takes back what a gate that was killed had begun."""
    OPERATE = "operate"
    """For the server itself: carries an operation out."""
    SETTLE = "settle"
    """For the server itself: takes back what an operation began, or ends what it has to end."""


OWN = frozenset({Action.RECOVER, Action.OPERATE, Action.SETTLE})
"""What no client may ask for."""
_NO_PROJECT = frozenset({Action.LOOK})
"""Where the project may be left out."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        account: for whom. project: whose deployments; "" for all.
        commit: what the files come from; "" for none.
        name: a deployment's.
        trees: by folder below Deployments/, what tells its content from others'.
        files: bytes of the archive with these folders.
        json: whether results are told as lines of JSON too, in place of tables.
        verb: of an operation. to: the revision of a rollback; 0 for the one before.
        key: by which a client knows an operation again; "" for none.
        id: an operation's.
        tail: how many of the last lines of a log; "" for all. follow: "yes" to go on with it.
    """

    account: str
    project: str
    action: Action
    commit: str = ""
    name: str = ""
    trees: Mapping[str, str] = field(default_factory=dict)
    files: int = 0
    json: bool = False
    verb: str = ""
    to: int = 0
    key: str = ""
    id: str = ""
    tail: str = ""
    follow: str = ""

    def text(self) -> str:
        """Return it as a client says it, without the end of the line."""
        return json.dumps({**self.__dict__, "trees": dict(self.trees)})


_KEYS = frozenset(Request.__dataclass_fields__)


def parse(line: bytes) -> Request:
    """Return what a client's first line says.

    Raises:
        ConfigError: it is none of a request.
    """
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigError("a request is one line of JSON") from None
    if not isinstance(said, dict) or not set(said) <= _KEYS:
        raise ConfigError(f"a request is an object of {', '.join(sorted(_KEYS))}")
    action = said.get("action")
    _check("action", isinstance(action, str) and action in {*Action} - OWN)
    is_hold, no_project = action == Action.HOLD, action in _NO_PROJECT
    _check("account", is_hold or _ACCOUNT.fullmatch(_text(said, "account")))
    has_none = no_project and said.get("project", "") == ""
    _check("project", has_none or is_project(_text(said, "project")))
    _check_parts(said)
    _check_operation(said)
    more: dict[str, Any] = {"account": ""} if is_hold else {}
    return Request(**{"project": "", **said, **more, "action": Action(said["action"])})


def _check_parts(said: Mapping[str, Any]) -> None:
    """Check what is not of operations alone."""
    trees = said.get("trees", {})
    _check("commit", _fits(said, "commit", _ID))
    _check("name", _fits(said, "name", _NAME))
    _check("files", _is_number(said.get("files", 0), MOST_FILES))
    _check("json", isinstance(said.get("json", False), bool))
    _check("trees", isinstance(trees, dict) and all(map(_is_tree, trees.items())))
    _check("tail", _fits(said, "tail", _TAIL))
    _check("follow", said.get("follow", "") in ("", "yes"))


def _check_operation(said: Mapping[str, Any]) -> None:
    action, verb = said["action"], said.get("verb", "")
    is_named = action in (Action.OPERATION, Action.FOLLOW, Action.CANCEL)
    _check("id", OPERATION.fullmatch(_text(said, "id")) if is_named else said.get("id", "") == "")
    _check("verb", verb in [*Verb] if action == Action.SUBMIT else verb == "")
    _check("to", _is_number(said.get("to", 0), MOST_REVISION if verb == Verb.ROLLBACK else 0))
    _check("key", _fits(said, "key", _KEY))
    files = said.get("files", 0)
    if action == Action.SUBMIT:
        _check("files", files if verb == Verb.APPLY else not files)
        _check("name", verb == Verb.APPLY or _text(said, "name"))
        _check("name", "/" not in _text(said, "name"))
    if action == Action.PLAN_ONE:
        _check("files", files)


def _fits(said: Mapping[str, Any], key: str, form: re.Pattern[str]) -> bool:
    value = said.get(key, "")
    return isinstance(value, str) and (not value or bool(form.fullmatch(value)))


def _is_number(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


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
