"""The account service's rules that need no database: names, keys, passwords, rights."""

from __future__ import annotations

import base64
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parent.parent.parent / "images" / "docker-flask" / "backend"
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Return a loader of the program's modules, as its container has them."""
    monkeypatch.syspath_prepend(str(PROGRAM))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is there is in the image
    yield lambda name: importlib.import_module(f"accounts.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "accounts"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["kim", "a1", "kim-2", "x" * 32, "admin", "lee-of-vision"])
def test_names_of_the_pattern_are_taken(load: Load, name: str) -> None:
    assert load("names").check(name, frozenset()) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "k", "Kim", "KIM", "1kim", "-kim", "kim-", "ki--m", "ki_m", "ki.m", "kim ", " kim"),
        *(
            "kim\n",
            "k\u0456m",
            "\uae40",
            "kim\u200b",
            "\uff4b\uff49\uff4d",
            "x" * 33,
            "kim/..",
            "kim;id",
            "\u0131ii",
        ),
        *("root", "nobody", "www-data", "docker", "skp", "skp-x", "systemd-x", "kafka-skp", "ours"),
    ],
)
def test_other_names_are_refused(load: Load, name: str) -> None:
    with pytest.raises(load("errors").InvalidError):
        load("names").check(name, frozenset({"ours"}))


def test_every_user_and_group_of_this_system_is_refused(load: Load) -> None:
    lines = (
        Path("/etc/passwd").read_text().splitlines() + Path("/etc/group").read_text().splitlines()
    )
    names = load("names")
    debian = {
        line.split(":")[0] for line in lines if line.split(":")[2].isdigit() and
        (int(line.split(":")[2]) < 100 or int(line.split(":")[2]) == 65534)
    }  # fmt: skip
    for name in debian:
        with pytest.raises(load("errors").InvalidError):
            names.check(name, frozenset())


def public(kind: str, *fields: bytes) -> str:
    """Return a public key of these fields."""
    raw = b"".join(len(f).to_bytes(4) + f for f in (kind.encode(), *fields))
    return f"{kind} {base64.b64encode(raw).decode()}"


def test_keys_are_taken_with_their_comments(load: Load) -> None:
    text = public("ssh-ed25519", b"k" * 32)
    found = load("ssh_keys").parse(f"{text} kim@home  laptop\n")
    assert (found.text, found.comment, len(found.fingerprint)) == (text, "kim@home  laptop", 64)
    assert load("ssh_keys").parse(text).fingerprint == found.fingerprint


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "ssh-ed25519",
            "ssh-ed25519 !!!!",
            "ssh-ed25519 AAAA",
            " ".join(("-----BEGIN", "OPENSSH", "PRIVATE", "KEY-----")),
        ),
        'command="id" ' + public("ssh-ed25519", b"k" * 32),
        public("ssh-ed25519", b"k" * 32) + "\n" + public("ssh-ed25519", b"k" * 32),
        public("ssh-ed25519", b"k" * 32).replace("ssh-ed25519 ", "ssh-rsa "),
        public("ssh-dss", b"k" * 32),
        public("ssh-rsa", b"\x01\x00\x01", b"\x7f" + b"k" * 127),
        public("ssh-ed25519", b"k" * 5000),
    ],
)
def test_what_is_no_key_is_refused(load: Load, line: str) -> None:
    with pytest.raises(load("errors").InvalidError):
        load("ssh_keys").parse(line)


def test_a_fingerprint_of_openssh_is_the_one_that_is_kept(load: Load) -> None:
    keys = load("ssh_keys")
    raw = bytes(range(32))
    written = "SHA256:" + base64.b64encode(raw).decode().rstrip("=")
    assert keys.from_openssh(written) == raw.hex()
    for wrong in ("", raw.hex(), written[7:], written + "=", written[:-1], f"MD5:{written[7:]}"):
        with pytest.raises(load("errors").InvalidError, match="no fingerprint"):
            keys.from_openssh(wrong)


def test_a_token_for_programs_is_random_and_known_by_its_form(load: Load) -> None:
    text = load("program_text")
    made = {text.made() for _ in range(100)}
    assert len(made) == 100
    assert all(text.is_formed(each) and len(each) == 47 for each in made)
    (one, *_) = made
    wrong = ("", "skp_", one[4:], one[:-1], f"{one}A", f"{one}\n", f" {one}", one.upper())
    for other in (*wrong, f"skp_{'é' * 43}", f"skp_{'%' * 43}", "x.y.z"):
        assert not text.is_formed(other), other


def test_a_token_for_programs_counts_for_a_day_to_a_year(load: Load) -> None:
    text = load("program_text")
    assert [text.seconds(days) for days in ("1", "90", "365")] == [86400, 7776000, 31536000]
    for days in ("0", "366", "-1", "1.5", "", "x", " 1", "1\n", "\u0661", "0x1", "9" * 5000):
        with pytest.raises(load("errors").InvalidError, match="1 to 365 days"):
            text.seconds(days)


def test_a_label_has_the_form_of_a_name_and_may_be_anybodys(load: Load) -> None:
    check = load("names").check_form
    check("docker", "label")
    for label in ("", "x", "a b", "a/b", "a\nb", "<b>", "김철", "'; DROP TABLE", "..", "x" * 33):
        with pytest.raises(load("errors").InvalidError, match="that is no label; allowed: 2 to 32"):
            check(label, "label")


@pytest.mark.parametrize(
    "password", ["short", "x" * 257, "aaaaaaaaaaaaaaa", "kim-is-my-name", "twelve\tchars"]
)
def test_weak_passwords_are_refused_and_not_shown(load: Load, password: str) -> None:
    with pytest.raises(load("errors").InvalidError) as caught:
        load("passwords").check(password, "kim")
    assert password not in str(caught.value) + caught.value.hint


def test_a_generated_password_is_accepted(load: Load) -> None:
    passwords = load("passwords")
    assert passwords.check(passwords.generated(), "kim")


def test_levels_change_those_below(load: Load) -> None:
    rights = load("rights")
    user, manager, admin = rights.Level
    above = {
        (one, other)
        for one in rights.Level
        for other in rights.Level
        if rights.is_above(one, other)
    }
    assert above == {(admin, admin), (admin, manager), (admin, user), (manager, user)}
    rights.need_manager(manager)
    with pytest.raises(load("errors").RightsError):
        rights.need_manager(user)
    for wrong in (rights.level, rights.role):
        with pytest.raises(load("errors").InvalidError, match="allowed: "):
            wrong("king")
