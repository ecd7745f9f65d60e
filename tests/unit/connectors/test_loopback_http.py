"""HTTP with what listens on a node's loopback: here a real server of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from cluster.connectors.local import LocalConnection
from cluster.connectors.loopback_http import exchange
from cluster.connectors.node import Node
from tests.support.fakes import SHORT, FakeConnection, done, fake_host, fake_node


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    closing: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.closing.append(self.headers["Connection"])
        length = int(self.headers.get("Content-Length", 0))
        body = f"{self.command} {self.path} ".encode() + self.rfile.read(length)
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("X-Kind", "Test")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Handler.closing.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def here() -> Node:
    return Node(fake_host("here"), LocalConnection("here"), SHORT)


def request(method: str, path: str, body: str = "") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )


def test_several_requests_are_answered_in_their_order(here: Node, address: str) -> None:
    sent = [request("GET", "/a"), request("PUT", "/b", "data"), request("GET", "/none")]
    answers = exchange(here, address, sent)
    assert answers is not None
    assert [(a.status, a.body) for a in answers] == [
        (200, b"GET /a "),
        (200, b"PUT /b data"),
        (404, b"GET /none "),
    ]


def test_names_of_headers_are_in_lower_case(here: Node, address: str) -> None:
    answers = exchange(here, address, [request("GET", "/")])
    assert answers is not None
    assert answers[0].headers["x-kind"] == "Test"


def test_an_answer_without_a_body_does_not_swallow_the_next(here: Node, address: str) -> None:
    answers = exchange(here, address, [request("HEAD", "/a"), request("GET", "/b")])
    assert answers is not None
    assert [a.body for a in answers] == [b"", b"GET /b "]


def test_only_the_last_request_ends_the_connection(here: Node, address: str) -> None:
    exchange(here, address, [request("GET", "/a"), request("GET", "/b")])
    assert Handler.closing == [None, "close"]


def test_where_nobody_listens_there_is_no_answer(here: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert exchange(here, f"127.0.0.1:{port}", [request("GET", "/")]) is None


def test_who_hangs_up_at_once_gave_no_answer() -> None:
    connection = FakeConnection("c01")
    connection.on_run("/dev/tcp/127.0.0.1/5000", done(0, ""))
    assert exchange(fake_node(connection), "127.0.0.1:5000", [request("GET", "/")]) is None


def test_what_is_not_http_is_an_error() -> None:
    connection = FakeConnection("c01")
    connection.on_run("/dev/tcp", done(0, "220 mail ready\r\n"))
    with pytest.raises(HTTPException):
        exchange(fake_node(connection), "127.0.0.1:25", [request("GET", "/")])


def test_an_answer_that_breaks_off_is_an_error() -> None:
    connection = FakeConnection("c01")
    connection.on_run("/dev/tcp", done(0, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"))
    with pytest.raises(HTTPException):
        exchange(fake_node(connection), "127.0.0.1:5000", [request("GET", "/")])


def test_nothing_of_a_request_is_on_a_command_line() -> None:
    connection = FakeConnection("c01")
    connection.on_run("/dev/tcp", done(1))
    exchange(fake_node(connection), "127.0.0.1:5000", [request("PUT", "/hunter2", "hunter2")])
    assert "hunter2" not in connection.commands[0].command
    assert b"hunter2" in bytes(connection.commands[0].stdin)  # type: ignore[arg-type]
