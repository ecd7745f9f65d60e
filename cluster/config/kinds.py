"""The settings that there are: each has a kind, of etc/settings.schema.json, and a default."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.config import schema

ROOT = Path(__file__).parent.parent.parent
SCHEMA = ROOT / "etc" / "settings.schema.json"
GIVEN = frozenset({"credential", "secret-url", "base64-credential", "base64-file"})
"""The kinds of secrets that only a person can have: "" means none, and none is generated."""
LASTING = "lasting-password"
"""The kind of generated secrets that what was made with them can't be read without."""
SECRET = frozenset({"password", "token", LASTING, *GIVEN})


@dataclass(frozen=True)
class Setting:
    """A setting that a service declares.

    Attributes:
        key: its name in bin/env.sh.
        kind: one of the kinds in etc/settings.schema.json ($defs).
        default: its value when env.sh does not set it; may use other settings ($SKP_HOME).
        title: what it means, in a few words.
    """

    key: str
    kind: str
    default: str
    title: str


def document(declared: Iterable[Setting]) -> dict[str, Any]:
    """Return the schema of all settings, the services' own among them."""
    core = schema.load(SCHEMA)
    own = {s.key: {"$ref": f"#/$defs/{s.kind}", "default": s.default} for s in declared}
    return {"$defs": core["$defs"], "properties": {**core["properties"], **own}}


def wrong(
    document: Mapping[str, Any], values: Mapping[str, str | int | bool], given: Collection[str]
) -> dict[str, str]:
    """Return what is wrong with the given settings, by key.

    A default is wrong only where the setting that it is derived from is, and that one is named.
    """
    wrong = {
        str(violation.location[0]): violation.what
        for violation in schema.violations(document, values)
        if violation.location[0] in given
    }
    for key in ("SKP_NET_SUBNET", "SKP_NET_OTHERS"):
        if key not in wrong and (what := _wrong_subnet(str(values.get(key, "")))):
            wrong[key] = what
    return wrong


def _wrong_subnet(text: str) -> str:
    try:
        ipaddress.IPv4Network(text or "0.0.0.0/0")
    except ValueError as error:
        return f"{error}; allowed: an IPv4 subnet such as 10.90.0.0/16"
    return ""


def misfits(declared: Iterable[Setting], given: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with each of the given settings that is not of its kind, by key."""
    whole = document(declared)
    of = {key: whole["properties"][key]["$ref"].split("/")[-1] for key in given}
    values = {key: typed(whole["$defs"][of[key]], value) for key, value in given.items()}
    found = wrong(whole, values, given)
    return {key: unshown(what) if of[key] in SECRET else what for key, what in found.items()}


def secrets(declared: Iterable[Setting]) -> frozenset[str]:
    """Return the keys of the settings whose values are not shown."""
    properties = document(declared)["properties"]
    return frozenset(k for k, p in properties.items() if p["$ref"].split("/")[-1] in SECRET)


def unshown(what: str) -> str:
    """Return what is wrong with a secret, without the secret."""
    allowed = what.rsplit("allowed:", maxsplit=1)[-1]
    return f"a value found that is not shown; allowed:{allowed}"


def typed(kind: Mapping[str, Any], value: str) -> str | int | bool:
    """Return a value of bin/env.sh as what its kind is, where it can be that."""
    if kind["type"] == "integer" and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if kind["type"] == "boolean" and value.upper() in ("TRUE", "FALSE"):
        return value.upper() == "TRUE"
    return value
