"""Tokens for programs: made by a command or by HTTP, known to services, and what ends them."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import requests

from tests.support.accounts import PASSWORD, SECOND, Env, ask, inside, log_in, made
from tests.support.lab import on, secret, skp


def told(token: Any, shown: str | None = None) -> requests.Response:
    """Return what a service that shows a secret, by default the platform's, is answered."""
    headers = {"X-Skp-Service": secret("FLASK_SERVICE_SECRET") if shown is None else shown}
    body = {"token": token}
    return requests.post(f"{SECOND}/tokens/check", json=body, headers=headers, timeout=15)


def access(name: str, password: str = PASSWORD) -> str:
    """Return an access token of an account."""
    return str(log_in(name, password)["access_token"])


def new(name: str, own: str, label: str, **more: Any) -> str:
    """Have an account make itself a token, and return it."""
    answer = ask("POST", f"/accounts/{name}/tokens", {"label": label, **more}, own)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def test_a_token_is_somebodys_for_services_until_it_is_removed(running: Env, admin: str) -> None:
    uid = made(admin, "robot")["uid"]
    team = ask("POST", "/projects", {"name": "robots", "owner": "robot"}, admin).json()
    words = ("account.token-add", "robot", "-l", "ci", "-p", "robots", "-d", "30", "--json")
    done = skp(*words, env=running)
    assert done.code == 0, done.all
    token, ends = done.json["token"], done.json["expires_at"]
    assert 0 < ends - time.time() < 30 * 86400
    assert told(token).json() == {
        "name": "robot", "uid": uid, "level": "user", "project": "robots", "label": "ci",
        "projects": [{"name": "robots", "gid": team["gid"], "role": "owner"}], "expires": ends,
    }  # fmt: skip
    listed = skp("account.tokens", "robot", "--json", env=running)
    assert listed.json[0] | {"used_at": 0, "made_at": 0} == {
        "label": "ci", "project": "robots", "made_at": 0, "expires_at": ends, "used_at": 0,
    }  # fmt: skip
    assert 0 <= time.time() - listed.json[0]["used_at"] < 60
    assert skp("account.token-rm", "robot", "-l", "ci", env=running).code == 0
    assert told(token).status_code == 404
    seen = on("c01", "docker logs flask-skp 2>&1; ps axww").out
    assert "the account robot has a token for programs, ci" in seen
    assert token not in seen + listed.out


def test_a_token_ends_with_what_it_came_from(admin: str) -> None:
    for name in ("ends", "stays"):
        made(admin, name)
    ask("POST", "/projects", {"name": "ending", "owner": "stays"}, admin)
    member = "/projects/ending/members/ends"
    assert ask("PUT", member, {"role": "viewer"}, admin).status_code == 200
    own = access("ends")
    free, old = new("ends", own, "free"), new("ends", own, "old", days=1)
    bound = new("ends", own, "bound", project="ending")
    assert [told(each).json()["project"] for each in (free, bound)] == ["", "ending"]
    (project,) = told(bound).json()["projects"]
    assert (project["name"], project["role"]) == ("ending", "viewer")
    assert in_the_past(old) == "old"
    ask("DELETE", member, token=admin)
    assert [told(each).status_code for each in (free, bound, old)] == [200, 404, 404]
    other = {"password": "other-River-771", "current": PASSWORD}
    assert ask("PUT", "/accounts/ends/password", other, own).status_code == 204
    assert told(free).status_code == 404
    last = new("ends", access("ends", "other-River-771"), "last")
    for is_disabled in (True, False):
        ask("PATCH", "/accounts/ends", {"is_disabled": is_disabled}, admin)
        assert told(last).status_code == 404
    assert ask("GET", "/accounts/ends/tokens", token=admin).json() == []


def in_the_past(token: str) -> str:
    """Have a token, which is known by its hash, be too old; return its label."""
    kept = hashlib.sha256(token.encode()).hexdigest()
    return inside(
        "from accounts import config, models\n"
        "from accounts.service import Service\n"
        "with Service(config.read()).store.session() as session:\n"
        f"    row = session.get_one(models.ProgramToken, {kept!r})\n"
        "    row.expires_at = 1\n"
        "    print(row.label)"
    )


def test_a_bound_token_of_an_admin_is_no_admins(admin: str) -> None:
    ask("POST", "/projects", {"name": "chiefs"}, admin)
    for more, level in (({}, "admin"), ({"project": "chiefs"}, "user")):
        assert told(new("admin", admin, "chief", **more)).json()["level"] == level
        assert ask("DELETE", "/accounts/admin/tokens/chief", token=admin).status_code == 204


def test_nobody_makes_one_for_another_nor_with_one(admin: str) -> None:
    made(admin, "prey")
    made(admin, "hunter", level="manager")
    prey, hunter = access("prey"), access("hunter")
    token, path = new("prey", prey, "first"), "/accounts/prey/tokens"
    labels = ("", "x", "A1", "a b", "a/b", "a\nb", "<b>hi</b>", "'; DROP TABLE x", "x" * 33, None)
    tries: list[tuple[str, str, str, Any, int]] = [
        *((prey, "POST", path, {"label": label}, 422) for label in labels),
        *((prey, "POST", path, {"label": "da", "days": n}, 422) for n in (0, 366, -1, 1.5, "x")),
        *((who, "POST", path, {"label": "theirs"}, 403) for who in (admin, hunter)),
        *((prey, "POST", path, {"label": "p1", "project": p}, 409) for p in ("robots", "none-1")),
        (prey, "POST", path, {"label": "first"}, 409),
        (prey, "GET", "/accounts/hunter/tokens", None, 403),
        (prey, "DELETE", "/accounts/nobody-1/tokens/first", None, 403),
        (hunter, "GET", "/accounts/admin/tokens", None, 403),
        (hunter, "GET", path, None, 200),
        (prey, "DELETE", f"{path}/' OR 1=1 -- ", None, 404),
        (prey, "DELETE", f"{path}/%EA%B9%80", None, 404),
        # (To this service itself it is no token, whatever is asked.)
        *((token, method, "/tokens", None, 401) for method in ("GET", "DELETE")),
        *((token, "GET", each, None, 401) for each in ("/accounts/prey", path, "/projects")),
        (token, "POST", path, {"label": "more"}, 401),
        (token, "PUT", "/accounts/prey/password", {"password": "other-River-1"}, 401),
        *((prey, "POST", path, {"label": f"n{n}"}, 201 if n < 19 else 409) for n in range(20)),
        (hunter, "DELETE", f"{path}/n1", None, 204),
    ]
    for who, method, where, body, code in tries:
        answer = ask(method, where, body, who)
        assert answer.status_code == code, (method, where, body, answer.text)
    assert told(token).status_code == 200


def test_what_is_no_token_is_answered_alike_and_strangers_as_if_nobody_was_asked(
    admin: str,
) -> None:
    token = new("admin", admin, "asked")
    others = ("", "skp_", f"skp_{'A' * 43}", token[:-1], f"{token}\n", token[4:], admin, "김" * 47)
    said = {(told(each).status_code, told(each).json()["message"]) for each in others}
    assert said == {(404, "the token is not valid")}
    assert [told(each).status_code for each in (None, 7, [token])] == [422] * 3
    for shown in ("", "x", secret("FLASK_PROJECT_SECRET")):
        strange = [told(each, shown) for each in (token, None)]
        assert [answer.status_code for answer in strange] == [404, 404]
        assert strange[0].json()["message"] == "there is nothing at this address"
    assert ask("DELETE", "/accounts/admin/tokens/asked", token=admin).status_code == 204
