"""A steady load on a page behind the front door, by clients that nobody here wrote."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import websocket
from requests.adapters import HTTPAdapter

_CLIENTS = 20


@dataclass
class Seen:
    """What clients got.

    Attributes:
        words: how often each answer came. lost: why requests got none.
        slowest: seconds of the slowest answer. sockets: words that came by WebSockets.
        downloaded: bytes of the slow download.
    """

    words: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    slowest: float = 0
    sockets: Counter[str] = field(default_factory=Counter)
    downloaded: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, seconds: float, word: str = "", why: str = "") -> None:
        """Note what came of one request."""
        with self._lock:
            self.slowest = max(self.slowest, seconds)
            if why:
                self.lost.append(why)
            else:
                self.words[word] += 1


@dataclass(frozen=True)
class Target:
    """A page: its address, where its name leads, and the authority that its certificate is from."""

    url: str
    address: str
    ca: Path

    @property
    def host(self) -> str:
        """Its host name."""
        return self.url.removeprefix("https://").partition(":")[0]

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.url.rpartition(":")[2])

    def session(self) -> requests.Session:
        """Return a client that keeps its connection, and tries nothing twice."""
        made = requests.Session()
        made.trust_env, made.verify = False, str(self.ca)
        made.headers["Host"] = f"{self.host}:{self.port}"
        made.mount("https://", _Named(self.host))
        return made

    def at(self, path: str = "/") -> str:
        """Return the address that a session asks."""
        return f"https://{self.address}:{self.port}{path}"

    def socket(self) -> websocket.WebSocket:
        """Open a WebSocket."""
        plain = socket.create_connection((self.address, self.port), timeout=20)
        context = ssl.create_default_context(cafile=str(self.ca))
        made: websocket.WebSocket = websocket.create_connection(
            f"wss://{self.host}:{self.port}/ws",
            socket=context.wrap_socket(plain, server_hostname=self.host),
            timeout=20,
        )
        return made


class _Named(HTTPAdapter):
    """Speaks TLS with a name, wherever the connection leads."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **words: Any) -> None:
        super().init_poolmanager(
            *arguments, server_hostname=self._name, assert_hostname=self._name, **words
        )


@contextmanager
def load(target: Target, rate: int = 200) -> Iterator[Seen]:
    """Ask for the page at a steady rate, by connections that stay open, until the block ends."""
    seen, ended = Seen(), threading.Event()
    begin, each = time.monotonic(), _CLIENTS / rate

    def client(number: int) -> None:
        session, turn = target.session(), 0
        while not ended.wait(
            max(0.0, begin + (turn + number / _CLIENTS) * each - time.monotonic())
        ):
            turn += 1
            _ask(session, target, seen)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


def _ask(session: requests.Session, target: Target, seen: Seen) -> None:
    began = time.monotonic()
    try:
        answer = session.get(target.at(), timeout=30)
        took = time.monotonic() - began
        if answer.status_code == 200:
            seen.note(took, answer.text)
        else:
            seen.note(took, why=f"{answer.status_code} {answer.text[:80]}")
    except requests.RequestException as error:
        seen.note(time.monotonic() - began, why=str(error))
