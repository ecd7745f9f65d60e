"""Tokens: which count, for what, for how long an answer is kept, and what others learn."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest

from api import accounts
from api.people import who
from tests.support.api_served import Served
from tests.support.api_stand_ins import ISSUER, operation, own_key, projects, result

RUBBISH = "rubbish", "skp_short", f"skp_{'x' * 43}", "a.b.c"


def test_an_access_token_counts_by_the_published_key(served: Served) -> None:
    for _ in range(3):
        assert served.ask("GET", "/v1/me").status_code == 200
    assert served.accounts.asked.count("/.well-known/jwks.json") <= 1


def _others(served: Served) -> list[str]:
    now, access = int(time.time()), served.accounts.access
    claims = jwt.decode(access(), options={"verify_signature": False})
    kid = {"kid": "1"}
    return [
        access(key=own_key("a stranger's")),
        access(iss="another"),
        access(aud="jupyter"),
        access(aud=["skp", "jupyter"]),
        access(exp=now - 1),
        access(name=""),
        access(projects="all"),
        access(projects=[1]),
        jwt.encode(claims, "x" * 32, "HS256", headers=kid),
        jwt.encode(claims, "", "none", headers=kid),
        jwt.encode(claims, served.accounts.key, "RS512", headers=kid),
        jwt.encode(claims, served.accounts.key, "RS256"),
        jwt.encode(claims, served.accounts.key, "RS256", headers={"kid": "9"}),
        jwt.encode({**claims, "uid": None}, served.accounts.key, "RS256", headers=kid),
    ]


def test_no_other_token_counts(served: Served) -> None:
    for token in ["-", *RUBBISH, *_others(served)]:
        found = served.ask("GET", "/v1/me", token)
        assert (found.status_code, found.headers["WWW-Authenticate"]) == (401, "Bearer"), token
        assert found.headers["Content-Type"] == "application/problem+json"
        assert token == "-" or token not in found.text
    assert (
        served.ask("GET", "/v1/me", "-", headers={"Authorization": "Basic a2"}).status_code == 401
    )


def test_unknown_keys_are_asked_for_now_and_then(fresh: Served) -> None:
    token = jwt.encode({}, fresh.accounts.key, "RS256", headers={"kid": "9"})
    for _ in range(5):
        assert fresh.ask("GET", "/v1/me", token).status_code == 401
    assert fresh.accounts.asked == ["/.well-known/jwks.json"]


def test_answers_about_tokens_are_kept_for_seconds(
    fresh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = fresh.accounts.lasting("kim", vision="owner")
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: fresh.ask("GET", "/v1/me", token).json(), range(8))]
    assert [(each["name"], each["label"]) for each in found] == [("kim", "ci")] * 8
    unknown = f"skp_{'x' * 43}"
    assert {fresh.ask("GET", "/v1/me", unknown).status_code for _ in range(3)} == {401}
    assert fresh.accounts.asked == ["/tokens/check"] * 2
    fresh.accounts.is_away = True
    del fresh.accounts.tokens[token]
    assert fresh.ask("GET", "/v1/me", token).status_code == 200
    now = time.monotonic
    monkeypatch.setattr(accounts, "monotonic", lambda: now() + 16)
    away = fresh.ask("GET", "/v1/me", token)
    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    fresh.accounts.is_away = False
    assert fresh.ask("GET", "/v1/me", token).status_code == 401


def test_what_is_kept_is_bounded() -> None:
    kept = accounts._Kept()
    nobody = accounts._NOBODY
    for number in range(3000):
        kept.keep(str(number).encode(), nobody)
    assert len(kept._of) == 1000
    assert kept.get(b"2999") is nobody
    assert kept.get(b"1") is None


def test_a_token_that_has_expired_is_nobodys(served: Served) -> None:
    token = served.accounts.lasting("kim", vision="owner")
    served.accounts.tokens[token]["expires"] = int(time.time()) - 1
    assert served.ask("GET", "/v1/me", token).status_code == 401


def test_a_bound_token_counts_for_its_project_alone() -> None:
    said = {
        "uid": 1,
        "level": "admin",
        "project": "lab",
        "projects": projects(lab="owner", x="owner"),
    }
    found = who(said, "kim", 0)
    assert found
    assert [*found.projects] == ["lab"]
    gone = who({**said, "projects": projects(x="owner")}, "kim", 0)
    assert gone
    assert dict(gone.projects) == {}


# What the path of a route, and a request to it, may be filled in with.
PARTS = {"project": "vision", "name": "web", "id": f"op_{7:026}"}
BODIES: dict[str, Any] = {"put": {"files": {"a.yaml": "a"}}, "post": {"files": {"a.yaml": "a"}}}
CHANGING = ("put", "delete", "post")
OF_NO_PROJECT = ("/v1/me", "/v1/nodes", "/v1/deployments", "/v1/events")


def routes(served: Served) -> list[tuple[str, str]]:
    """Return the method and the path of each route below /v1 that the description has."""
    paths = served.ask("GET", "/openapi.json", "-").json()["paths"]
    return [(method, path) for path, known in paths.items() for method in known if "/v1" in path]


def tried(served: Served, method: str, path: str, token: str) -> Any:
    """Return what a route answers to who has a token; of a stream its first bytes."""
    filled = re.sub(r"\{(\w+)\}", lambda found: PARTS[found[1]], path)
    body = {} if "rollback" in path or "cancel" in path else BODIES.get(method)
    with served.ask(method.upper(), filled, token, json=body, stream=True) as found:
        if found.ok and "event-stream" in found.headers["Content-Type"]:
            return found.status_code, next(found.iter_content(4096), b"").decode()
        return found.status_code, found.text


@pytest.fixture
def answering(served: Served) -> Served:
    """The server with a gate that answers everything, as it would to a member of vision."""
    of_vision = operation(7, account="the-owner", phase="a word of vision's")
    for action in ("submit", "operation", "cancel", "follow"):
        served.gate.answers[action] = result(**of_vision)
    served.gate.answers["operations"] = result(operations=[of_vision])
    served.gate.answers["history"] = result(rows=[])
    served.gate.answers["logs"] = result(failed=0)
    served.gate.answers["plan_one"] = result(plan=[])
    return served


def test_every_route_asks_for_a_token(answering: Served) -> None:
    known = routes(answering)
    assert len(known) == 15
    for method, path in known:
        for token in ("-", *RUBBISH):
            status, text = tried(answering, method, path, token)
            assert (status, "vision" in text) == (401, False), (method, path)
    assert answering.gate.asked == []


def test_every_route_hides_another_project(answering: Served) -> None:
    others = (
        answering.accounts.access("lee", projects=projects(lab="owner")),
        answering.accounts.access("root", level="admin", projects=[]),
        answering.accounts.lasting("lee", lab="owner"),
        answering.accounts.lasting("kim", project="lab", vision="owner", lab="owner"),
    )
    for method, path in routes(answering):
        for token in others:
            status, text = tried(answering, method, path, token)
            wanted = 200 if path in OF_NO_PROJECT else 404
            assert status == wanted, (method, path, text)
            assert "vision" not in text.replace("revision", ""), (method, path)
            assert "web" not in text, (method, path)
            if status == 404:
                assert json.loads(text)["detail"] == "not found"
    assert {asked.action for asked, _ in answering.gate.asked} == {"look"}
    bound = [a.project for a, _ in answering.gate.asked if a.account == "kim"]
    assert set(bound) == {"lab"}


def test_every_route_that_changes_something_refuses_a_viewer(answering: Served) -> None:
    viewer = answering.accounts.access("gazer", projects=projects(vision="viewer"))
    for method, path in routes(answering):
        status, text = tried(answering, method, path, viewer)
        wanted = 403 if method in CHANGING else 200
        assert status == wanted, (method, path, text)
    asked = {str(asked.action) for asked, _ in answering.gate.asked}
    assert asked & {"submit", "cancel", "plan_one"} == set()


def test_every_route_serves_a_member(answering: Served) -> None:
    for method, path in routes(answering):
        status, text = tried(answering, method, path, answering.accounts.access())
        assert status in (200, 202), (method, path, text)


def test_the_issuer_is_the_one_that_is_trusted(served: Served) -> None:
    assert served.ask("GET", "/v1/me", served.accounts.access(iss=ISSUER)).status_code == 200
