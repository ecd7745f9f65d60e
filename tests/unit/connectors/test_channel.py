"""Deadlines of a channel, and lines out of bytes."""

from __future__ import annotations

import threading
from typing import cast

import paramiko

from cluster.connectors.base import Lines
from cluster.connectors.channel import closed_after


class Channel:
    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def test_a_channel_is_closed_when_the_block_takes_longer() -> None:
    channel = Channel()
    with closed_after(cast("paramiko.Channel", channel), 0.01) as late:
        assert channel.closed.wait(5)
    assert late.is_set()


def test_a_channel_stays_open_after_a_block_that_was_in_time() -> None:
    channel = Channel()
    with closed_after(cast("paramiko.Channel", channel), 0.05) as late:
        pass
    assert not channel.closed.wait(0.1)
    assert not late.is_set()


def test_lines_are_handed_on_once_they_are_whole() -> None:
    seen: list[str] = []
    lines = Lines(seen.append, lambda: None)
    for part in (b"on", b"e\ntwo\nth", b"ree"):
        lines.write(part)
    assert seen == ["one", "two"]
    assert lines.collected == b"one\ntwo\nthree"


def test_bytes_that_are_no_text_are_lines_too() -> None:
    seen: list[str] = []
    Lines(seen.append, lambda: None).write(b"\xff\n")
    assert seen == ["�"]
