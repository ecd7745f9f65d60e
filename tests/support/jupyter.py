"""Jupyter as its users meet it: the login page's form, a real client of kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from jupyter_kernel_client import JupyterKernelClient

from tests.support.lab import JUPYTER

SECONDS = 30


def log_in(password: str) -> requests.Session:
    """Send the login page's form, as a browser does."""
    browser = requests.Session()
    browser.get(f"{JUPYTER}/login", timeout=SECONDS)
    browser.post(
        f"{JUPYTER}/login",
        data={"password": password, "_xsrf": browser.cookies["_xsrf"]},
        timeout=SECONDS,
    )
    return browser


def may_enter(browser: requests.Session) -> bool:
    answer = browser.get(f"{JUPYTER}/api/contents", timeout=SECONDS)
    assert answer.status_code in (200, 403)
    return answer.status_code == 200


@contextmanager
def kernel(url: str, headers: dict[str, str]) -> Iterator[Any]:
    # The client sends a token's header on requests, and the token itself on its WebSocket.
    token = headers.get("Authorization", "").removeprefix("token ")
    client = JupyterKernelClient(server_url=url, token=token, headers=headers)
    client.start()
    try:
        yield client
    finally:
        client.stop()


def bearer(token: str) -> dict[str, str]:
    """Return the header by which the kernel gateway knows its users."""
    return {"Authorization": f"token {token}"}


def result(client: Any, code: str, seconds: float = 120) -> str:
    """Return the value of the code's last line, which may be followed by what a program logs."""
    reply = client.execute(code, timeout=seconds)
    assert reply["status"] == "ok", reply
    return [str(out["data"]["text/plain"]) for out in reply["outputs"] if "data" in out][-1]
