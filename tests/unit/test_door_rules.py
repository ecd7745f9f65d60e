"""The front door's rules in the account service: pages, cookies, origins and paths."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

PROGRAM = Path(__file__).parent.parent.parent / "images" / "docker-flask" / "backend"
Load = Callable[[str], ModuleType]
LOGIN, SPARK = "https://10.0.0.1:9070", "https://10.0.0.1:9030"
TOKEN, OTHER = "t" * 43, "o" * 43


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    """Return a loader of the program's modules, as its container has them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PROGRAM))
        patch.setattr(sys, "dont_write_bytecode", True)  # what is there is in the image
        yield lambda name: importlib.import_module(f"accounts.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "accounts"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def door(load: Load) -> Any:
    return load("door")


def told(**pages: Any) -> str:
    """Return a pages.json with these pages."""
    shown = {
        name: {"title": name, "url": f"https://h:{9000 + index}", "asks": "account"} | more
        for index, (name, more) in enumerate(pages.items())
    }
    return json.dumps({"login": LOGIN, "pages": shown})


def test_pages_are_read_with_origins_as_browsers_write_them(door: Any) -> None:
    text = told(
        spark={"title": "Spark", "url": "https://Spark.Example:443/"},
        six={
            "url": "https://[FD00:0::1]:9031",
            "asks": "own",
            "path": "/lab/",
            "wants_token": True,
        },
    )
    found = door.parse(text)
    assert found.login == LOGIN
    assert found.pages["spark"] == door.Page("spark", "Spark", "https://spark.example", "account")
    assert [page.wants_token for page in found.pages.values()] == [False, True]
    assert found.pages["six"].described() == {
        "name": "six",
        "title": "six",
        "url": "https://[fd00::1]:9031/lab/",
        "asks": "own",
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "null", '{"login": "https://h", "pages": []}', "[" * 5000),
        *(told(**{name: {}}) for name in ("login", "skp", "a-state", "A", "", "a b", "a" * 33)),
        *(told(a={"asks": asks}) for asks in ("", "all", "OWN")),
        *(told(a={"asks": None}), told(a={"asks": []})),
        *(told(a={"url": url}) for url in (None, "", "/", "http://h", "h:1", "https://")),
        *(
            told(a={"url": f"https://{rest}"})
            for rest in ("u@h", "h/x", "h?x", "h#x", "h:x", "h:99999", "h h", "h;x", "[::1", "-h")
        ),
        told(a={"title": 1}),
        json.dumps({"pages": {}}),
    ],
)
def test_what_is_no_pages_file_is_refused(door: Any, text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        door.parse(text)


def test_the_file_is_read_anew_and_what_is_wrong_changes_nothing(
    load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "pages.json"
    file = load("pages").PagesFile(path)
    assert not file.read().pages
    assert not file.read().login
    path.write_text(told(a={}))
    assert list(file.read().pages) == ["a"]
    path.write_text("{")
    assert [list(file.read().pages) for _ in range(3)] == [["a"]] * 3
    assert len(caplog.records) == 1
    (tmp_path / "new").write_text(told(b={}, c={}))
    (tmp_path / "new").rename(path)
    assert list(file.read().pages) == ["b", "c"]
    path.unlink()
    assert not file.read().pages
    path.mkdir()
    assert not file.read().pages
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("", ""),
        ("a=1; b=2", "a=1; b=2"),
        ("a=1,,2; b=x=y", "a=1,,2; b=x=y"),
        ("__Host-skp-spark=t", ""),
        ("a=1; __Host-skp-spark=t; b=2", "a=1; b=2"),
        ("a=1;__host-SKP-x=t;b=2", "a=1; b=2"),
        ("__Host-skp-=t; __Host-skp-; a", "a"),
        ("__Host-skpx=1; x__Host-skp-a=1; __Secure-skp-a=1", None),
        ("a=1,__Host-skp-spark=t", "a=1"),
        ("__Host-skp-spark=t, a=1", "a=1"),
        ('a="1; __Host-skp-spark=t; b=2"', 'a="1; b=2"'),
        ('"__Host-skp-spark=t"; $__Host-skp-x=1; =__Host-skp-y=1; a=1', "a=1"),
        ("\t __Host-skp-a=t; \xa0__Host-skp-b=t; \xe2\x80\x80__Host-skp-c=t;\tb=\xea", "b=\xea"),
        ("$Version=1,__Host-skp-a=t; b=2", "$Version=1; b=2"),
        ("a=\x01; b\x7f=1; c=1\r\nx: y; d=1", "d=1"),
        (";;  ; ", ""),
    ],
)
def test_the_doors_cookies_are_taken_away(door: Any, header: str, left: str | None) -> None:
    assert door.clean_cookies(header) == (header if left is None else left)


