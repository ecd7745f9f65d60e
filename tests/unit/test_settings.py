"""bin/env.sh: evaluated as bash does, checked before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

import services
from cluster import settings
from cluster.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent


def read(path: Path, **overrides: str) -> settings.Settings:
    return settings.read(path, services.declared_settings(), overrides)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "env.sh"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_is_read_without_a_warning() -> None:
    found = read(ROOT / "bin" / "env.sh")
    assert found.number("JUPYTER_PORT") == 8010
    assert found.flag("JUPYTER_GPU") is False
    assert found.text("REGISTRY_VOLUME") == "/home/skp/skp/volume/var/registry"
    assert found.warnings == ()


def test_the_shipped_file_has_no_password() -> None:
    found = read(ROOT / "bin" / "env.sh")
    assert {found.password(key) for key in found.password_keys} == {""}


def test_variables_may_use_each_other(tmp_path: Path) -> None:
    path = write(tmp_path, 'export SKP_HOME="/srv/skp"\nexport JUPYTER_VOLUME=$SKP_HOME/volume # x')
    assert read(path).text("JUPYTER_VOLUME") == "/srv/skp/volume"


def test_defaults_follow_other_settings(tmp_path: Path) -> None:
    path = write(tmp_path, 'export SKP_HOME="/srv/skp"')
    assert read(path).text("REGISTRY_VOLUME") == "/srv/skp/volume/var/registry"


def test_the_callers_environment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PORT", "1")
    monkeypatch.setenv("BASH_ENV", "/nonexistent")
    assert read(write(tmp_path, "")).number("JUPYTER_PORT") == 8010


def test_what_the_file_prints_is_not_taken_for_settings(tmp_path: Path) -> None:
    path = write(tmp_path, "echo JUPYTER_PORT=1\nexport JUPYTER_PORT=9000")
    assert read(path).number("JUPYTER_PORT") == 9000


def test_an_override_wins(tmp_path: Path) -> None:
    path = write(tmp_path, 'export SKP_HOSTS="a.json"')
    assert read(path, SKP_HOSTS="/b.json").text("SKP_HOSTS") == "/b.json"


def test_a_misspelt_key_is_hinted_at_and_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, '\nexport JUPYTER_PASWORD="x"')
    assert read(path).warnings == (
        (
            f"{path}:2: JUPYTER_PASWORD is not a setting of SKP and is left alone "
            "(did you mean JUPYTER_PASSWORD?)"
        ),
    )


def test_the_guides_obsolete_key_is_ignored(tmp_path: Path) -> None:
    assert read(write(tmp_path, 'export JUPYTER_DOCKER="docker"')).warnings == ()


def test_the_guides_other_services_are_no_misspellings(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'export SPARK_MNAME="a"\nexport SPARK_VOLUME="b"\nexport SPARK_IMAGE="c"\n'
        'export AIRFLOW_PORT="8040"\nexport MYSQL_NAME="m"\nexport KAFKA_TAG="latest"',
    )
    assert read(path).warnings == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param('export A="1\n', ["bash can't evaluate", "line"], id="quote missing"),
        pytest.param('A="1"\nexport JUPYTER_PORT = 8010\n', ["line 2"], id="spaces around ="),
        pytest.param("nosuchcommand\n", ["nosuchcommand"], id="unknown command"),
        pytest.param("exit 3\n", ["exit code 3"], id="exits"),
        pytest.param(
            '\nexport JUPYTER_PORT="80100"',
            [":2: JUPYTER_PORT: 80100 found", "a port from 1 to 65535"],
            id="port out of range",
        ),
        pytest.param('export JUPYTER_PORT="x"', ['"x" found', "a port"], id="port a word"),
        pytest.param('export JUPYTER_GPU="YES"', ["TRUE or FALSE"], id="flag"),
        pytest.param('export SKP_HOME="skp"', ["an absolute path"], id="relative path"),
        pytest.param("export SKP_HOME='$HOME/skp'", ["an absolute path"], id="unexpanded variable"),
        pytest.param('export SKP_NET="net skp"', ["a container or network name"], id="space"),
        pytest.param('export SKP_NET_SUBNET="10.0.0.0"', ["an IPv4 subnet"], id="subnet"),
        pytest.param('export SKP_NET_SUBNET="999.1.1.1/16"', ["an IPv4 subnet"], id="no subnet"),
        pytest.param('export SKP_NET_SUBNET="10.0.0.1/16"', ["host bits"], id="host bits"),
        pytest.param(
            'export JUPYTER_IMAGE="skp/docker-ds:1"',
            ["without a registry's address or a tag"],
            id="image",
        ),
        pytest.param('export JUPYTER_MEMORY="lots"', ["an amount of memory"], id="memory"),
        pytest.param('export SKP_USER="root; id"', ["a Linux user name"], id="user"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    for word in words:
        assert word in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_windows_line_ends_are_told_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "env.sh"
    path.write_bytes(b'export SKP_NET="n"\r\n')
    with pytest.raises(ConfigError, match="CRLF") as caught:
        read(path)
    assert "sed -i" in caught.value.hint


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, 'export JUPYTER_PORT="0"\nexport SKP_HOME="x"')
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert ":1: JUPYTER_PORT" in str(caught.value)
    assert ":2: SKP_HOME" in str(caught.value)


def test_a_wrong_password_is_told_without_showing_it(tmp_path: Path) -> None:
    path = write(tmp_path, "export JUPYTER_PASSWORD=$'hunter2\\nhunter3'")
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert "JUPYTER_PASSWORD" in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_file_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EVALUATION_SECONDS", 0.5)
    with pytest.raises(ConfigError, match="still running"):
        read(write(tmp_path, "read < <(sleep 5)"))
