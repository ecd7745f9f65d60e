"""The front door: real clients, real pages, and what must not pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.support.accounts import FIRST, SECOND, Env, ask, log_in, made
from tests.support.browser import browser
from tests.support.confined import check_confined
from tests.support.data_volumes import until
from tests.support.door import (
    AIRFLOW,
    API,
    HISTORY,
    HOST,
    HTML,
    JUPYTER,
    KERNELS,
    LOGIN,
    SPARK,
    Visitor,
    answered,
    authority,
    echo,
    run_in_kernel,
    socket_to,
)
from tests.support.lab import on, run, secret, skp
from tests.support.sheet import needs_browser

GUESS = {"X-Skp-Token": "guess", "X_Skp_Token": "guess", "X.Skp.Token": "guess"}


@pytest.fixture(scope="module")
def ca(running: Env, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate, as gateway.ca prints it."""
    return authority(tmp_path_factory.mktemp("ca"), running)


@pytest.fixture(scope="module")
def lee(admin: str) -> str:
    """The name of an account."""
    return str(made(admin, "doorlee")["name"])


@pytest.fixture
def visitor(ca: Path, lee: str) -> Visitor:
    """A browser in which that account is logged in."""
    found = Visitor(ca)
    found.log_in(lee)
    return found


def started() -> str:
    return on("c01", "docker inspect -f '{{.Id}} {{.State.StartedAt}}' gateway-skp").out


def test_every_page_is_there_with_a_certificate_that_clients_accept(ca: Path) -> None:
    for url, code in (
        (LOGIN, 200),
        (f"{JUPYTER}/jupyter-skp/login", 200),
        (f"{KERNELS}/api/kernels", 401),
        (f"{API}/health", 200),
        (SPARK, 401),
        (HISTORY, 401),
    ):
        assert Visitor(ca).get(url).status_code == code, url
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(LOGIN, timeout=15)
    check_confined("gateway")


@needs_browser
def test_a_pasted_link_leads_to_the_login_and_then_to_the_page(
    running: Env, lee: str, tmp_path: Path
) -> None:
    with browser(tmp_path, "--ignore-certificate-errors") as page:
        page.driver.get(f"{SPARK}/environment/")
        for field, text in (("#name", lee), ("#password", "quiet-River-771")):
            page.find(field).send_keys(text)
        page.picture("door-login")
        page.find("#submit").click()
        page.until(lambda: page.driver.current_url == f"{SPARK}/environment/")
        page.picture("door-spark")
        page.driver.get(HISTORY)  # without a password
        page.until(lambda: "History Server" in page.driver.title)
        page.driver.get(LOGIN)
        links = page.find("#page-list").text
        assert "JupyterLab (has a login of its own)" in links
        page.picture("door-pages")
        page.find("#logout").click()
        page.find("#login")
        page.driver.get(SPARK)
        page.until(lambda: page.driver.current_url.startswith(f"{LOGIN}/?page=spark"))


def test_a_session_ends_with_its_login_on_whichever_instance(visitor: Visitor) -> None:
    assert "Spark Master" in visitor.enter(f"{SPARK}/").text
    assert visitor.get(SPARK, **HTML).status_code == 200
    token = visitor.log_in("doorlee")["access_token"]  # which ends the login before
    assert visitor.get(SPARK, **HTML).status_code == 302
    assert "Spark Master" in visitor.enter(f"{SPARK}/").text
    assert ask("DELETE", "/tokens", token=token, at=SECOND).status_code == 204
    until(lambda: visitor.get(SPARK, **HTML).status_code == 302, 1)


def test_a_page_behind_the_account_gets_no_secret_of_the_visitors(visitor: Visitor) -> None:
    stopped = on("c01", "docker stop spark-skp-history")
    assert stopped.code == 0, stopped.all
    try:
        with echo("spark-skp-history", 18080):
            visitor.session.headers.update(GUESS)
            visitor.enter(f"{HISTORY}/")
            seen = answered(lambda: visitor.get(f"{HISTORY}/", **HTML))
            assert "guess" not in str(seen)
            assert "__Host-skp-" not in str(seen)
            assert not [name for name in seen if "skp" in name]
    finally:
        assert on("c01", "docker start spark-skp-history").code == 0


def test_a_page_of_users_gets_neither_cookies_nor_who_a_client_says_it_is(visitor: Visitor) -> None:
    visitor.enter(f"{SPARK}/")
    visitor.session.headers.update({**GUESS, "Remote-User": "admin", "X-Forwarded-User": "admin"})
    visitor.session.cookies.set("own", "stays", domain=HOST)
    with echo("airflow-skp", 8040):
        seen = answered(lambda: visitor.get(AIRFLOW))
    assert seen["cookie"] == "own=stays"
    assert "guess" not in str(seen)
    assert "admin" not in str(seen)
    assert not [name for name in seen if "skp" in name.replace("_", "-")]


def test_what_another_page_sends_is_refused(visitor: Visitor) -> None:
    visitor.enter(f"{SPARK}/")
    session, here = visitor.session, {"Origin": SPARK, "Sec-Fetch-Site": "same-origin"}
    for other in (JUPYTER, "https://evil.example", "null"):
        sent = session.post(f"{SPARK}/app/kill/", headers={"Origin": other}, timeout=15)
        assert sent.status_code == 403, other
        assert visitor.post("/door/enter", {}, origin=other).status_code in (403, 422)
    read = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
    assert visitor.get(SPARK, **read).status_code == 403
    assert session.post(f"{SPARK}/app/kill/", headers=here, timeout=15).status_code != 403


