"""The front door as a browser and other clients use it: certificates are checked as they do."""

from __future__ import annotations

import json
import shlex
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import websocket

from tests.support.accounts import PASSWORD, Env
from tests.support.data_volumes import until
from tests.support.lab import on, skp

HOST = "10.99.0.11"
LOGIN, SPARK, HISTORY = (f"https://{HOST}:{port}" for port in (9070, 9030, 19080))
JUPYTER, KERNELS, AIRFLOW, API = (f"https://{HOST}:{port}" for port in (9010, 9020, 9040, 9060))
HTML = {"Accept": "text/html"}
ECHO = "skp-lab-echo"
_ECHO = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = json.dumps([[k.lower(), v] for k, v in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
ThreadingHTTPServer(("", PORT), Echo).serve_forever()
"""


class Visitor:
    """A browser without scripts: it keeps cookies, and does what the login page's script does."""

    def __init__(self, ca: Path) -> None:
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = str(ca), False

    def get(self, url: str, **headers: str) -> requests.Response:
        """Ask for a page, and follow nothing."""
        return self.session.get(url, headers=headers, allow_redirects=False, timeout=20)

    def post(self, path: str, body: Any, origin: str = LOGIN) -> requests.Response:
        """Ask the account service on the login page's host."""
        headers = {"Origin": origin}
        return self.session.post(f"{LOGIN}{path}", json=body, headers=headers, timeout=20)

    def log_in(self, name: str, password: str = PASSWORD) -> dict[str, Any]:
        """Log in on the login page, and return what it shows."""
        answer = self.post("/door/login", {"name": name, "password": password})
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def asked_to_log_in(self, url: str) -> dict[str, str]:
        """Open a page that sends to the login page; return what it says there."""
        sent = self.get(url, **HTML)
        assert sent.status_code == 302, sent.text
        there = urlsplit(sent.headers["Location"])
        assert f"{there.scheme}://{there.netloc}" == LOGIN
        return {key: values[0] for key, values in parse_qs(there.query).items()}

    def ticket(self, url: str) -> str:
        """Open a page and have the login page give the address to enter it by."""
        answer = self.post("/door/enter", self.asked_to_log_in(url))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["location"])

    def enter(self, url: str) -> requests.Response:
        """Open a page that asks for the account, by way of the login page."""
        entered = self.get(self.ticket(url))
        assert entered.status_code == 302, entered.text
        parts = urlsplit(url)
        return self.get(f"{parts.scheme}://{parts.netloc}{entered.headers['Location']}", **HTML)


def authority(folder: Path, env: Env) -> Path:
    """Return the file of the authority's certificate, as gateway.ca prints it."""
    path = folder / "ca.crt"
    path.write_text(skp("gateway.ca", env=env).out)
    return path


@contextmanager
def echo(alias: str, port: int) -> Iterator[None]:
    """Have a container of a user's take a page's place: it answers with the headers it was sent."""
    script = shlex.quote(_ECHO.replace("PORT", str(port)))
    made = on(
        "c01",
        f"docker run -d --rm --name {ECHO} --network net-skp-users --network-alias {alias} "
        f"--entrypoint python3 $(docker inspect -f {{{{.Image}}}} jupyter-skp) -c {script}",
    )
    assert made.code == 0, made.all
    try:
        yield
    finally:
        on("c01", f"docker rm -f {ECHO}")


def answered(get: Callable[[], requests.Response]) -> dict[str, str]:
    """Return the headers that reached the page; a container that has begun may not listen yet."""
    found = get()

    def answers() -> bool:
        nonlocal found
        found = get()
        return found.status_code not in (502, 504)

    if found.status_code in (502, 504):
        until(answers, 30)
    assert found.status_code == 200, found.text
    return dict(json.loads(found.text))


def socket_to(url: str, ca: Path, **headers: str) -> websocket.WebSocket:
    """Open a WebSocket through the door, as a library does that nobody here wrote."""
    made: websocket.WebSocket = websocket.create_connection(
        url,
        sslopt={"ca_certs": str(ca), "cert_reqs": ssl.CERT_REQUIRED},
        header=[f"{key}: {value}" for key, value in headers.items()],
        timeout=30,
    )
    return made


def run_in_kernel(channel: websocket.WebSocket, code: str) -> str:
    """Have a kernel run `code`, and return what it prints first."""
    header = {"msg_id": code, "username": "", "session": "x", "msg_type": "execute_request"}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    asked = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    channel.send(json.dumps({**asked, "channel": "shell", "buffers": []}))
    while True:
        said = json.loads(channel.recv())
        if said["msg_type"] == "stream" and said["parent_header"].get("msg_id") == code:
            return str(said["content"]["text"]).strip()
