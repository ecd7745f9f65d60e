"""The front door's rules: its pages, their cookies, and what other origins may ask. Pure.

Ports of one host share one jar of cookies, and pages are servers of others: so each page has a
cookie of its own, and is sent none of those that are the door's.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

LOGIN = "login"
"""What the login page is called where pages are: no page can have that name."""
DEPLOYMENT = "~"
"""What a deployment's page begins with where pages are: none of the platform's does."""
LONGEST_PATH = 2000
STATE_SECONDS = 600

_EVERYWHERE = "skp"  # (config.AUDIENCE)
_PREFIX = "__Host-skp-"
_STATE = "-state"
# (Browsers treat the prefix without regard to case, and programs behind the door may skip what
# stands before a name: none of these is passed on.)
_OURS = re.compile(r"\W*__host-skp-", re.ASCII | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON may have one alone, which can't be sent
_PAGE = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?", re.ASCII)
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NAVIGATES = frozenset({"GET", "HEAD"})
_HERE = frozenset({"", "same-origin", "none"})


class PagesError(ValueError):
    """A pages.json is not of its form."""


@dataclass(frozen=True)
class Page:
    """A page behind the door.

    Attributes:
        url: its origin.
        asks: "account" if the door asks for the account, "own" if the page has a login of its own.
        path: where it begins.
        wants_token: whether it is told who asks.
    """

    name: str
    title: str
    url: str
    asks: str
    path: str = "/"
    wants_token: bool = False

    def described(self) -> dict[str, str]:
        """Return what a browser may know of it."""
        where = f"{self.url}{self.path}"
        return {"name": self.name, "title": self.title, "url": where, "asks": self.asks}


@dataclass(frozen=True)
class Pages:
    """All pages behind the door.

    Attributes:
        login: the login page's origin, "" where there is no door.
        deployments: what stands after the first label of a deployment's host name, with the port;
            "" where deployments have no names.
    """

    login: str = ""
    pages: Mapping[str, Page] = field(default_factory=dict)
    deployments: str = ""

    def deployment(self, host: str) -> Page | None:
        """Return the page of a deployment's host name; None where there are no such names.

        Args:
            host: the first label. Whether there is a deployment, the door knows alone.
        """
        if not self.deployments or not _LABEL.fullmatch(host):
            return None
        url = f"https://{host}.{self.deployments}"
        return Page(f"{DEPLOYMENT}{host}", host, url, "account")


@dataclass(frozen=True)
class Asked:
    """A request to a page, as the door tells of it; what a request has not is "".

    Attributes:
        uri: its path and query.
        site, mode: its headers Sec-Fetch-Site and Sec-Fetch-Mode.
        is_upgrade: whether it is to become something else than HTTP.
        is_socket: whether it opens a WebSocket.
    """

    method: str
    uri: str
    origin: str
    site: str
    mode: str
    accept: str
    is_upgrade: bool
    is_socket: bool

    @property
    def is_navigation(self) -> bool:
        """Whether a person opens a page by it, so that a login page may be the answer."""
        is_get = self.method in _NAVIGATES and not self.is_upgrade
        return is_get and "text/html" in self.accept.lower()


def is_foreign(asked: Asked, url: str) -> bool:
    """Return whether a page of another origin makes this request, and may not.

    Args:
        url: the origin of the page that is asked.
    """
    if (asked.method not in _SAFE or asked.is_socket) and asked.origin not in ("", url):
        return True
    if asked.site in _HERE or not asked.mode:
        return False
    return asked.mode != "navigate" or asked.method not in _NAVIGATES


def parse(text: str) -> Pages:
    """Return the pages that a pages.json tells of.

    Raises:
        ValueError: it is not of its form.
    """
    given = json.loads(text)
    if not isinstance(given, dict) or not isinstance(given.get("pages"), dict):
        raise PagesError("no object of pages")
    pages = {name: _page(name, told) for name, told in given["pages"].items()}
    told = given.get("deployments", "")
    deployments = _origin(f"https://{told}").removeprefix("https://") if told else ""
    return Pages(_origin(given.get("login")), pages, deployments)


def _page(name: str, told: Any) -> Page:
    # (A token for "skp" would count at all services; "x-state" would have the cookie of x's state.)
    if not _PAGE.fullmatch(name) or name in (LOGIN, _EVERYWHERE) or name.endswith(_STATE):
        raise PagesError("a name that no page can have")
    if not isinstance(told, dict) or told.get("asks") not in ("account", "own"):
        raise PagesError(f"{name}: asks neither for the account nor by itself")
    title, path = told.get("title", name), told.get("path", "/")
    if not isinstance(title, str) or not isinstance(path, str):
        raise PagesError(f"{name}: its title or its path is no text")
    wants_token = told.get("wants_token") is True
    return Page(name, title, _origin(told.get("url")), told["asks"], local_path(path), wants_token)


def _origin(url: Any) -> str:
    """Return an origin as browsers write it; raises PagesError if `url` is none with TLS."""
    if not isinstance(url, str):
        raise PagesError("an address that is no text")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise PagesError("an address that is no https://HOST:PORT")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise PagesError("an address with more than host and port")
    host = parts.hostname
    if ":" in host:
        host = f"[{ipaddress.IPv6Address(host)}]"
    elif not _HOST.fullmatch(host):
        raise PagesError("an address without a host's name")
    return f"https://{host}" + (f":{parts.port}" if parts.port not in (None, 443) else "")


def session_cookie(page: str) -> str:
    """Return the name of the cookie with a page's session."""
    return f"{_PREFIX}{page}"


