"""Logins by SSH: what a container asks the account service, and who gets in while it is silent."""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PROGRAM = Path(__file__).parent.parent.parent / "images" / "docker-sshd"
Load = Callable[[str], ModuleType]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINKmoV7dUDggpMHKKVFMEgJ+I3jp5oV9Mpqq2s0nHO6E"
KIM = {"name": "kim", "uid": 20001, "keys": [KEY]}
SAID = {"project": "vision", "gid": 20003, "members": [KIM, {**KIM, "name": "lee", "uid": 20002}]}
TOLD: dict[str, Any] = {
    "urls": ["https://10.0.0.1:9060", "https://10.0.0.2:9060"], "authority": "PEM",
    "project": "vision", "gid": 20003, "credential": "20003.ab",
}  # fmt: skip


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Load]:
    """Return a loader of the program's modules, as its container has them."""
    monkeypatch.syspath_prepend(str(PROGRAM))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is there is in the image
    yield lambda name: importlib.import_module(f"logins.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "logins"]:
        del sys.modules[name]


@pytest.fixture
def told(load: Load) -> Any:
    return load("told").Told(tuple(TOLD["urls"]), "PEM", "vision", 20003, "20003.ab")


def test_what_the_platform_says_is_read_and_shows_no_credential(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(json.dumps(TOLD))
    found = load("told").read(path)
    assert (found.project, found.credential) == ("vision", "20003.ab")
    assert "20003.ab" not in repr(found)
    path.write_text("{")
    for wrong in (path, tmp_path / "none.json"):
        with pytest.raises(load("told").ToldError, match=r"deploy\.apply --update"):
            load("told").read(wrong)


def test_members_become_lines_of_passwd_and_group(load: Load) -> None:
    members = load("members")
    found = members.parsed(SAID, "vision")
    assert members.passwd_of(found).splitlines() == [
        "kim:x:20001:20003::/home/kim:/bin/bash", "lee:x:20002:20003::/home/lee:/bin/bash",
    ]  # fmt: skip
    assert members.group_of("vision", found) == "vision:x:20003:\n"
    assert members.gone([20001, 20009], found.uids) == {20009}


@pytest.mark.parametrize(
    "change",
    [
        {"project": "other"}, {"gid": 0}, {"gid": "20003"}, {"members": None}, {"members": [{}]},
        {"members": [{**KIM, "uid": 0}]}, {"members": [{**KIM, "uid": 999}]},
        {"members": [{**KIM, "uid": True}]}, {"members": [{**KIM, "name": "root:x"}]},
        {"members": [{**KIM, "name": "kim\nroot"}]}, {"members": [KIM, KIM]},
        {"members": [{**KIM, "keys": ['command="id" ssh-ed25519 AAAA']}]},
        {"members": [{**KIM, "keys": [f"{KEY}\n{KEY}"]}]},
    ],
)  # fmt: skip
def test_what_is_no_list_of_members_is_no_answer(
    load: Load, told: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    ask = load("ask")
    answer = json.dumps(SAID | change).encode()
    monkeypatch.setattr(ask, "_exchanged", lambda *_: (200, answer))
    with pytest.raises(ask.AwayError):
        ask.members(told)


def test_who_has_the_name_or_id_of_a_user_of_the_image_is_left_out(load: Load) -> None:
    members = load("members")
    passwd = "root:x:0:0::/root:/bin/bash\nlee:x:1000:1000::/:/bin/sh\nx:x:20001:1::/:/bin/sh\n"
    kept, own = members.apart_from(members.parsed(SAID, "vision"), passwd)
    assert (kept.every, own) == ((), ["kim", "lee"])


def test_another_address_is_asked_where_one_is_silent_and_none_is_believed_that_fails(
    load: Load, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = load("ask")
    asked: list[str] = []
    answers: dict[str, Any] = {}

    def exchanged(_: Any, url: str, *words: Any) -> tuple[int, bytes]:
        asked.append(url)
        found = answers[url]
        if isinstance(found, Exception):
            raise found
        return found[0], json.dumps(found[1]).encode()

    monkeypatch.setattr(ask, "_exchanged", exchanged)
    first, second = told.urls
    kim = {"name": "kim", "uid": 20001}
    for silent in (ConnectionRefusedError(), ssl.SSLError(), (502, "")):
        answers |= {first: silent, second: (200, SAID)}
        assert ask.members(told).uids == {20001, 20002}
    for status in (401, 403, 404, 500, 503):
        answers |= {first: (status, SAID), second: (status, SAID)}
        with pytest.raises(ask.AwayError):
            ask.members(told)
        answers |= {first: (status, {"name": "kim", "keys": [KEY]}), second: (status, kim)}
        with pytest.raises(ask.AwayError):
            ask.keys(told, "kim")
    outcomes: list[tuple[int, Any, bool]] = [
        (200, kim, True), (200, {"name": "lee"}, False), (200, [], False),
        (401, kim, False), (429, kim, False), (404, kim, False),
    ]  # fmt: skip
    for status, said, fits in outcomes:
        answers |= {first: (status, said)}
        assert ask.fits(told, "kim", "quiet-River-771") is fits


def test_an_answer_that_does_not_end_is_none(
    load: Load, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = load("ask")
    monkeypatch.setattr(ask, "_DEADLINE", 1)
    reading, _writing = os.pipe()
    monkeypatch.setattr(ask, "_exchanged", lambda *_: os.read(reading, 1))
    with pytest.raises(ask.AwayError, match="no answer within 1 s"):
        ask.members(told)


def test_only_the_authority_that_was_told_is_trusted(load: Load) -> None:
    from cluster.config.secrets import Secret
    from services.gateway.authority import Names, root

    trust = load("ask")._trust(root(Secret("x"), Names(("10.0.0.1",))))
    assert len(trust.get_ca_certs()) == 1
    assert (trust.verify_mode, trust.check_hostname) == (ssl.CERT_REQUIRED, True)


def kept(load: Load, folder: Path, age: float) -> Any:
    """Have it be known for so many seconds who may log in; return the module of it."""
    state, members = load("state"), load("members").parsed(SAID, "vision")
    state.write(state.State(state.now() - age, members, members.uids | {20009}), folder)
    return state


@pytest.mark.parametrize(("age", "counts"), [(0, True), (299, True), (302, False), (-60, False)])
def test_what_was_known_counts_for_five_minutes(
    load: Load, tmp_path: Path, age: float, counts: bool
) -> None:
    state = kept(load, tmp_path, age)
    found = state.read(tmp_path)
    assert (found.find("kim", state.now()) is not None) is counts
    assert found.find("root", state.now()) is None
    assert found.known == {20001, 20002, 20009}
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "state.json").write_text("{")
    assert state.read(tmp_path) is None


@pytest.fixture
def asking(
    load: Load, told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """The program as sshd and PAM run it; `away` has the account service be silent."""
    command, state, ask = load("command"), load("state"), load("ask")
    asked: list[str] = []
    found = SimpleNamespace(away=False, keys=(KEY,), fits=True, asked=asked)

    def answer(value: Callable[[], Any]) -> Callable[..., Any]:
        def say(_: Any, name: str, *__: str) -> Any:
            asked.append(name)
            if found.away:
                raise ask.AwayError
            return value()

        return say

    read = state.read
    monkeypatch.setattr(command.state, "read", lambda: read(tmp_path))
    monkeypatch.setattr(command.told, "read", lambda: told)
    monkeypatch.setattr(command.ask, "keys", answer(lambda: found.keys))
    monkeypatch.setattr(command.ask, "fits", answer(lambda: found.fits))

    def run(*words: str, name: str = "", password: bytes = b"") -> int:
        monkeypatch.setenv("PAM_USER", name)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(password)))
        return int(command.main(list(words)))

    found.run = run
    return found


def test_keys_are_asked_for_and_what_was_known_counts_while_nobody_answers(
    asking: Any, load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asking.run("keys", "kim") == 0
    assert capsys.readouterr().out == f"{KEY}\n"
    asking.keys = ()
    kept(load, tmp_path, 0)
    asking.run("keys", "kim")  # (taken away a moment ago)
    assert capsys.readouterr().out == ""
    asking.away = True
    asking.run("keys", "kim")
    assert capsys.readouterr().out == f"{KEY}\n"
    kept(load, tmp_path, 302)
    for name in ("kim", "root", "nobody"):
        asking.run("keys", name)
    assert capsys.readouterr().out == ""


def test_a_password_is_right_only_where_the_service_says_so(
    asking: Any, load: Load, tmp_path: Path
) -> None:
    given = b"quiet-River-771\0"
    assert asking.run("password", name="kim", password=given) == 1  # nothing is known yet
    kept(load, tmp_path, 0)
    assert asking.run("password", name="kim", password=given) == 0
    for name, password in (("root", given), ("seer", given), ("", given)):
        assert asking.run("password", name=name, password=password) == 1
    for password in (b"", b"\0", b"x" * 1025, b"\xff\0"):
        assert asking.run("password", name="kim", password=password) == 1
    assert asking.asked == ["kim"], "nobody else is asked about"
    asking.fits = False
    assert asking.run("password", name="kim", password=given) == 1
    asking.fits, asking.away = True, True
    assert asking.run("password", name="kim", password=given) == 1


def test_whoever_has_shown_who_he_is_has_to_be_known_as_a_member(
    asking: Any, load: Load, tmp_path: Path
) -> None:
    assert asking.run("account", name="kim") == 1
    kept(load, tmp_path, 0)
    assert [asking.run("account", name=name) for name in ("kim", "root", "")] == [0, 1, 1]
    kept(load, tmp_path, 302)
    assert asking.run("account", name="kim") == 1
    assert asking.run("home", name="kim") == 1
    assert asking.run("all") == 2


def test_a_container_has_the_same_host_key_at_each_start(
    load: Load, told: Any, tmp_path: Path
) -> None:
    def key(of: Any, name: str) -> bytes:
        load("host_key").write(of, name, tmp_path / "key")
        found = load_pem_private_key((tmp_path / "key").read_bytes(), None)
        assert isinstance(found, Ed25519PrivateKey)
        return found.public_key().public_bytes_raw()

    first = key(told, "box-0")
    assert key(told, "box-0") == first
    other = load("told").Told((), "", "vision", 20003, "20003.ac")
    assert len({first, key(told, "box-1"), key(other, "box-0")}) == 3
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_nobody_has_it_look_less_often_than_every_two_minutes(load: Load) -> None:
    interval = load("agent").interval
    assert [interval(said) for said in ("", "5", "0", "86400", "-1", "x", "²")] == [
        30, 5, 1, 120, 30, 30, 30,
    ]  # fmt: skip


def test_the_sessions_of_who_is_out_end_on_a_full_disk_too(
    load: Load, told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, members = load("agent"), load("members")
    kept(load, tmp_path, 0)
    read, ended = load("state").read, list[frozenset[int]]()
    monkeypatch.setattr(agent.state, "read", lambda: read(tmp_path))
    found = agent.Agent(told)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def end(uids: frozenset[int]) -> list[int]:
        ended.append(uids)
        return []

    monkeypatch.setattr(agent.state, "write", full)
    monkeypatch.setattr(agent.sessions, "end", end)
    monkeypatch.setattr(agent.homes, "protect", lambda: None)
    answer = members.parsed(SAID | {"members": [KIM]}, "vision")
    monkeypatch.setattr(agent.ask, "members", lambda _: answer)
    found.look()
    assert ended == [{20002, 20009}]


@pytest.mark.skipif(os.geteuid() != 0, reason="root makes homes")
def test_homes_are_their_owners_alone_and_nobody_elses_in_disguise(
    load: Load, request: pytest.FixtureRequest
) -> None:
    homes, members = load("homes"), load("members")
    parent = Path(tempfile.mkdtemp(dir="/tmp"))  # (users reach it there)
    request.addfinalizer(lambda: shutil.rmtree(parent))
    os.chown(parent, 20009, 20003)
    parent.chmod(0o2770)
    kim, lee = (members.Member(name, uid) for name, uid in (("kim", 20001), ("lee", 20002)))
    with pytest.raises(homes.HomeError, match="others can exchange"):
        homes.make(kim, 20003, parent)
    homes.protect(parent)
    assert (parent.stat().st_uid, parent.stat().st_mode & 0o7777) == (0, 0o755)
    homes.make(kim, 20003, parent)
    found = (parent / "kim").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (20001, 20003, 0o700)
    (parent / "kim").chmod(0o777)
    homes.make(kim, 20003, parent)
    assert (parent / "kim").stat().st_mode & 0o777 == 0o700
    for put in (
        lambda: (parent / "lee").symlink_to(parent / "kim"),
        lambda: (parent / "lee").write_text(""),
        lambda: shutil.copytree(parent / "kim", parent / "lee"),
    ):
        put()
        with pytest.raises(homes.HomeError, match="no folder of its user"):
            homes.make(lee, 20003, parent)
        (parent / "lee").rename(parent / f"was-{put.__code__.co_firstlineno}")


@pytest.mark.skipif(os.geteuid() != 0, reason="root makes homes")
def test_where_root_is_nobody_owners_make_their_homes_and_rename_no_others(
    load: Load, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    homes, members = load("homes"), load("members")
    parent = Path(tempfile.mkdtemp(dir="/tmp"))
    request.addfinalizer(lambda: shutil.rmtree(parent))
    os.chown(parent, 20009, 20003)
    parent.chmod(0o2770)

    def squashed(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(homes.os, "chown", squashed)
    monkeypatch.setattr(homes, "_give", squashed)
    homes.protect(parent)
    assert (parent.stat().st_uid, parent.stat().st_mode & 0o7777) == (20009, 0o3770)
    kim, lee = (members.Member(name, uid) for name, uid in (("kim", 20001), ("lee", 20002)))
    for each in (kim, lee, kim):
        homes.make(each, 20003, parent)
    assert (parent / "kim").stat().st_uid == 20001
    assert not homes._as(20002, 20003, lambda: (parent / "kim").rename(parent / "was"))
    stranger = members.Member("other", 20004)
    with pytest.raises(homes.HomeError):
        homes.make(stranger, 20005, parent)