@given(
    st.lists(
        st.sampled_from(
            ["__Host-skp-a", "__host-SKP-b", "a", "=", ";", ",", " ", "\t", '"', "\xa0", "\\", "t"]
        )
    )
)
def test_no_way_of_writing_passes_a_cookie_of_the_door(door: Any, words: list[str]) -> None:
    left = door.clean_cookies("".join(words))
    for separators in (";", ";,"):
        parts = [left]
        for separator in separators:
            parts = [piece for part in parts for piece in part.split(separator)]
        assert not [p for p in parts if p.strip(' \t\xa0"=\\').lower().startswith("__host-skp-")]
    assert door.clean_cookies(left) == left


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (f"__Host-skp-spark={TOKEN}", TOKEN),
        (f"a=1;\t__Host-skp-spark={TOKEN} ; b=2", TOKEN),
        (f"__Host-skp-spark={TOKEN}; __Host-skp-spark={TOKEN}", ""),
        (f"__Host-skp-spark={TOKEN}; __Host-skp-spark={OTHER}", ""),
        (f"__Host-skp-spark={TOKEN}; __host-skp-SPARK={OTHER}", ""),
        (f"__Host-skp-spark={TOKEN}; __Host-skp-spark", ""),
        (f"__Host-skp-spark={TOKEN},__Host-skp-spark={OTHER}", ""),
        (f"a=1,__Host-skp-spark={TOKEN}", ""),
        (f"__Host-skp-spark={TOKEN}; a=1,__Host-skp-spark={OTHER}", TOKEN),
        (f"__host-skp-spark={TOKEN}", ""),
        (f"\xa0__Host-skp-spark={TOKEN}", ""),
        (f'__Host-skp-spark="{TOKEN}"', ""),
        (f"__Host-skp-spark ={TOKEN}", ""),
        (f"__Host-skp-spark={TOKEN}x", ""),
        (f"__Host-skp-spark-state={TOKEN}", ""),
        (f"__Host-skp-air={TOKEN}", ""),
        ("__Host-skp-spark=; b", ""),
    ],
)
def test_a_session_is_read_of_exactly_one_cookie(door: Any, header: str, value: str) -> None:
    assert door.read_cookie(header, door.session_cookie("spark")) == value


def test_cookies_are_bound_to_their_host_and_kept_from_scripts(door: Any) -> None:
    assert door.cookie(door.state_cookie("spark"), TOKEN, 600) == (
        f"__Host-skp-spark-state={TOKEN}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"
    )


def asked(door: Any, **more: Any) -> Any:
    """Return a request that opens a page, but for these."""
    fields = {
        "method": "GET", "uri": "/", "origin": "", "site": "none", "mode": "navigate",
        "accept": "text/html,*/*", "is_upgrade": False, "is_socket": False,
    }  # fmt: skip
    return door.Asked(**(fields | more))


SOCKET = {"is_upgrade": True, "is_socket": True, "mode": "websocket"}


