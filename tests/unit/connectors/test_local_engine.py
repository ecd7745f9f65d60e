"""This machine as a node: its engine's socket, streams as input, and addresses without a route."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.connectors import engine, local
from cluster.connectors.local import LocalConnection, is_this_machine


@pytest.fixture
def docker_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Give the requests that arrive at a socket which stands in for the engine's."""
    path, seen = tmp_path / "docker.sock", list[bytes]()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            seen.append(connection.recv(1 << 16))
            body = json.dumps({"Name": "here"}).encode()
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )

    thread = threading.Thread(target=serve)
    thread.start()
    monkeypatch.setattr(engine, "SOCKET", str(path))
    yield seen
    thread.join()
    server.close()


def test_the_engine_is_asked_by_its_own_socket(docker_socket: list[bytes]) -> None:
    connection = LocalConnection("here")
    assert connection.engine(5).info()["Name"] == "here"
    assert docker_socket[0].startswith(b"GET /v1.44/info HTTP/1.1\r\n")
    connection.close()


def test_a_file_is_read_by_the_command_itself(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes(b"abc")
    with file.open("rb") as stdin:
        assert LocalConnection("here").run("cat", stdin=stdin, deadline=5).stdout == b"abc"


def test_a_pipe_is_read_while_it_is_written() -> None:
    read, write = os.pipe()

    def later() -> None:
        os.write(write, b"late")
        os.close(write)

    threading.Timer(0.01, later).start()
    with os.fdopen(read, "rb", buffering=0) as stdin:
        assert LocalConnection("here").run("cat", stdin=stdin, deadline=5).stdout == b"late"


def test_a_command_may_end_without_reading_its_input() -> None:
    done = LocalConnection("here").run("exit 4", stdin=b"x" * (1 << 20), deadline=5)
    assert done.exit_code == 4


def test_an_interruption_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def wait(self, timeout: float | None = None) -> int:
            if not started:
                started.append(self)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(local.subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        LocalConnection("here").run("exec >&- 2>&-; sleep 20", deadline=10)
    assert started[0].wait(5) == -9


def test_an_address_without_a_route_is_not_of_this_machine() -> None:
    assert not is_this_machine("255.255.255.255")


def test_text_and_complaint_of_a_command() -> None:
    done = LocalConnection("here").run("printf 'a\\nb\\n\\n'; seq 12 >&2", deadline=5)
    assert done.text == "a\nb"
    assert done.complaint(3) == "10\n11\n12"
    silent = LocalConnection("here").run("exit 3", deadline=5)
    assert silent.complaint() == "exit code 3, no message"
