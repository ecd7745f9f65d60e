"""The values of a compose file, in their short and long forms, as our own. Pure."""

from __future__ import annotations

import math
import re
import shlex
from typing import Any

from cluster.config.ports import NAMED
from workloads.texts import from_bytes, short_size, size

_DURATION = re.compile(
    r"(?=.)(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6}(?:\.[0-9]{1,6})?)s)?(?:([0-9]{1,9})ms)?"
)
_PORT = re.compile(r"(?:([0-9]{1,5}):)?([0-9]{1,5})(?:/(tcp|udp))?")
_VARIABLE = re.compile(r"\$(?!\$)")
_NODE_LABEL = re.compile(r"node\.labels\.([A-Za-z0-9._-]+)\s*==\s*(\S+)")
_NODE_NAME = re.compile(r"node\.hostname\s*==\s*(\S+)")


class WrongError(Exception):
    """A value of no kind that is supported.

    Attributes:
        at: where below the value that was given.
    """

    def __init__(self, what: str, *at: str | int) -> None:
        super().__init__(what)
        self.what, self.at = what, at


def items(value: Any) -> list[Any]:
    """Return a list."""
    if isinstance(value, list):
        return value
    raise WrongError("a list is needed")


def object_(value: Any, known: set[str], *at: str | int) -> dict[str, Any]:
    """Return an object that has no other keys than these."""
    if not isinstance(value, dict):
        raise WrongError("an object is needed", *at)
    if unknown := set(value) - known:
        raise WrongError(f"not supported; supported: {', '.join(sorted(known))}", *at, min(unknown))
    return value


def text(value: Any) -> str:
    """Return a text as Compose reads it: $$ is $; variables are not filled in."""
    if isinstance(value, list | dict):
        raise WrongError("a text is needed")
    found = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if _VARIABLE.search(found.replace("$$", "")):
        raise WrongError(f"{found}: no variable is filled in here; write the value, and $$ for a $")
    return found.replace("$$", "$")


def words(value: Any) -> list[str]:
    """Return a command's words, from a text or a list."""
    if isinstance(value, list):
        return [text(word) for word in value]
    try:
        return shlex.split(text(value))
    except ValueError as error:
        raise WrongError(f"it can't be parted into words: {error}") from None


def pairs(value: Any) -> dict[str, str]:
    """Return variables, from an object or a list of K=V."""
    if isinstance(value, dict):
        return {key: text(said) for key, said in value.items()}
    found: dict[str, str] = {}
    for number, one in enumerate(items(value)):
        key, sign, said = str(one).partition("=")
        if not sign:
            raise WrongError(f"{one} found; allowed: K=V: nobody's own environment is read", number)
        found[key] = text(said)
    return found


def port(value: Any) -> dict[str, Any]:
    """Return a port as ours; `other` is a port of the node that can't be had."""
    if isinstance(value, dict):
        known = {"target", "published", "protocol", "mode", "name", "app_protocol"}
        said = object_(value, known)
        value = f"{said.get('published', '')}:{said.get('target', '')}".lstrip(":")
        value += f"/{said['protocol']}" if "protocol" in said else ""
    match = _PORT.fullmatch(str(value))
    if match is None:
        raise WrongError(f"{value} found; allowed: 8000, 30022:22, with /udp where that is meant")
    found: dict[str, Any] = {"port": int(match[2])}
    if match[1] and int(match[1]) in NAMED:
        found["publish"] = int(match[1])
    elif match[1]:
        found["other"] = int(match[1])
    if match[3]:
        found["protocol"] = match[3]
    return found


def mount(value: Any) -> tuple[str, str]:
    """Return a volume's name and the path in the container."""
    if isinstance(value, dict):
        if value.get("type") != "volume" or set(value) - {"type", "source", "target"}:
            raise WrongError("allowed: type: volume, source and target")
        return text(value.get("source")), text(value.get("target"))
    name, sign, path = text(value).partition(":")
    if not sign or ":" in path or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        what = f"{value} found; allowed: NAME:/path, of a volume that stands below volumes"
        raise WrongError(f"{what}; a folder of a node is for our own file (kind: host)")
    return name, path