def test_a_cookie_is_for_one_page_and_a_code_for_one_use(visitor: Visitor, ca: Path) -> None:
    location = visitor.ticket(f"{SPARK}/")
    stranger = Visitor(ca)
    assert stranger.get(location).headers["Location"].startswith(LOGIN)  # without its state
    assert visitor.get(location).status_code == 302
    cookie = visitor.session.cookies["__Host-skp-spark"]
    stranger.session.cookies.set("__Host-skp-history", cookie, domain=HOST)
    assert stranger.get(HISTORY).status_code == 401
    stranger.session.cookies.set("__Host-skp-spark", cookie, domain=HOST)
    assert stranger.get(SPARK).status_code == 200
    again = visitor.get(location)
    assert (again.status_code, LOGIN in again.headers.get("Location", LOGIN)) == (302, True)
    for path in ("//evil.example", "/\\evil.example", "https://evil.example"):
        asked = visitor.asked_to_log_in(f"{HISTORY}/") | {"path": path}
        to = visitor.post("/door/enter", asked).json()["location"]
        assert visitor.get(to).headers["Location"] == "/"
        visitor.session.cookies.clear(HOST, "/", "__Host-skp-history")


def test_what_is_the_doors_alone_is_answered_to_nobody_else(visitor: Visitor) -> None:
    visitor.enter(f"{SPARK}/")
    asked = ("/door/check/spark", "/door/check/jupyter", "/door/me", "/door/enter/spark")
    for path in asked:
        for host in (FIRST, API):
            guess = {"X-Skp-Door": "guess", "X-Forwarded-Method": "GET"}
            assert visitor.get(f"{host}{path}", **guess).status_code == 404, (host, path)
    for path in ("/door/check/spark", "/door/enter/spark", "/metrics", "/accounts"):
        assert visitor.get(f"{LOGIN}{path}").status_code == 404, path
    inside = on(
        "c01",
        "docker exec jupyter-skp python -c 'import urllib.request as u; "
        'u.urlopen(u.Request("http://flask-skp:8060/door/me", headers={"X-Skp-Door": "guess"}))\'',
    )
    assert "404" in inside.all


def test_failures_are_counted_for_the_address_that_they_come_from(ca: Path, lee: str) -> None:
    """A client that says another address each time is still one; the door's is not all clients'."""
    visitor = Visitor(ca)
    for number in range(12):
        visitor.session.headers["X-Forwarded-For"] = f"192.0.2.{number}"
        answer = visitor.post("/door/login", {"name": "no-such-one", "password": "x" * 12})
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    # (curl reads an answer that comes before it has sent all.)
    large = ("--data-binary", "@/bin/bash", "-o", "/dev/null", "-w", "%{http_code}")
    assert run("curl", "-s", "--cacert", str(ca), *large, f"{LOGIN}/tokens").out == "413"
    assert log_in(lee)["name"] == lee


def test_a_kernel_is_spoken_to_while_the_certificate_is_exchanged(
    running: Env, ca: Path, settings: Callable[..., dict[str, str]]
) -> None:
    """A WebSocket goes on while routes and certificate are exchanged, and the door runs on."""
    token = {"Authorization": f"token {secret('JUPYTER_GATEWAY_TOKEN')}"}
    visitor = Visitor(ca)
    visitor.session.headers.update(token)
    kernel = visitor.session.post(f"{KERNELS}/api/kernels", json={}, timeout=60).json()["id"]
    url = f"{KERNELS.replace('https', 'wss')}/api/kernels/{kernel}/channels"
    channel, before = socket_to(url, ca, **token), started()
    try:
        assert run_in_kernel(channel, "print(6 * 7)") == "42"
        other = {**running, **settings(GATEWAY_CA_SECRET="another-one-of-24-letters")}
        for env, accepted, said in ((other, False, "49"), (running, True, "64")):
            done = skp("docker.apply", "gateway", env=env)
            assert done.code == 0, done.all
            assert "configure" in done.out
            until(partial(_shows, ca, accepted), 30)
            assert run_in_kernel(channel, f"print({said})") == said
        assert started() == before
        assert skp("docker.apply", "gateway", "flask", env=running).out.startswith("Nothing to")
    finally:
        channel.close()
        visitor.session.delete(f"{KERNELS}/api/kernels/{kernel}", timeout=30)


def _shows(ca: Path, accepted: object) -> bool:
    """Whether a new client takes the door's certificate for the authority's, as it is to."""
    try:
        return (Visitor(ca).get(LOGIN).status_code == 200) is accepted
    except requests.exceptions.SSLError:
        return accepted is False


def test_one_account_service_is_enough(running: Env, visitor: Visitor) -> None:
    assert "Spark Master" in visitor.enter(f"{SPARK}/").text
    assert on("c01", "docker stop flask-skp").code == 0
    try:
        until(lambda: visitor.get(SPARK, **HTML).status_code == 200, 30)
        codes = [visitor.get(SPARK, **HTML).status_code for _ in range(10)]
        assert codes == [200] * 10
    finally:
        back = skp("docker.apply", "flask", env=running)
        assert back.code == 0, back.all
