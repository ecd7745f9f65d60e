"""Deployments at the front door: by name, for whom the file says, and switched without a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.accounts import PASSWORD, Env, made
from tests.support.deployed import file, rows
from tests.support.door import HOST, HTML, Visitor, authority
from tests.support.lab import skp
from tests.support.named import DOMAIN, named, said, target, text_of
from tests.support.steady_load import load


@pytest.fixture(scope="module")
def env(
    running: Env, image_of_deployments: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Env]:
    """The door has names for deployments. (It leaves their networks before those are removed.)"""
    with named(running, tmp_path_factory.mktemp("named")) as found:
        yield found


@pytest.fixture(scope="module")
def ca(env: Env, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("ca"), env)


def test_a_change_is_switched_to_without_a_gap_and_back_again(
    env: Env, no_deployments: None, ca: Path, tmp_path: Path
) -> None:
    (row,) = rows(skp("deploy.apply", file(tmp_path, text_of("one")), "--json", env=env))
    assert row["ports"] == []
    assert row["urls"] == [[8000, f"https://shop.{DOMAIN}:8443"]]
    assert said(ca) == (200, "one")
    for name, content, why in (
        ("rival", text_of("x", name="rival"), "default/shop has that name at the front door"),
        ("shop", text_of("x", command=["false"]), "it ended"),
    ):
        other = skp(
            "deploy.apply",
            file(tmp_path, content),
            *(["--update"] if name == "shop" else []),
            env=env,
        )
        assert (other.code != 0, why in other.err) == (True, True), other.all
        assert said(ca) == (200, "one")
    with load(target(ca), 50) as seen:
        for words in (
            ("deploy.apply", file(tmp_path, text_of("two")), "--update"),
            ("deploy.rollback", "shop"),
        ):
            done = skp(*words, env=env)
            assert done.code == 0, done.all
    assert seen.lost == []
    assert {"one", "two"} == {word.strip() for word in seen.words}
    assert said(ca) == (200, "one")
    nothing = skp("docker.apply", "flask,gateway", env=env)
    assert nothing.out.startswith("Nothing to change"), nothing.all
    assert skp("deploy.rm", "0", "shop", "--yes", env=env).code == 0
    assert said(ca)[0] == 404


def test_the_door_asks_for_members_of_the_project(
    env: Env, admin: str, no_deployments: None, ca: Path, tmp_path: Path
) -> None:
    for name in ("insider", "outsider"):
        made(admin, name)
    project = skp("project.add", "doors", "-o", "insider", env=env)
    assert project.code == 0, project.all
    try:
        wanted = text_of("inside", project="doors", door={"login": True})
        rows(skp("deploy.apply", file(tmp_path, wanted), "--json", env=env))
        stranger = target(ca).session()
        asked = stranger.get(target(ca).at(), headers=HTML, allow_redirects=False, timeout=10)
        assert asked.status_code == 302
        assert asked.headers["Location"].startswith(f"https://{HOST}:9070/?page=~shop")
        assert stranger.get(target(ca).at(), timeout=10).status_code == 401
        entering: dict[str, Callable[[], tuple[int, str]]] = {}
        for name in ("insider", "outsider"):
            visitor = Visitor(ca)
            visitor.log_in(name, PASSWORD)
            entering[name] = entered(visitor, ca)
        assert entering["insider"]() == (200, "inside")
        assert entering["outsider"]()[0] == 403
        gone = skp("project.member-set", "doors", "-a", "outsider", "-r", "viewer", env=env)
        assert gone.code == 0
        assert entering["outsider"]() == (200, "inside")
        assert skp("account.disable", "outsider", env=env).code == 0
        assert entering["outsider"]()[0] == 401
    finally:
        for words in (
            ("account.rm", "outsider"),
            ("account.rm", "insider"),
            ("project.rm", "doors"),
        ):
            skp(*words, "--yes", env=env)


def entered(visitor: Visitor, ca: Path) -> Callable[[], tuple[int, str]]:
    """Enter the page by the login page, and return what asks for it then."""
    page = target(ca).session()

    def open_(url: str) -> Any:
        path = url.partition(f".{DOMAIN}:8443")[2]
        return page.get(target(ca).at(path), headers=HTML, allow_redirects=False, timeout=10)

    wanted = open_(f"https://shop.{DOMAIN}:8443/")
    query = dict(
        part.split("=", 1) for part in wanted.headers["Location"].partition("?")[2].split("&")
    )
    asked = {"page": "~shop", "path": "/", "state": query["state"]}
    ticket = visitor.post("/door/enter", asked)
    assert ticket.status_code == 200, ticket.text
    assert open_(ticket.json()["location"]).status_code == 302

    def ask() -> tuple[int, str]:
        answer = page.get(target(ca).at(), timeout=10)
        return answer.status_code, answer.text.strip()

    return ask
