"""Known hosts as OpenSSH reads them: at a real server, which is then let in or not."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cluster.connectors.ssh_config import Target
from cluster.connectors.ssh_hostkeys import UnknownHostError
from cluster.errors import NodeError
from tests.support.fake_sshd import FakeSshd
from tests.support.logins import known, log_in, options

FOREIGN = {
    "an authority of others": "@cert-authority *.corp.example {other}",
    "a key of others that is revoked": "@revoked * {other}",
    "a marker of the future": "@somewhere * {other}",
    "a line cut short": "host ssh-ed25519 AAAAC",
    "half a line": "host ssh-ed25519",
    "no key": "127.0.0.1 ssh-ed25519 abc",
    "SSH 1": "old 1024 35 123",
    "a kind that is not known": "host ssh-future {other_key}",
    "a hash that is none": "|1|x|y {other}",
    "blanks": "   ",
    "a comment": "  # {other}",
}


@pytest.mark.parametrize("line", FOREIGN.values(), ids=FOREIGN)
def test_a_line_that_says_nothing_of_this_host_is_passed_over(
    target: Target, keys: Mapping[str, Path], line: str
) -> None:
    kind, key, _ = keys["other-host"].with_suffix(".pub").read_text().split()
    foreign = line.format(other=f"{kind} {key}", other_key=key)
    own = known(target).read_bytes()
    known(target).write_bytes(f"{foreign}\n".encode() + b"# caf\xe9\n" + own)
    log_in(target)


PLACES = {
    "a pattern": "[127.0.0.*]:*",
    "a pattern among others": "c0?,[127.0.0.?]:{port},other",
    "upper case": "NODE,[127.0.0.1]:{port}",
}


@pytest.mark.parametrize("names", PLACES.values(), ids=PLACES)
def test_patterns_are_read_as_openssh_reads_them(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path], names: str
) -> None:
    kind, key, _ = keys["host"].with_suffix(".pub").read_text().split()
    known(target).write_text(f"{names.format(port=sshd.port)} {kind} {key} comment of two\n")
    log_in(target)


def test_a_pattern_may_leave_a_host_out(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    kind, key, _ = keys["host"].with_suffix(".pub").read_text().split()
    known(target).write_text(f"*,![127.0.0.1]:{sshd.port},!127.0.0.1 {kind} {key}\n")
    with pytest.raises(UnknownHostError):
        log_in(target)


def test_names_may_be_hashed(target: Target, sshd: FakeSshd) -> None:
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known(target)], check=True)
    assert str(sshd.port) not in known(target).read_text()
    log_in(target)


def test_one_of_several_known_keys_is_enough(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    kind, key, _ = keys["other-host"].with_suffix(".pub").read_text().split()
    own = known(target).read_text()
    known(target).write_text(f"[127.0.0.1]:{sshd.port} {kind} {key}\n{own}")
    log_in(target)


def test_a_key_that_is_revoked_is_refused(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    kind, key, _ = keys["host"].with_suffix(".pub").read_text().split()
    own = known(target).read_text()
    known(target).write_text(f"{own}@revoked * {kind} {key}\n")
    with pytest.raises(NodeError, match=r"the SSH host key of .* is revoked"):
        log_in(target)
    assert sshd.offered == []


def test_an_authority_is_named_where_nothing_else_is_known(
    target: Target, keys: Mapping[str, Path]
) -> None:
    kind, key, _ = keys["other-host"].with_suffix(".pub").read_text().split()
    known(target).write_text(f"@cert-authority * {kind} {key}\n")
    with pytest.raises(UnknownHostError, match="whose signatures SKP can't verify"):
        log_in(target)


@pytest.mark.parametrize("nowhere", ["/dev/null", "none", "/dev/null /dev/null"])
def test_where_nothing_is_to_be_kept_the_usual_file_counts(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nowhere: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    keeping = options(target, userknownhostsfile=nowhere)
    with pytest.raises(UnknownHostError) as refused:
        log_in(keeping)
    assert refused.value.file == "~/.ssh/known_hosts"
    assert "/dev/null" not in refused.value.hint
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(refused.value.line)
    log_in(keeping)


def test_a_file_of_known_hosts_that_can_t_be_read_is_named(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(NodeError, match="can't be read as known hosts: Permission denied"):
        log_in(target)
