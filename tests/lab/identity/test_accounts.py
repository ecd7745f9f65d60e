"""Accounts: two instances over one MySQL, by the guide's commands, by account.* and by HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import requests

from tests.support.accounts import (
    FIRST,
    PAGE,
    PASSWORD,
    SECOND,
    Env,
    ask,
    decoded,
    encoded,
    inside,
    key_set,
    log_in,
    made,
    protected,
    signed,
    status,
    typed,
    verified,
)
from tests.support.browser import browser
from tests.support.confined import check_confined
from tests.support.lab import on, secret, skp
from tests.support.sheet import needs_browser

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINKmoV7dUDggpMHKKVFMEgJ+I3jp5oV9Mpqq2s0nHO6E kim@home"


def test_the_guides_commands_make_an_account(running: Env) -> None:
    words = "cd src/backend/ && python3 db_create.py && python3 db_create_tables.py && "
    done = typed(
        running, f"hong\\n\\n{PASSWORD}\\n", "./skp.py", "docker.flask-shell", "-h=c01",
        "-n=flask-skp", "-c", f"{words}python3 db_add_account.py",
    )  # fmt: skip
    assert done.code == 0, done.all
    assert "The account hong has the user id 2" in done.out
    assert on("c01", "docker exec flask-skp touch src/backend/x").code != 0
    claims = verified(log_in("hong")["access_token"], key_set(SECOND))
    assert (claims["sub"], claims["level"], claims["projects"]) == ("hong", "user", [])
    assert claims["exp"] - claims["iat"] <= 300


def test_commands_do_what_the_service_does(running: Env, tmp_path: Path) -> None:
    added = typed(running, f"{PASSWORD}\\n", "./skp.py", "account.add", "kim", "-p", "-")
    assert added.code == 0, added.all
    token = typed(running, f"{PASSWORD}\\n", "./skp.py", "account.token", "kim", "-p", "-")
    assert verified(token.out.strip(), key_set())["sub"] == "kim"
    listed = skp("account.list", "--json", env=running).json
    assert {"admin", "kim"} <= {each["name"] for each in listed}
    renewed = skp("account.password", "kim", "--json", env=running)
    assert status(token.out.strip(), SECOND) == 401
    log_in("kim", renewed.json["password"])
    (tmp_path / "kim.pub").write_text(f"{KEY}\n")
    begin: list[tuple[str, ...]] = [
        ("account.level", "kim", "-l", "manager"),
        ("account.key-add", "kim", "-f", str(tmp_path / "kim.pub")),
        ("project.add", "reading", "-o", "kim"),
        ("project.member-set", "reading", "-a", "admin", "-r", "viewer"),
    ]
    for words in begin:
        done = skp(*words, env=running)
        assert done.code == 0, done.all
    assert "kim (owner)" in skp("project.list", env=running).out
    (key,) = skp("account.keys", "kim", "--json", env=running).json
    assert key["key"] == " ".join(KEY.split()[:2])
    assert skp("account.rm", "kim", "--yes", env=running).code == 1  # the only owner
    _check_that_services_learn_whose_a_key_is(key["fingerprint"])
    end: list[tuple[str, ...]] = [
        ("account.key-rm", "kim", "-f", _as_openssh(key["fingerprint"])),
        ("project.member-rm", "reading", "-a", "admin"),
        ("project.rm", "reading", "--yes"),
        ("account.rm", "kim", "--yes"),
    ]
    for words in end:
        done = skp(*words, env=running)
        assert done.code == 0, done.all
    assert ask("POST", "/tokens", {"name": "kim", "password": PASSWORD}).status_code == 401
    trail = skp("docker.history", "--json", "-c", "40", env=running).json
    assert "project.add reading" in json.dumps(trail)


def _as_openssh(fingerprint: str) -> str:
    return "SHA256:" + base64.b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")


def _check_that_services_learn_whose_a_key_is(fingerprint: str) -> None:
    def told(shown: str, of: str = _as_openssh(fingerprint)) -> Any:
        url, headers = f"{SECOND}/ssh/by-key", {"X-Skp-Service": shown}
        return requests.get(url, {"fingerprint": of}, headers=headers, timeout=15)

    shown = secret("FLASK_SERVICE_SECRET")
    found = told(shown).json()
    (project,) = found["projects"]
    assert (found["name"], found["uid"] > 20000) == ("kim", True)
    assert (project["name"], project["role"]) == ("reading", "owner")
    refused = [told(*words).status_code for words in (("",), ("x",), (shown, "x"))]
    assert refused == [404, 404, 422]
    assert told(shown, f"SHA256:{'A' * 43}").status_code == 404


def test_ids_and_names_are_one_persons_or_teams(admin: str) -> None:
    first = made(admin, "ids")
    assert ask("POST", "/projects", {"name": "ids"}, admin).status_code == 409
    team = ask("POST", "/projects", {"name": "ids-team"}, admin).json()
    assert team["gid"] == first["uid"] + 1
    for path in ("/accounts/ids", "/projects/ids-team"):
        assert ask("DELETE", path, token=admin).status_code == 204
    assert made(admin, "ids-team")["uid"] == team["gid"] + 1
    wrong = ("root", "Kim", "a--b", "mysql-skp", "김", "x" * 33, "skp", "flask", "-a", "kim\n")
    for name in wrong:
        answer = ask("POST", "/accounts", {"name": name, "password": PASSWORD}, admin)
        assert answer.status_code == 422, name


def test_a_refresh_token_works_once_and_a_second_use_ends_all(admin: str) -> None:
    made(admin, "renews")
    first = log_in("renews")
    second = ask("PUT", "/tokens", {"refresh_token": first["refresh_token"]}, at=SECOND).json()
    assert status(second["access_token"]) == 200
    stolen = ask("PUT", "/tokens", {"refresh_token": first["refresh_token"]})
    assert stolen.status_code == 401
    assert status(second["access_token"], SECOND) == 401
    last = ask("PUT", "/tokens", {"refresh_token": second["refresh_token"]}, at=SECOND)
    assert last.status_code == 401


def test_what_one_instance_revokes_the_other_refuses(admin: str) -> None:
    made(admin, "leaves")
    token = log_in("leaves")["access_token"]
    assert status(token, SECOND) == 200
    assert ask("DELETE", "/tokens", token=token).status_code == 204
    assert status(token, SECOND) == 401
    token = log_in("leaves")["access_token"]
    ask("PATCH", "/accounts/leaves", {"is_disabled": True}, admin)
    assert status(token, SECOND) == 401
    answer = ask("POST", "/tokens", {"name": "leaves", "password": PASSWORD}, at=SECOND)
    assert (answer.status_code, answer.json()["message"]) == (401, "wrong name or password")


def test_forged_tokens_and_those_for_others_are_refused(admin: str) -> None:
    head, claims, signature = admin.split(".")
    kid = json.loads(decoded(head))["kid"]
    unsigned = f"{encoded({'alg': 'none', 'kid': kid})}.{claims}."
    body = f"{encoded({'alg': 'HS256', 'kid': kid})}.{claims}"
    modulus = json.dumps(key_set()[kid]).encode()
    confused = f"{body}.{encoded(hmac.new(modulus, body.encode(), hashlib.sha256).digest())}"
    said = json.loads(decoded(claims))
    altered = f"{head}.{encoded({**said, 'sub': 'hong', 'exp': said['exp'] + 999})}.{signature}"
    other = log_in("admin", secret("FLASK_ADMIN_PASSWORD"), audience="jupyter")["access_token"]
    assert verified(other, key_set())["aud"] == "jupyter"
    expired, foreign = signed({**said, "exp": said["iat"] - 1}), signed({**said, "iss": "other"})
    assert status(signed(said)) == 200  # with the same means
    for token in (unsigned, confused, altered, other, expired, foreign, "x.y.z", admin[:-4]):
        assert status(token) == 401, token
    assert ask("GET", "/accounts").status_code == 401


def test_failures_are_one_answer_and_are_limited_over_all_instances(admin: str) -> None:
    made(admin, "guessed")
    told = []
    for name in ("guessed", "nobody-there"):
        wrong = {"name": name, "password": "not-the-password"}
        answers = [ask("POST", "/tokens", wrong, at=(FIRST, SECOND)[i % 2]) for i in range(11)]
        told.append([(a.status_code, a.json()["message"]) for a in answers])
        assert int(answers[-1].headers["Retry-After"]) > 0
    assert told[0] == told[1]
    assert [code for code, _ in told[0]] == [401] * 10 + [429]
    right = ask("POST", "/tokens", {"name": "guessed", "password": PASSWORD}, at=SECOND)
    assert right.status_code == 429
    assert log_in("admin", secret("FLASK_ADMIN_PASSWORD"))["level"] == "admin"


def test_rights_go_by_level_and_role(admin: str) -> None:
    made(admin, "boss", level="manager")
    made(admin, "lee")
    boss, lee = (log_in(name)["access_token"] for name in ("boss", "lee"))
    tries: list[tuple[str, str, str, Any, int]] = [
        (lee, "GET", "/accounts", None, 403),
        (lee, "GET", "/accounts/lee", None, 200),
        (lee, "GET", "/accounts/boss", None, 403),
        # (Who may not change others does not learn either which names there are.)
        (lee, "DELETE", "/accounts/boss", None, 403),
        (lee, "DELETE", "/accounts/nobody-1", None, 403),
        (lee, "PATCH", "/accounts/nobody-1", {"is_disabled": True}, 403),
        (lee, "PUT", "/accounts/nobody-1/password", {"password": PASSWORD}, 403),
        (boss, "DELETE", "/accounts/nobody-1", None, 404),
        (lee, "POST", "/accounts", {"name": "x1", "password": PASSWORD}, 403),
        (boss, "POST", "/accounts", {"name": "x1", "password": PASSWORD, "level": "admin"}, 403),
        (boss, "PATCH", "/accounts/lee", {"level": "manager"}, 403),
        (boss, "DELETE", "/accounts/admin", None, 403),
        (admin, "DELETE", "/accounts/admin", None, 409),
        (boss, "POST", "/projects", {"name": "vision", "owner": "lee"}, 201),
        (lee, "POST", "/projects", {"name": "other"}, 403),
        (lee, "PUT", "/projects/vision/members/boss", {"role": "viewer"}, 200),
        (lee, "PUT", "/projects/vision/members/lee", {"role": "viewer"}, 409),
        (boss, "DELETE", "/accounts/lee", None, 409),
        (lee, "POST", "/accounts/lee/ssh-keys", {"key": KEY}, 201),
        (lee, "POST", "/accounts/lee/ssh-keys", {"key": "ssh-ed25519 AAAA"}, 422),
        (lee, "POST", "/accounts/boss/ssh-keys", {"key": KEY}, 403),
        (lee, "POST", "/accounts/nobody-1/ssh-keys", {"key": KEY}, 403),
        (lee, "PUT", "/accounts/lee/password", {"password": "other-River-1"}, 422),
    ]
    for token, method, path, body, code in tries:
        answer = ask(method, path, body, token)
        assert answer.status_code == code, (method, path, answer.text)
    assert log_in("lee")["projects"][0] | {"gid": 0} == {
        "name": "vision",
        "gid": 0,
        "role": "owner",
    }


def test_large_bodies_are_refused_and_the_page_needs_nothing_from_elsewhere(running: Env) -> None:
    large = requests.post(
        f"{FIRST}/tokens", data=b'{"name": "' + b"x" * (1 << 20), timeout=15,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert large.status_code == 413
    page = requests.get(f"{FIRST}/docs", timeout=15).text
    assert "://" not in page.replace("http://www.w3.org", "")
    assert requests.get(f"{FIRST}/docs/ui/swagger-ui-bundle.js", timeout=15).ok
    assert "/tokens" in requests.get(f"{FIRST}/openapi.json", timeout=15).json()["paths"]
    assert (
        'flask_skp_logins_total{outcome="ok"}' in requests.get(f"{FIRST}/metrics", timeout=15).text
    )


def test_a_new_key_signs_at_once_and_the_old_one_still_counts(running: Env, admin: str) -> None:
    before = key_set()
    rotated = skp("account.rotate", "--json", env=running)
    assert rotated.code == 0, rotated.all
    kid = rotated.json["kid"]
    after = key_set(SECOND)
    assert set(after) == {*before, kid}
    token = log_in("admin", secret("FLASK_ADMIN_PASSWORD"), at=SECOND)["access_token"]
    assert json.loads(decoded(token.split(".")[0]))["kid"] == kid
    assert status(admin, SECOND) == 200


def test_without_mysql_it_says_so_at_once_and_is_well_afterwards(running: Env, admin: str) -> None:
    assert on("c01", "docker stop mysql-skp").code == 0
    for _ in range(3):
        began = time.monotonic()
        answers = [ask("GET", path, token=admin) for path in ("/accounts", "/health", "/tokens")]
        assert [answer.status_code for answer in answers] == [503] * 3
        assert time.monotonic() - began < 6
    back = skp("docker.apply", "mysql", env=running)
    assert back.code == 0, back.all
    end = time.monotonic() + 60
    while not status(admin) == status(admin, SECOND) == 200:
        assert time.monotonic() < end
        time.sleep(0.5)


@needs_browser
def test_the_login_page_shows_a_token_that_others_accept(
    running: Env, admin: str, tmp_path: Path
) -> None:
    made(admin, "ada")
    with browser(tmp_path) as page:
        page.driver.get(PAGE)
        page.find("[data-language=ko]").click()
        for password, shown in (("wrong-Password-1", "#message.wrong"), (PASSWORD, "#access")):
            for field, text in (("#name", "ada"), ("#password", password)):
                page.find(field).clear()
                page.find(field).send_keys(text)
            page.find("#submit").click()
            page.find(shown)
        page.picture("login-page")
        token = str(page.find("#access").get_attribute("value"))
        assert verified(token, key_set())["sub"] == "ada"
        assert [protected(each) for each in (token, f"{token}x", "")] == [
            '200 {"hello": "ada", "projects": []}', "401", "401",
        ]  # fmt: skip
        page.find("#logout").click()
        page.find("#login")
    assert status(token) == 401


def test_the_login_page_lets_nothing_else_through(running: Env) -> None:
    others = ("/accounts", "/metrics", "/docs", "/tokens/", "/tokens/check")
    for path in (*others, "/run/skp/accounts.conf"):
        assert requests.get(f"{PAGE}{path}", timeout=15).status_code == 404, path
    asked = requests.get(f"{PAGE}/tokens", headers={"Authorization": "Bearer x"}, timeout=15)
    assert asked.status_code == 403
    large = requests.post(f"{PAGE}/tokens", data=b"x" * (1 << 20), timeout=15)
    assert large.status_code == 413
    logins = ({"name": f"no-one-{n}", "password": PASSWORD} for n in range(40))
    tries = [ask("POST", "/tokens", login, at=PAGE) for login in logins]
    assert {answer.status_code for answer in tries} == {401, 429}


def test_migrations_make_what_the_models_say(running: Env) -> None:
    found = inside(
        "from accounts import config, models, tables\n"
        "from alembic.autogenerate import compare_metadata\n"
        "from alembic.runtime.migration import MigrationContext\n"
        "with tables.alone(config.read().url) as connection:\n"
        "    context = MigrationContext.configure(connection)\n"
        "    print(compare_metadata(context, models.Base.metadata))"
    )
    assert found == "[]"


def test_a_second_time_nothing_is_changed_and_it_is_confined(running: Env) -> None:
    again = skp("docker.apply", "flask", env=running)
    assert "Nothing to change" in again.out, again.all
    check_confined("flask")


def test_no_secret_is_where_others_see_it(running: Env) -> None:
    shown = on("c01", "docker inspect flask-skp; ps axww; docker logs flask-skp 2>&1").out
    for name in ("hong", "kim", "leaves"):  # made in the shell, by a command, by another instance
        assert (f"the account {name} (2" in shown) == (name != "leaves"), name
    for key in ("FLASK_DB_PASSWORD", "FLASK_SECRET", "FLASK_ADMIN_PASSWORD"):
        assert secret(key) not in shown, key
    assert PASSWORD not in shown