def seconds(value: Any) -> int:
    """Return a duration such as 1m30s in whole seconds, rounded up."""
    match = _DURATION.fullmatch(str(value))
    if match is None:
        raise WrongError(f"{value} found; allowed: a duration such as 30s or 1m30s")
    hours, minutes, whole, thousandths = (float(part or 0) for part in match.groups())
    return math.ceil(hours * 3600 + minutes * 60 + whole + thousandths / 1000)


def number(value: Any) -> float:
    """Return a number, from a text too."""
    if not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", str(value)):
        return float(value)
    raise WrongError(f"{str(value)[:60]} found; allowed: a number such as 0.5")


def bytes_of(said: str) -> int:
    """Return a size in bytes."""
    try:
        return size(said)
    except ValueError:
        raise WrongError(f"{said} found; allowed: a size such as 512m or 16g") from None


def health(value: Any) -> dict[str, Any]:
    """Return a health check as ours; {} for none."""
    names = {"interval": "interval", "timeout": "timeout", "start_period": "start"}
    value = object_(value, {"test", "retries", "disable", *names})
    test = value.get("test")
    if value.get("disable") or test in (["NONE"], "NONE"):
        return {}
    if isinstance(test, list) and test[:1] == ["CMD"]:
        command = words(test[1:])
    elif isinstance(test, list) and test[:1] == ["CMD-SHELL"] and len(test) == 2:
        command = ["sh", "-c", text(test[1])]
    elif isinstance(test, str):
        command = ["sh", "-c", text(test)]
    else:
        raise WrongError("allowed: a text, [CMD, ...] or [CMD-SHELL, TEXT]", "test")
    found: dict[str, Any] = {"command": command}
    found |= {ours: seconds(value[key]) for key, ours in names.items() if key in value}
    return found | ({"retries": value["retries"]} if "retries" in value else {})


def resources(value: Any) -> dict[str, Any]:
    """Return what a container needs: the limits; else the reservations; and GPUs."""
    value = object_(value, {"limits", "reservations"}, "resources")
    found: dict[str, Any] = {}
    for kind in ("reservations", "limits"):
        known = {"cpus", "memory", *(["devices"] if kind == "reservations" else [])}
        said = object_(value.get(kind) or {}, known, "resources", kind)
        if "cpus" in said:
            found["cpus"] = number(said["cpus"])
        if "memory" in said:
            found["memory"] = memory(said["memory"])
        for device in items(said.get("devices", [])):
            found["gpus"] = _gpus(device)
    return found


def memory(value: Any) -> str:
    """Return an amount of memory as our own files say it."""
    return from_bytes(value) if type(value) is int else short_size(text(value))


def _gpus(device: Any) -> int:
    at = ("resources", "reservations", "devices")
    device = object_(device, {"driver", "count", "capabilities"}, *at)
    count = device.get("count")
    if device.get("capabilities") != ["gpu"]:
        raise WrongError("allowed: capabilities: [gpu] and count: the platform says which", *at)
    if not isinstance(count, int) or isinstance(count, bool):
        raise WrongError(f"count: {count} found; allowed: a number of GPUs", *at)
    return count


def placement(value: Any) -> dict[str, str]:
    """Return which node it may be on: ours from constraints on labels and names."""
    value = object_(value, {"constraints"}, "placement")
    found, labels = dict[str, str](), list[str]()
    for number_, one in enumerate(items(value.get("constraints", []))):
        if match := _NODE_LABEL.fullmatch(str(one)):
            labels.append(f"{match[1]}={match[2]}")
        elif match := _NODE_NAME.fullmatch(str(one)):
            found["node"] = match[1]
        else:
            what = f"{one} found; allowed: node.labels.LABEL==VALUE, node.hostname==NAME"
            raise WrongError(what, "placement", "constraints", number_)
    return found | ({"placement": ";".join(labels)} if labels else {})


def update(value: Any) -> dict[str, Any]:
    """Return how a new revision takes the old one's place."""
    value = object_(value, {"order", "monitor", "parallelism"}, "update_config")
    found = {"order": value["order"]} if "order" in value else {}
    return found | ({"monitor": seconds(value["monitor"])} if "monitor" in value else {})
