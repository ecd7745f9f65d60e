"""Validation against the JSON Schemas in etc/; messages use the schemas' own descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cluster.config.schema_fast import matches, surely_valid
from cluster.errors import nearest


@dataclass(frozen=True)
class Violation:
    """One value that the schema does not allow.

    Attributes:
        location: the path of keys and indices to the value.
        what: what was found and what is allowed.
    """

    location: tuple[str | int, ...]
    what: str


def load(path: Path) -> dict[str, Any]:
    """Return the JSON Schema stored at `path`, a file of this project."""
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def violations(schema: Mapping[str, Any], value: object) -> Iterator[Violation]:
    """Yield what `schema` does not allow in `value`, one violation for each location."""
    if surely_valid(schema, value):
        return
    errors = _validator()(schema).iter_errors(value)
    seen: set[tuple[str | int, ...]] = set()
    for error in sorted(errors, key=lambda e: [str(part) for part in e.absolute_path]):
        for violation in _explained(error):
            if violation.location not in seen:
                seen.add(violation.location)
                yield violation


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    return extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[Exception]:
    """Check a pattern as JSON Schema means it: `$` is the very end, not before a newline."""
    from jsonschema import ValidationError

    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _explained(error: Any) -> Iterator[Violation]:
    location = tuple(error.absolute_path)
    allowed = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    if error.validator == "additionalProperties":
        yield from _unknown_keys(location, error)
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        yield Violation(location, f"{' and '.join(missing)} missing; allowed: {allowed}")
    else:
        # A key that is not allowed has a location of its own, not that of its object.
        if "propertyNames" in error.absolute_schema_path:
            location = (*location, error.instance)
        yield Violation(location, f"{_shown(error.instance)} found; allowed: {allowed}")


def _unknown_keys(location: tuple[str | int, ...], error: Any) -> Iterator[Violation]:
    known = list(error.schema.get("properties", {}))
    for key in error.instance:
        if key not in known:
            yield Violation(
                (*location, key),
                f"unknown key{nearest(key, known)}; allowed: {', '.join(known)}",
            )


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
