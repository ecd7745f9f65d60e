"""The form that hosts.json had from December 2018 on: an object of labels, and roles for groups."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from cluster.config.document import Document, Location

Left: TypeAlias = tuple[str, str]
"""What could not be translated: where it stands, with its key; and why."""
_GROUPS = ("master", "manager", "worker")
_SAID_NO_MORE = "slave"  # of a master's role it is the opposite, which every other node is


def found(value: object) -> Location | None:
    """Return the first place where hosts have that form; None if they don't, or are none at all."""
    for name, entry in value.items() if isinstance(value, dict) else ():
        if isinstance(entry, dict) and "roles" in entry:
            return (name, "labels" if isinstance(entry.get("labels"), dict) else "roles")
    return None


def check(document: Document) -> None:
    """Refuse that form with one error, whatever else would be wrong with it.

    Raises:
        ConfigError: it has that form; says what does the translation.
    """
    if (location := found(document.value)) is None:
        return
    raise document.error(
        location,
        "the form of December 2018; allowed: a list of labels, each an object, and groups for "
        'roles, such as "labels": [{"jupyter": "enable"}], "groups": ["master", "manager"]',
        f"Have it translated: ./skp.py config.import --dry {document.path}",
    )


def translate(
    document: Document, implied: Collection[str], known: Collection[str]
) -> tuple[dict[str, Any], list[Left]]:
    """Return the hosts in today's form, and what is left of them.

    Args:
        implied: labels of what comes by itself today. known: the labels of today's services.
    """
    hosts: dict[str, Any] = {}
    left: list[Left] = []
    for name, entry in document.value.items():
        hosts[name] = entry
        if isinstance(entry, dict):
            hosts[name] = {
                **{key: value for key, value in entry.items() if key not in ("labels", "roles")},
                **_labels(document, name, implied, known, left),
                **_groups(document, name, left),
            }
    return hosts, left


def source(document: Document, location: Location) -> Location:
    """Return where that stands which `translate` has put at `location`."""
    if location[1:2] == ("groups",) and "roles" in document.value[location[0]]:
        return (location[0], "roles", *location[2:])
    return location


def rendered(hosts: Mapping[str, Any]) -> str:
    """Return the text of a hosts.json, one label a line."""
    return "{\n" + ",\n".join(_entry(name, entry) for name, entry in hosts.items()) + "\n}\n"


def _entry(name: str, entry: Mapping[str, Any]) -> str:
    lines = []
    for key, value in entry.items():
        text = json.dumps(value, ensure_ascii=False)
        if key == "labels" and value:
            each = ",\n".join(f"      {json.dumps(label, ensure_ascii=False)}" for label in value)
            text = f"[\n{each}\n    ]"
        lines.append(f'    "{key}": {text}')
    return f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n  }"


def _labels(
    document: Document,
    name: str,
    implied: Collection[str],
    known: Collection[str],
    left: list[Left],
) -> dict[str, Any]:
    labels = document.value[name].get("labels")
    if not isinstance(labels, dict):
        return {} if labels is None else {"labels": labels}
    for label in labels:
        where = document.place((name, "labels", label))
        if label in implied:
            left.append((where, "left out: it comes by itself"))
        elif label not in known:
            left.append((where, "no service has this label: it is put on the node as it is"))
    return {"labels": [{key: value} for key, value in labels.items() if key not in implied]}


def _groups(document: Document, name: str, left: list[Left]) -> dict[str, Any]:
    entry = document.value[name]
    roles = entry.get("roles")
    if not isinstance(roles, list):
        return {} if roles is None else {"groups": roles}
    for at, role in enumerate(roles):
        if role not in (*_GROUPS, _SAID_NO_MORE):
            left.append((document.place((name, "roles", at)), f"left out: the role {role!r}"))
    return {"groups": [role for role in roles if role in _GROUPS]}
