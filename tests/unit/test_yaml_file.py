"""YAML that people write: read as JSON would be, and what is wrong is told with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cluster.config import documents, inventory
from cluster.config.document import Document
from cluster.errors import ConfigError, ConfigErrors


def read(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return documents.read(path, "named by hand")


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_each_value_knows_its_line(tmp_path: Path) -> None:
    found = read(tmp_path, "# nodes\nc01:\n  labels:\n  - jupyter: enable\n\n  - own: x\n")
    assert found.value == {"c01": {"labels": [{"jupyter": "enable"}, {"own": "x"}]}}
    assert found.line(("c01",)) == 2
    assert found.line(("c01", "labels", 1, "own")) == 6
    assert found.line(("c01", "labels", 1, "nothing")) == 6


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("2018-12-09", "2018-12-09"),
        ("10:20", "10:20"),
        ("10.0.0.4", "10.0.0.4"),
        ("0x1f", "0x1f"),
        ("012", 12),
        ("22", 22),
        ("1.5", 1.5),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("1e3", 1000.0),
    ],
)
def test_words_stay_words(tmp_path: Path, text: str, value: object) -> None:
    assert read(tmp_path, f"a: {text}\n").value == {"a": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [1\nc: 2\n", "a.yaml:3: not YAML: expected ',' or ']'"),
        ("a:\n\tb: 1\n", "a.yaml:2: not YAML: found character '\\t'"),
        ("a: &x [1]\nb: *x\n", "a.yaml:2: not YAML: an alias, *x"),
        ("a: 1\na: 2\n", 'a.yaml:2: "a" stands here for the second time'),
        ("a: !!python/object/apply:os.system [ls]\n", "a.yaml:1: not YAML: the tag "),
        ("a: !!binary aGk=\n", "a.yaml:1: not YAML: the tag "),
        ("1: a\n", "a.yaml:1: not YAML: a key that is no text"),
        ("[a]: b\n", "a.yaml:1: not YAML: a key that is no text"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: not YAML: but found another document"),
        ("a: 1\nb: \x07\n", "a.yaml:2: not YAML: a character of code 0x7"),
        ("# nothing\n", "a.yaml:1: not YAML: it holds nothing but comments"),
        ("", "a.yaml:1: the file is empty"),
        ("[" * 1000 + "]" * 1000, "a.yaml:1: not YAML: more than 20 levels deep"),
        ("a: 1e999\n", "a.yaml:1: not YAML: a number too large"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_what_to_do(
    tmp_path: Path, text: str, said: str
) -> None:
    what = refused(tmp_path, text)
    assert what.startswith(said)
    assert "\n  " in what


def test_a_file_that_is_not_there_says_who_named_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        documents.read(tmp_path / "a.yaml", "named by hand")
    assert caught.value.hint == "named by hand"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé ", max_size=5), inner)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_what_pyyaml_writes_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.mktemp("yaml") / "any.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
    found = documents.read(path, "").value
    assert json.loads(json.dumps(found)) == value


def test_an_inventory_may_be_yaml(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(
        "c01:\n  ipv4: 10.0.0.4\n  groups: [master, manager]\n  labels: [jupyter: enable]\n"
    )
    found = inventory.read(path, ["jupyter"])
    assert [host.name for host in found.labelled("jupyter")] == ["c01"]
    path.write_text("c01:\n  ipv4: 10.0.0.4\n  groups:\n  - boss\n")
    with pytest.raises(ConfigErrors) as caught:
        inventory.read(path)
    assert f'{path}:4: c01.groups.0: "boss" found' in str(caught.value)