@pytest.mark.parametrize(
    ("more", "is_foreign"),
    [
        ({}, False),
        ({"site": "cross-site"}, False),
        ({"site": "same-site", "method": "HEAD"}, False),
        ({"site": "", "mode": "", "origin": "https://evil"}, False),
        ({"site": "cross-site", "mode": "no-cors"}, True),
        ({"site": "same-site", "mode": "cors"}, True),
        ({"site": "same-site", "mode": ""}, False),
        ({"site": "anything", "mode": "cors"}, True),
        ({"site": "same-origin", "mode": "cors"}, False),
        ({"method": "POST", "site": "same-site"}, True),
        ({"method": "POST", "site": "", "mode": ""}, False),
        ({"method": "POST", "site": "same-origin", "mode": "cors", "origin": SPARK}, False),
        ({"method": "POST", "site": "same-origin", "origin": LOGIN}, True),
        ({"method": "POST", "site": "same-origin", "origin": "null"}, True),
        ({"method": "get", "site": "", "mode": "", "origin": LOGIN}, True),
        ({"method": "CONNECT", "site": "", "mode": "", "origin": LOGIN}, True),
        (SOCKET | {"site": "same-origin", "origin": SPARK}, False),
        (SOCKET | {"site": "", "mode": "", "origin": LOGIN}, True),
        (SOCKET | {"site": "same-site", "origin": SPARK}, True),
    ],
)
def test_what_another_origin_asks_is_refused(
    door: Any, more: dict[str, Any], is_foreign: bool
) -> None:
    assert door.is_foreign(asked(door, **more), SPARK) is is_foreign


def test_only_who_opens_a_page_is_sent_to_the_login_page(door: Any) -> None:
    assert asked(door).is_navigation
    assert asked(door, method="HEAD").is_navigation
    for more in ({"method": "POST"}, {"accept": "*/*"}, {"is_upgrade": True}):
        assert not asked(door, **more).is_navigation


@pytest.mark.parametrize("path", ["/", "/jobs/?id=1&x=/../", "/a//b", "/" + "x" * 1999, "/\uae40"])
def test_a_local_path_stays(door: Any, path: str) -> None:
    assert door.local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "x", "//evil", "/\\evil", "\\\\evil", "https://evil", " /", "/\t/evil", "/\n/evil"),
        *("/x\r\nSet-Cookie: a=1", "/\x00", "/\x7f", "/" + "x" * 2000, "/\ud800"),
    ],
)
def test_any_other_path_is_the_root(door: Any, path: str) -> None:
    assert door.local_path(path) == "/"
    assert door.path_header(path) == "/"


@given(st.text())
def test_a_redirect_never_leaves_its_origin(door: Any, path: str) -> None:
    for text in (path, f"/{path}"):
        header = door.path_header(text)
        assert header.isascii()
        assert header.isprintable()
        assert header.startswith("/")
        assert not header.startswith(("//", "/\\"))


def test_a_path_comes_through_the_login_as_it_was(door: Any) -> None:
    path = "/jobs/?id=1&x=%EA%B9%80#a b"
    pages = door.parse(told(spark={"url": SPARK}))
    there = urlsplit(door.login_url(pages, "spark", path, TOKEN))
    assert there.netloc == "10.0.0.1:9070"
    fields = {key: value for key, (value,) in parse_qs(there.query).items()}
    assert fields == {"page": "spark", "path": path, "state": TOKEN}
    back = urlsplit(door.enter_url(pages.pages["spark"], "c", path, TOKEN))
    assert (f"https://{back.netloc}", back.path) == (SPARK, "/.skp/enter")
    assert parse_qs(back.query) == {"code": ["c"], "path": [path], "state": [TOKEN]}
    assert door.path_header(path) == path.replace(" ", "%20")
    assert door.enter_url(pages.pages["spark"], "c", path, "\ud800").endswith("&state=")


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("6.6.6.6, 10.0.0.7", "10.0.0.7"),
        ("6.6.6.6,FD00:0::1 ", "fd00::1"),
        ("", None),
        ("10.0.0.7,", None),
        ("10.0.0.7, x", None),
        ("10.0.0.7:80", None),
        ("fe80::1%" + "x" * 500, None),
    ],
)
def test_the_last_address_is_the_clients(door: Any, forwarded: str, address: str | None) -> None:
    assert door.client_address(forwarded) == address


def test_a_deployments_page_is_no_longer_than_what_sessions_keep(door: Any) -> None:
    pages = door.Pages("https://skp.example", {}, "apps.example:8443")
    assert pages.deployment("a" * 31).url == f"https://{'a' * 31}.apps.example:8443"
    for host in ("a" * 32, "a.b", "-a", "A", ""):
        assert pages.deployment(host) is None
