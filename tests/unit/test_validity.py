"""The quick look at a value never says more than jsonschema itself would."""

from __future__ import annotations

import copy
import json
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cluster.config import inventory, kinds, schema
from cluster.config.schema_fast import surely_valid

HOSTS = schema.load(inventory.SCHEMA)
KINDS: dict[str, Any] = schema.load(kinds.SCHEMA)["$defs"]
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "a", "c01", "10.0.0.1", "10.0.0.1\n", "/x", "/x\n", "enable", "512m", "latest", "1.5"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 70000), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["ipv4", "groups", "labels", "user", "port"]), TEXTS),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
RIGHT: dict[str, Any] = {
    "c01": {
        "ipv4": "10.0.0.1", "labels": [{"jupyter": "enable"}, {"rack": "한"}],
        "groups": ["master", "manager"], "user": "skp", "port": 22,
    },
    "c02": {"ipv4": "10.0.0.2", "groups": ["worker"]},
}  # fmt: skip


def test_a_right_inventory_needs_no_second_look() -> None:
    assert surely_valid(HOSTS, RIGHT)


def test_the_shipped_inventory_needs_no_second_look() -> None:
    document = json.loads((kinds.ROOT / "etc" / "hosts.json").read_text())
    assert surely_valid(HOSTS, document)


@hypothesis.settings(deadline=None)
@given(value=VALUES, place=st.sampled_from(["", "ipv4", "labels", "groups", "user", "port", "x"]))
def test_what_it_passes_the_schema_allows(value: object, place: str) -> None:
    document = copy.deepcopy(RIGHT)
    if place:
        document["c01"][place] = value
    else:
        document["c01"] = value
    if surely_valid(HOSTS, document):
        assert Draft202012Validator(HOSTS).is_valid(document)


@pytest.mark.parametrize("kind", KINDS)
@hypothesis.settings(max_examples=30, deadline=None)
@given(value=VALUES)
def test_what_it_passes_as_a_setting_the_schema_allows(kind: str, value: object) -> None:
    checked = {"$defs": KINDS, "properties": {"KEY": {"$ref": f"#/$defs/{kind}", "default": ""}}}
    if surely_valid(checked, {"KEY": value}):
        assert Draft202012Validator(checked).is_valid({"KEY": value})


@pytest.mark.parametrize(
    "unknown", [{"type": ["string"]}, {"type": "null"}, {"minLength": 1}, {"$ref": "#/$defs/none"}]
)
def test_what_it_does_not_know_is_not_certain(unknown: dict[str, object]) -> None:
    assert not surely_valid({"$defs": {}, **unknown}, "text")
