"""hosts.json: what is right is read, what is wrong is told with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.config import documents, inventory
from cluster.errors import ConfigError
from lab.config import LabConfig
from lab.layout import inventory as layout

ROOT = Path(__file__).parent.parent.parent
MASTER = '"ipv4": "10.0.0.4", "groups": ["master", "manager"]'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hosts.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_is_read() -> None:
    found = inventory.read(ROOT / "etc" / "hosts.json")
    assert found.names == ("c01", "c02", "c03")
    assert found.master.name == "c01"
    assert [host.name for host in found.labelled("jupyter")] == ["c01"]
    assert not found.warnings


def test_the_shipped_file_is_the_layout_of_a_lab_of_three() -> None:
    shipped = json.loads((ROOT / "etc" / "hosts.json").read_text(encoding="utf-8"))
    assert shipped == layout(LabConfig(), 3)


def test_an_even_number_of_managers_is_warned_of(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f'{{"a": {{{MASTER}}}, "b": {{"ipv4": "10.0.0.5", "groups": ["manager"]}}}}',
    )
    assert "2 managers" in inventory.read(path).warnings[0]


def test_a_label_that_is_not_enabled_is_not_had(tmp_path: Path) -> None:
    path = write(tmp_path, f'{{"a": {{{MASTER}, "labels": [{{"jupyter": "disable"}}]}}}}')
    assert inventory.read(path).labelled("jupyter") == ()


def test_a_misspelt_label_is_warned_of_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, f'{{"a": {{{MASTER},\n"labels": [{{"jupiter": "enable"}}]}}}}')
    (warning,) = inventory.read(path, services=["jupyter"]).warnings
    assert warning.startswith(f"{path}:2: a: the label jupiter")
    assert "did you mean jupyter?" in warning


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000])
def test_what_python_itself_would_give_up_on_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="not JSON"):
        documents.read(write(tmp_path, text), "")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_JSON, st.sampled_from([None, 1]))
def test_the_parser_reads_what_json_reads(
    tmp_path_factory: pytest.TempPathFactory, value: object, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "any.json"
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
    assert documents.read(path, "").value == value
