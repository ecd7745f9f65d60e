"""bin/env.sh: evaluated as bash does, checked before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

import services
from cluster.config import settings

ROOT = Path(__file__).parent.parent.parent


def read(path: Path, **overrides: str) -> settings.Settings:
    return services.read_settings(path, overrides)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "env.sh"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_is_read() -> None:
    found = read(ROOT / "bin" / "env.sh")
    assert found.number("JUPYTER_PORT") == 8010
    assert found.flag("JUPYTER_GPU") is False
    assert found.text("REGISTRY_VOLUME") == "/home/skp/skp/platform/registry"


def test_the_shipped_file_has_no_password() -> None:
    found = read(ROOT / "bin" / "env.sh")
    assert {found.password(key) for key in found.password_keys} == {""}


def test_variables_may_use_each_other(tmp_path: Path) -> None:
    path = write(tmp_path, 'export SKP_HOME="/srv/skp"\nexport JUPYTER_VOLUME=$SKP_HOME/volume # x')
    assert read(path).text("JUPYTER_VOLUME") == "/srv/skp/volume"


def test_defaults_follow_other_settings(tmp_path: Path) -> None:
    path = write(tmp_path, 'export SKP_HOME="/srv/skp"')
    assert read(path).text("REGISTRY_VOLUME") == "/srv/skp/platform/registry"


def test_the_callers_environment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PORT", "1")
    monkeypatch.setenv("BASH_ENV", "/nonexistent")
    assert read(write(tmp_path, "# nothing")).number("JUPYTER_PORT") == 8010


def test_what_the_file_prints_is_not_taken_for_settings(tmp_path: Path) -> None:
    path = write(tmp_path, "echo JUPYTER_PORT=1\nexport JUPYTER_PORT=9000")
    assert read(path).number("JUPYTER_PORT") == 9000


def test_an_override_wins(tmp_path: Path) -> None:
    path = write(tmp_path, 'export SKP_HOSTS="a.json"')
    assert read(path, SKP_HOSTS="/b.json").text("SKP_HOSTS") == "/b.json"


def test_the_guides_obsolete_key_is_passed_over(tmp_path: Path) -> None:
    assert read(write(tmp_path, 'export JUPYTER_DOCKER="docker"')).warnings == ()


# The keys of the templates of July and September 2018 that are no settings, and what says it now.
OUTDATED = {
    "SWARM_NET": "SKP_NET",
    "REGISTRY_PORT": "5000",
    "PORTAINER_ID": "admin",
    "PORTAINER_PW": "PORTAINER_PASSWORD",
    "ZOOKEEPER_PORT": "2181",
    "KAFKA_ADVERTISED_PORT": "KAFKA_PORT",
    "JUPYTER_DOCKER": "JUPYTER_GPU",
    "SKP_MNT": "/var/lib/skp/mnt",
    "SKP_SERVICES": "labels",
    "SKP_SHOME": "/root/volume",
}


@pytest.mark.parametrize("key", OUTDATED)
def test_a_key_of_an_earlier_version_is_told_with_what_says_it_today(
    tmp_path: Path, key: str
) -> None:
    path = write(tmp_path, f'# from 2018\nexport {key}="hunter"\n')
    (warning,) = [w for w in read(path).warnings if "others on this machine" not in w]
    assert warning.startswith(f"{path}:2: {key} has no effect: ")
    assert OUTDATED[key] in warning
    assert "hunter" not in warning  # one of them is a password


def test_a_key_of_an_earlier_version_reaches_no_container(tmp_path: Path) -> None:
    path = write(tmp_path, 'export KAFKA_ADVERTISED_PORT="9094"\nexport KAFKA_LOG_DIRS="/x"\n')
    assert read(path).others("KAFKA_") == {"KAFKA_LOG_DIRS": "/x"}


def test_the_guides_other_services_are_no_misspellings(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'export FLASK_SECRET="a"\nexport FLASK_VOLUME="/b"\nexport NGINX_IMAGE="c/d"\n'
        'export AIRFLOW_PORT="8040"\nexport MYSQL_NAME="m"\nexport KAFKA_TAG="latest"',
    )
    read(path)