def state_cookie(page: str) -> str:
    """Return the name of the cookie that binds a login to the browser that began it."""
    return f"{_PREFIX}{page}{_STATE}"


def read_cookie(header: str, name: str) -> str:
    """Return a cookie's opaque value from a header Cookie; "" if it has none, or not exactly one.

    Only ";" parts cookies here: a comma may be part of another cookie's value, which a page without
    TLS can set, where it can't set a cookie with this prefix.
    """
    found = []
    for part in header.split(";"):
        key, _, value = part.strip(" \t").partition("=")
        if key.lower() == name.lower():
            found.append(value if key == name else "")
    return found[0] if len(found) == 1 and _OPAQUE.fullmatch(found[0]) else ""


def clean_cookies(header: str) -> str:
    """Return a header Cookie without the door's own cookies; "" if nothing is left.

    Several headers come joined by commas, and some servers part cookies at them: so what follows a
    comma is looked at like a cookie too. Quotes join nothing, neither here nor in browsers.
    """
    kept = []
    for part in header.split(";"):
        others = (piece for piece in part.split(",") if not _OURS.match(piece))
        left = ",".join(others).strip(" \t")
        if left and not _CONTROL.search(left):
            kept.append(left)
    return "; ".join(kept)


def cookie(name: str, value: str, seconds: int) -> str:
    """Return a header Set-Cookie; with 0 seconds it deletes the cookie.

    Args:
        seconds: for how long the browser keeps it.
    """
    return f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}"


def local_path(text: str) -> str:
    """Return `text` if it is a path of this very origin, else "/"."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\"))
    is_sound = len(text) <= LONGEST_PATH and not _CONTROL.search(text)
    return text if is_local and is_sound and not _SURROGATE.search(text) else "/"


def path_header(path: str) -> str:
    """Return a local path as a header Location may have it; what is quoted stays as it is."""
    return quote(local_path(path), safe="!#$%&'()*+,/:;=?@[]~")


def login_url(pages: Pages, page: str, path: str, state: str) -> str:
    """Return where one logs in who wants to see `path` of a page."""
    return f"{pages.login}/?{_query(page=page, path=local_path(path), state=state)}"


def enter_url(page: Page, code: str, path: str, state: str) -> str:
    """Return where a page's session is had for a code."""
    told = state if _OPAQUE.fullmatch(state) else ""
    return f"{page.url}/.skp/enter?{_query(code=code, path=local_path(path), state=told)}"


def _query(**fields: str) -> str:
    return urlencode(fields, quote_via=quote)


def client_address(forwarded: str) -> str | None:
    """Return the last address of a header X-Forwarded-For; None if it is no address."""
    try:
        found = ipaddress.ip_address(forwarded.rpartition(",")[2].strip())
    except ValueError:
        return None
    return None if "%" in str(found) else str(found)
