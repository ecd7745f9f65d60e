"""Secrets: generated when absent, kept, never shown."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import secrets
from cluster.errors import ConfigError
from cluster.secrets import SPEC_KEY, Secret
from cluster.settings import Settings
from cluster.spec import Container, Image, SecretFile, fingerprint


def made(folder: Path, **passwords: str) -> Settings:
    return Settings(Path("env.sh"), {"SKP_ETC": str(folder)}, passwords)


def test_an_absent_password_is_generated_once(tmp_path: Path) -> None:
    first = secrets.load(made(tmp_path, A=""))
    again = secrets.load(made(tmp_path, A=""))
    assert len(first["A"].reveal()) >= 24
    assert first == again
    assert first["A"] != first[SPEC_KEY]


def test_a_preview_stores_nothing(tmp_path: Path) -> None:
    assert secrets.missing(made(tmp_path, A="")) == [SPEC_KEY, "A"]
    assert len(secrets.preview(made(tmp_path, A=""))["A"].reveal()) >= 24
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    secrets.load(made(tmp_path, A=""))
    assert stat.S_IMODE((tmp_path / secrets.FILE).stat().st_mode) == 0o600


def test_a_given_password_is_used_and_not_stored(tmp_path: Path) -> None:
    given = 'it\'s "hostile" $HOME `id` \\ 한글'
    assert secrets.load(made(tmp_path, A=given))["A"].reveal() == given
    assert "hostile" not in (tmp_path / secrets.FILE).read_text(encoding="utf-8")


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / secrets.FILE
    path.write_text("# mine\nA='it'\"'\"'s $HOME'\n", encoding="utf-8")
    path.chmod(0o600)
    assert secrets.load(made(tmp_path, A=""))["A"].reveal() == "it's $HOME"


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / secrets.FILE
    path.write_text("A=x\n", encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        secrets.load(made(tmp_path, A=""))


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        secrets.load(made(tmp_path / "none", A=""))


@given(st.text(min_size=1))
def test_a_secret_does_not_show_itself(text: str) -> None:
    assert repr(Secret(text)) == "Secret(***)"
    assert str([Secret(text)]) == "[Secret(***)]"


def test_a_description_holds_no_secret_and_no_plain_hash_of_one() -> None:
    container = Container(
        node="c01",
        name="x",
        service="x",
        image=Image("skp/x"),
        files=(SecretFile("password", Secret("hunter2")),),
    )
    one = container.described("sha256:0", Secret("key one"))
    two = container.described("sha256:0", Secret("key two"))
    assert "hunter2" not in json.dumps(one)
    assert one["files"] != two["files"]
    assert fingerprint(one, Secret("key one")) != fingerprint(one, Secret("key two"))
