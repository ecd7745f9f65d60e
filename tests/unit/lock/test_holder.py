"""Who holds the lock, and whether that process still lives."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from cluster.lock.holder import Holder, LockedError


def test_a_holder_is_read_back() -> None:
    me = Holder.me("docker.apply")
    assert Holder.parse(me.dumps()) == me


def test_nobody_is_nobody() -> None:
    for text in ("", "{}", "null", "[]", '{"who": "x"}', "broken {"):
        assert Holder.parse(text) is None


def test_this_process_lives() -> None:
    me = Holder.me("docker.apply")
    assert me.lives()
    assert not me.died()


def test_a_process_that_ended_here_has_died() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert replace(Holder.me("x"), pid=process.pid).died()


def test_another_process_of_the_same_number_is_not_the_holder() -> None:
    assert replace(Holder.me("x"), born="1").died()


def test_of_another_machine_nothing_is_known() -> None:
    there = replace(Holder.me("x"), machine="another")
    assert not there.lives()
    assert not there.died()


def test_a_process_that_another_user_hides_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int, signal: int) -> None:
        raise PermissionError

    hidden = replace(Holder.me("x"), pid=2**22 + 1)  # above the kernel's largest number
    monkeypatch.setattr(os, "kill", forbidden)
    assert not hidden.died()


def test_the_message_names_who_and_what() -> None:
    me = Holder.me("docker.apply")
    error = LockedError(me)
    assert error.exit_code == 75
    assert me.who in error.what
    assert "docker.apply" in error.what
