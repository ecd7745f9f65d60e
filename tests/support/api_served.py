"""The API server as it is, on a port of the loopback, between two stand-ins."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import uvicorn
from sse_starlette.sse import AppStatus

from api import app, facade_config
from api.config import Config
from tests.support.api_stand_ins import (
    ISSUER,
    SECRET,
    AccountsStandIn,
    GateStandIn,
    accounts,
    looked,
    row,
)

_SECONDS = 20


@dataclass
class Served:
    """The server, and whom it asks."""

    url: str
    app: Any
    gate: GateStandIn
    accounts: AccountsStandIn

    def begin(self) -> None:
        """Forget what was asked, and have the stand-ins answer as at first."""
        self.gate.asked.clear()
        self.gate.answers = {"look": looked(row(), row("lab", "secret-thing", urls=[]))}
        self.accounts.asked.clear()
        self.accounts.is_away = False

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> Any:
        """Return what is answered; "" for the token of an owner of vision, "-" for none."""
        shown = token or self.accounts.access()
        headers = {} if token == "-" else {"Authorization": f"Bearer {shown}"}
        headers |= more.pop("headers", {})
        options = {"timeout": _SECONDS, "allow_redirects": False, **more}
        return requests.request(method, f"{self.url}{path}", headers=headers, **options)


@contextmanager
def serving(folder: Path, tango: facade_config.Config | None = None) -> Iterator[Served]:
    """Serve, with one deployment of the project vision and one of lab.

    Args:
        tango: what is settled for TANGO's manager; None for nothing.
    """
    (folder / "swagger-ui.css").write_text("a {}")
    gate = GateStandIn(folder / "socket")
    with accounts() as found, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        given = Config(found.url, ISSUER, SECRET, str(gate.path), folder)
        made = app.make(given, tango or facade_config.Config())
        server = uvicorn.Server(uvicorn.Config(made, log_level="critical", ws="none"))
        # (Another server of this process, which has ended, is none of this one's.)
        AppStatus.should_exit = False
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        ends = time.monotonic() + _SECONDS
        while not server.started:
            assert thread.is_alive(), "the server ended"
            assert time.monotonic() < ends
            time.sleep(0.01)
        try:
            all_of_it = Served(f"http://127.0.0.1:{listener.getsockname()[1]}", made, gate, found)
            all_of_it.begin()
            yield all_of_it
        finally:
            server.should_exit = True
            thread.join(_SECONDS)
            gate.close()
