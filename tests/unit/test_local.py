"""Commands on this machine itself: their results, and their deadline."""

from __future__ import annotations

import time

import pytest

from cluster.connectors.local import LocalConnection, is_this_machine
from cluster.errors import DeadlineError


def test_output_errors_and_exit_code_are_kept_apart() -> None:
    done = LocalConnection("here").run("cat; echo bad >&2; exit 3", stdin=b"in", deadline=10)
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"in", b"bad\n")


def test_lines_come_as_they_are_written() -> None:
    seen: list[str] = []
    LocalConnection("here").run("echo a >&2; echo b >&2", deadline=10, on_line=seen.append)
    assert seen == ["a", "b"]


def test_much_input_and_output_do_not_block_each_other() -> None:
    much = b"x" * (4 << 20)
    assert LocalConnection("here").run("cat", stdin=much, deadline=20).stdout == much


@pytest.mark.parametrize("command", ["sleep 20", "sleep 20; true", "sleep 20 & wait"])
def test_a_command_is_ended_with_its_children_at_its_deadline(command: str) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="not done within"):
        LocalConnection("here").run(command, deadline=0.5)
    assert time.monotonic() - begun < 10


def test_own_addresses_are_told_from_others() -> None:
    assert is_this_machine("127.0.0.1")
    assert not is_this_machine("192.0.2.1")
