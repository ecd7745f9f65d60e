"""A quick check that a value fits a JSON Schema, as nearly every value does.

Loading jsonschema takes longer than all the rest of a command's start. It is needed only to say
what is wrong: this module knows the few keywords that our schemas use, and leaves to jsonschema
whatever it can't decide. So its answer "valid" is always right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
_ANNOTATIONS = frozenset({"$schema", "$defs", "title", "description", "default"})
_REF = "#/$defs/"


def surely_valid(schema: Schema, value: object) -> bool:
    """Return True if `value` fits `schema`, and False if it does not or that is not certain."""
    return _fits(schema, schema, value)


def _fits(root: Schema, schema: Any, value: object) -> bool:
    if not isinstance(schema, Mapping):  # true or false: anything, or nothing
        return schema is True
    return all(
        key in _CHECKS and _CHECKS[key](root, schema, value)
        for key in schema
        if key not in _ANNOTATIONS
    )


def _ref(root: Schema, schema: Schema, value: object) -> bool:
    name = schema["$ref"].removeprefix(_REF)
    return name in root["$defs"] and _fits(root, root["$defs"][name], value)


def _type(_: Schema, schema: Schema, value: object) -> bool:
    kinds = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    return type(value) is kinds.get(str(schema["type"]))  # exactly: True is no integer


def _pattern(_: Schema, schema: Schema, value: object) -> bool:
    return isinstance(value, str) and matches(schema["pattern"], value)


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole of `text` matches `pattern`.

    Our patterns are anchored. In JSON Schema `$` is the very end of the text; in Python it is also
    before a last newline.
    """
    return re.fullmatch(pattern, text) is not None


def _longest(_: Schema, schema: Schema, value: object) -> bool:
    return isinstance(value, str) and len(value) <= schema["maxLength"]


def _enum(_: Schema, schema: Schema, value: object) -> bool:
    return isinstance(value, str) and value in schema["enum"]


def _minimum(_: Schema, schema: Schema, value: object) -> bool:
    return type(value) is int and bool(value >= schema["minimum"])


def _maximum(_: Schema, schema: Schema, value: object) -> bool:
    return type(value) is int and bool(value <= schema["maximum"])


def _items(root: Schema, schema: Schema, value: object) -> bool:
    return isinstance(value, list) and all(_fits(root, schema["items"], item) for item in value)


def _min_items(_: Schema, schema: Schema, value: object) -> bool:
    return isinstance(value, list) and len(value) >= schema["minItems"]


def _unique(_: Schema, __: Schema, value: object) -> bool:
    # Decided for strings only: of other values, some are equal in JSON and not in Python.
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return False
    return len(set(value)) == len(value)


def _count(_: Schema, schema: Schema, value: object) -> bool:
    if not isinstance(value, dict):
        return False
    least, most = schema.get("minProperties", 0), schema.get("maxProperties", len(value))
    return bool(least <= len(value) <= most)


def _required(_: Schema, schema: Schema, value: object) -> bool:
    return isinstance(value, dict) and all(key in value for key in schema["required"])


def _names(root: Schema, schema: Schema, value: object) -> bool:
    return isinstance(value, dict) and all(_fits(root, schema["propertyNames"], k) for k in value)


def _properties(root: Schema, schema: Schema, value: object) -> bool:
    known = schema.get("properties", {})
    other = schema.get("additionalProperties", True)
    return isinstance(value, dict) and all(
        _fits(root, known.get(key, other), item) for key, item in value.items()
    )


_CHECKS: Mapping[str, Callable[[Schema, Schema, object], bool]] = {
    "$ref": _ref,
    "type": _type,
    "pattern": _pattern,
    "maxLength": _longest,
    "enum": _enum,
    "minimum": _minimum,
    "maximum": _maximum,
    "items": _items,
    "minItems": _min_items,
    "uniqueItems": _unique,
    "minProperties": _count,
    "maxProperties": _count,
    "required": _required,
    "propertyNames": _names,
    "properties": _properties,
    "additionalProperties": _properties,
}
