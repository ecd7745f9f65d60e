"""hosts.json: what is right is read, what is wrong is told with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import inventory
from cluster.errors import ConfigError
from cluster.jsonfile import JsonFile
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


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param(f'{{\n"a": {{{MASTER}}},\n}}', 3, ["not JSON", "key"], id="comma too many"),
        pytest.param(f'{{\n"a": {{{MASTER}}}', 2, ["not JSON"], id="brace missing"),
        pytest.param("", 1, ["the file is empty"], id="empty"),
        pytest.param("[]", 1, ["[] found", "an object"], id="a list"),
        pytest.param("{}", 1, ["{} found"], id="no hosts"),
        pytest.param(
            f'{{\n"a": {{{MASTER}}},\n"b": {{{MASTER.replace(".4", ".5")}}}\n}}',
            3,
            ["b.groups", "a second master", "a is one already"],
            id="two masters",
        ),
        pytest.param(
            '{"a": {"ipv4": "10.0.0.4", "groups": ["manager"]}}',
            1,
            ["no node is in the group master"],
            id="no master",
        ),
        pytest.param(
            '{"a": {"ipv4": "10.0.0.4", "groups": ["master"]}}',
            1,
            ["manager too"],
            id="master only",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}}},\n"b": {{"ipv4": "10.0.0.256", "groups": ["worker"]}}}}',
            2,
            ["b.ipv4", '"10.0.0.256" found', "an IPv4 address"],
            id="address out of range",
        ),
        pytest.param(
            '{"a": {"ipv4": "10.0.0.04", "groups": ["master", "manager"]}}',
            1,
            ['"10.0.0.04" found'],
            id="leading zero",
        ),
        pytest.param(
            '{"a": {"ipv4": "10.0.0.4\\n", "groups": ["master", "manager"]}}',
            1,
            ["an IPv4 address"],
            id="newline in an address",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}}},\n"b": {{"ipv4": "10.0.0.4", "groups": ["worker"]}}}}',
            2,
            ["b.ipv4", "a's address already"],
            id="address twice",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}}},\n"b": {{"ipv4": "127.0.0.1", "groups": ["worker"]}}}}',
            2,
            ["other nodes can reach"],
            id="loopback",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}, "lables": []}}}}',
            1,
            ["a.lables", "unknown key", "did you mean labels?"],
            id="misspelt key",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}, "labels": {{"jupyter": "enable"}}}}}}',
            1,
            ["a.labels", "a list of labels"],
            id="labels not a list",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}, "labels": ["jupyter"]}}}}',
            1,
            ["a.labels.0", "an object with one label"],
            id="label a word",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}, "labels": [{{"x": "enable"}}, {{"x": "enable"}}]}}}}',
            1,
            ["x stands here twice"],
            id="label twice",
        ),
        pytest.param(
            '{"a": {"ipv4": "10.0.0.4", "groups": ["master", "manger"]}}',
            1,
            ['"manger" found', "master, manager or worker"],
            id="unknown group",
        ),
        pytest.param(
            f'{{"a": {{{MASTER}}},\n"a": {{{MASTER}}}}}',
            2,
            ['"a" stands here for the second time', "line 1"],
            id="key twice",
        ),
        pytest.param(
            f'{{"a; rm -rf /": {{{MASTER}}}}}', 1, ["a host name"], id="shell metacharacters"
        ),
        pytest.param(
            f'{{"a": {{{MASTER}, "port": 70000}}}}', 1, ["70000 found", "the SSH port"], id="port"
        ),
        pytest.param('{"a": {"ipv4": "10.0.0.4"}}', 1, ["groups missing"], id="no groups"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        inventory.read(path)
    message = str(caught.value)
    assert f"{path}:{line}: " in message
    for word in words:
        assert word in message
    assert caught.value.exit_code == 2


def test_a_services_label_is_enable_or_disable(tmp_path: Path) -> None:
    path = write(tmp_path, f'{{"a": {{{MASTER},\n"labels": [{{"jupyter": "enabled"}}]}}}}')
    with pytest.raises(ConfigError) as caught:
        inventory.read(path, services=["jupyter"])
    assert f'{path}:2: a.labels.0.jupyter: "enabled" found' in str(caught.value)
    assert not inventory.read(path, services=["spark"]).warnings


def test_a_misspelt_label_is_warned_of_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, f'{{"a": {{{MASTER},\n"labels": [{{"jupiter": "enable"}}]}}}}')
    (warning,) = inventory.read(path, services=["jupyter"]).warnings
    assert warning.startswith(f"{path}:2: a: the label jupiter")
    assert "did you mean jupyter?" in warning


def test_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "hosts.json"
    path.write_bytes(b'{"\xff": 1}')
    with pytest.raises(ConfigError, match="not UTF-8"):
        inventory.read(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        inventory.read(tmp_path / "none.json")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_JSON, st.sampled_from([None, 1]))
def test_the_parser_reads_what_json_reads(
    tmp_path_factory: pytest.TempPathFactory, value: object, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "any.json"
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
    assert JsonFile(path).value == value
