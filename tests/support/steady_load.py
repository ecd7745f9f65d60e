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
from typing import Any, NamedTuple

import requests
import websocket
from requests.adapters import HTTPAdapter

_CLIENTS = 20


REQUEST, SOCKET, DOWNLOAD = "request", "WebSocket", "download"


class Lost(NamedTuple):
    """What a client asked for and did not get: a request, a WebSocket or a download; and why."""

    what: str
    why: str


class Answer(NamedTuple):
    """When an answer came, by `time.monotonic()`; how many seconds it took; and what it said."""

    at: float
    seconds: float
    word: str


@dataclass
class Seen:
    """What clients got.

    Attributes:
        words: how often each answer came. answers: each of them. lost: what did not come.
        slowest: seconds of the slowest answer. sockets: words that came by WebSockets.
        talks: how many WebSockets were asked for.
        downloaded: bytes of the slow download.
    """

    words: Counter[str] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    slowest: float = 0
    sockets: Counter[str] = field(default_factory=Counter)
    talks: int = 0
    downloaded: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, seconds: float, word: str = "", why: str = "") -> None:
        """Note what came of one request."""
        with self._lock:
            self.slowest = max(self.slowest, seconds)
            if why:
                self.lost.append(Lost(REQUEST, why))
            else:
                self.words[word] += 1
                self.answers.append(Answer(time.monotonic(), seconds, word))

    def many_lost(self, what: str) -> int:
        """Return how many requests, WebSockets or downloads were lost."""
        return sum(each.what == what for each in self.lost)


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


@contextmanager
def talking(page: Target, seen: Seen, talkers: int = 3) -> Iterator[None]:
    """Have so many speak by WebSockets, until the block ends."""
    ended = threading.Event()
    threads = [threading.Thread(target=_talk, args=(page, ended, seen)) for _ in range(talkers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


def _talk(page: Target, ended: threading.Event, seen: Seen) -> None:
    """Speak by one WebSocket after another, each for two seconds."""
    while not ended.is_set():
        seen.talks += 1
        try:
            channel = page.socket()
            for number in range(20):
                channel.send(str(number))
                word, _, back = str(channel.recv()).partition(" ")
                assert back == str(number)
                seen.sockets[word] += 1
                ended.wait(0.1)
            channel.close()
        except (AssertionError, OSError, Exception) as error:  # noqa: BLE001 - all is a loss
            seen.lost.append(Lost(SOCKET, repr(error)))
            ended.wait(0.1)


@contextmanager
def downloading(page: Target, kilobytes: int, seconds: int, seen: Seen) -> Iterator[None]:
    """Load something slowly beside the block, which ends when all of it came, or will not."""
    thread = threading.Thread(target=_download, args=(page, kilobytes, seconds, seen))
    thread.start()
    try:
        yield
    finally:
        thread.join(60 + 2 * seconds)


def _download(page: Target, kilobytes: int, seconds: int, seen: Seen) -> None:
    there, why = page.at(f"/slow?kb={kilobytes}&seconds={seconds}"), ""
    try:
        answer = page.session().get(there, stream=True, timeout=30 + seconds)
        for chunk in answer.iter_content(1024):
            seen.downloaded += len(chunk)
    except Exception as error:  # noqa: BLE001 - all is a loss
        why = repr(error)
    if why or seen.downloaded != kilobytes << 10:
        seen.lost.append(Lost(DOWNLOAD, f"{seen.downloaded} bytes; {why}"))
