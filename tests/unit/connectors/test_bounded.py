"""What a node sends has an end, in size and in time, for whoever reads it."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker.errors
import pytest

from cluster.connectors import base, bounded, engine
from cluster.connectors.base import Connection
from cluster.connectors.bounded import StrangeError
from cluster.connectors.local import LocalConnection
from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import Target
from cluster.errors import NodeError
from tests.support.fake_clock import FakeClock
from tests.support.fake_http import Reply
from tests.support.fakes import FakeConnection, content, fake_fleet, fake_node, frames, reply

SECONDS = 10.0
MB = 1 << 20


@pytest.fixture(params=["ssh", "local"])
def connection(
    request: pytest.FixtureRequest, target: Target, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection]:
    monkeypatch.setattr(base, "MOST_OUTPUT", MB)
    made: Connection = (
        SshConnection(target, SECONDS) if request.param == "ssh" else LocalConnection("c01")
    )
    yield made
    made.close()


@pytest.mark.parametrize("where", ["", ">&2", "| tr -d '\\n'", "| tr -d '\\n' >&2"])
def test_a_command_that_prints_without_end_is_ended_and_named(
    connection: Connection, where: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(NodeError, match="c01: it prints more than 1 MB, and was ended: yes"):
        connection.run(f"yes {where}", deadline=SECONDS, on_line=lambda _: None)
    assert time.monotonic() - begun < SECONDS
    assert connection.run("echo more", deadline=SECONDS).text == "more"


def test_what_a_command_may_print_comes_whole(connection: Connection) -> None:
    assert len(connection.run(f"head -c {MB} /dev/zero", deadline=SECONDS).stdout) == MB


def test_an_answer_that_is_too_large_costs_its_own_node_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded, "MOST_ANSWER", MB)
    fleet = fake_fleet("c01", "c02")
    fleet.connections["c01"].on("GET /info", reply({"Name": "x" * 2 * MB}))
    fleet.connections["c02"].on("GET /info", reply({"Name": "c02"}))

    def name(node: object) -> str:
        with fleet.node(node.name).talking("reading its state") as asked:  # type: ignore[attr-defined]
            return str(asked.info()["Name"])

    found = fleet.each(name)
    assert found.values == {"c02": "c02"}
    assert found.errors["c01"].what == (
        "c01: reading its state: its answer is not of its form (StrangeError: more than 1 MB)"
    )


@pytest.mark.parametrize("answer", [content(b"[" * 200_000), Reply(chunks=(b"{" * 9,))])
def test_an_answer_that_no_parser_takes_is_an_error_of_the_node(answer: Reply) -> None:
    connection = FakeConnection("c01")
    connection.on("GET /info", answer)
    with (
        pytest.raises(NodeError, match="c01: asking: "),
        fake_node(connection).talking("asking") as e,
    ):
        e.info()


def test_more_containers_than_anybody_has_are_none() -> None:
    connection = FakeConnection("c01")
    connection.on("GET /containers/json", reply([{"Id": str(i)} for i in range(2001)]))
    node = fake_node(connection)
    with pytest.raises(NodeError, match="more than 2000 containers"), node.talking() as asked:
        list(asked.inspected())
    assert len(connection.wire) == 1


def test_a_byte_now_and_then_does_not_keep_a_command_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock()
    clock.look = 9
    monkeypatch.setattr(bounded, "time", clock)
    with pytest.raises(TimeoutError):
        list(bounded.limited(itertools.repeat(b"x"), MB, 30))
    with pytest.raises(TimeoutError):
        list(bounded.events(itertools.repeat(b'{"status": "Pulling"}\r\n'), 30))


def test_a_line_of_events_without_end_is_none() -> None:
    with pytest.raises(StrangeError, match="a line of more than 1 MB"):
        list(bounded.events(itertools.repeat(b"x" * bounded.CHUNK), SECONDS))


def test_events_come_however_they_are_cut() -> None:
    data = b'{"a": 1}\r\n\r\n{"b": "\xed\x95\x9c"}\r\n{"c": 3}'
    for size in (1, 2, 5, len(data)):
        chunks = [data[i : i + size] for i in range(0, len(data), size)]
        assert list(bounded.events(chunks, SECONDS)) == [{"a": 1}, {"b": "한"}, {"c": 3}]


@pytest.mark.parametrize("line", [b"[]", b"7", b"half {", b"[" * 200_000])
def test_a_line_that_is_no_event_breaks_the_stream(line: bytes) -> None:
    with pytest.raises(docker.errors.StreamParseError):
        list(bounded.events([line, b"\n"], SECONDS))


def test_a_command_in_a_container_that_says_nothing_and_does_not_end_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames("begun\n")[:-2])
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            bounded.output(ours, 0.2)
        assert time.monotonic() - begun < SECONDS


def test_a_command_in_a_container_that_prints_without_end_is_given_up() -> None:
    ours, theirs = socket.socketpair()

    def print_on() -> None:
        try:
            while True:
                theirs.sendall(frames("x" * bounded.CHUNK))
        except OSError:
            theirs.close()

    writer = threading.Thread(target=print_on)
    writer.start()
    try:
        with pytest.raises(StrangeError, match="more than 1 MB"):
            bounded.output(ours, SECONDS)
    finally:
        ours.close()
        writer.join()


def test_what_a_command_in_a_container_says_comes_whole() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(frames("out\n") + frames("err\n", stream=2))
        assert bounded.output(ours, SECONDS) == b"out\nerr\n"


def test_an_engine_leads_no_request_to_anybody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "docker.sock"
    monkeypatch.setattr(engine, "SOCKET", str(path))
    with socket.create_server(("127.0.0.1", 0)) as other, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        location = f"http://127.0.0.1:{other.getsockname()[1]}/secret"

        def redirect() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(bounded.CHUNK)
                head = f"HTTP/1.1 307 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
                connection.sendall(head.encode())

        thread = threading.Thread(target=redirect)
        thread.start()
        node = fake_node(FakeConnection("c01"))
        node.connection = LocalConnection("c01")
        with (
            pytest.raises(NodeError, match=r"c01: asking: .*127\.0"),
            node.talking("asking") as asked,
        ):
            asked.info()
        thread.join()
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()
