"""TANGO's project manager at the API: what it starts runs, and nobody else's is touched."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.accounts import Env
from tests.support.api_client import URL, end, serve
from tests.support.data_volumes import until
from tests.support.deployed import IMAGE, clear, page
from tests.support.lab import on, skp
from tests.support.pushes import settings

CLIENT = "10.99.0.1"  # of the machine that the lab is on
SHARED, PROJECT = "/srv/tango-lab", "tango-lab"
# (It ends at once when it is told to.)
SERVE = "trap exit TERM; echo hello >/tmp/index.html; busybox httpd -f -p 8000 -h /tmp & wait"
FILE = {
    "build": {"image_uri": IMAGE, "components": {"custom_packages": {"atp": ["vim"]}}},
    "deploy": {
        "type": "docker",
        "service_name": "hello",
        "entrypoint": ["sh", "-c", SERVE],
        "network": {"service_host_ip": "1.2.3.4", "service_host_port": 8000},
        "resources": {"cpu": 0.05, "memory": 32},
    },
}


@dataclass(frozen=True)
class Tango:
    """Who runs the manager, and the token of one of its users."""

    env: Env
    token: str


def say(path: str, user: str, project: str, token: str = "") -> tuple[int, str]:
    """Ask as the manager does, and return the status and what it makes of the body."""
    query = urllib.parse.urlencode({"user_id": user, "project_id": project})
    asked = urllib.request.Request(f"{URL}/{path}?{query}")  # noqa: S310 - it is http
    if token:
        asked.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(asked, timeout=70) as answer:  # noqa: S310
            return answer.status, answer.read().decode().replace('"', "")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().replace('"', "")


@pytest.fixture(scope="module")
def tango(
    running: Env, image_of_deployments: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tango]:
    """The API with a shared folder, which one address needs no token for."""
    file = f"{SHARED}/common/maker/7/deployment.yaml"
    lay_out = (
        f"sudo mkdir -p {SHARED}/common/maker/7 {SHARED}/common/other/1; "
        f"echo '{json.dumps(FILE)}' | sudo tee {file} {SHARED}/common/other/1/deployment.yaml; "
        f"sudo ln -s ../other/1 {SHARED}/common/maker/8; sudo chmod -R o+rX {SHARED}"
    )
    laid_out = on("c01", lay_out)
    assert laid_out.code == 0, laid_out.all
    given = (
        f'API_SHARED="{SHARED}"', f'API_OPEN_TO="{CLIENT}/32"', 'API_OPEN_ACCOUNT="maker"',
        f'API_OPEN_PROJECT="{PROJECT}"',
    )  # fmt: skip
    env = settings(tmp_path_factory.mktemp("tango"), running, *given)
    serve(env)
    for words in (
        ("account.add", "maker"),
        ("account.add", "other"),
        ("project.add", PROJECT, "-o", "maker"),
        ("project.member-set", PROJECT, "-a", "other", "-r", "member"),
    ):
        done = skp(*words, env=env)
        assert done.code == 0, done.all
    made = skp("account.token-add", "other", "-l", "tango", "--json", env=env)
    assert made.code == 0, made.all
    yield Tango(env, made.json["token"])
    clear()
    end(env)
    for words in (("project.rm", PROJECT), ("account.rm", "other"), ("account.rm", "maker")):
        skp(*words, "--yes", env=env)
    on("c01", f"sudo rm -rf {SHARED}")


def test_the_manager_starts_sees_and_stops_a_service(tango: Tango) -> None:
    assert say("status_request", "maker", "7") == (404, "{detail:Service not found}")
    assert say("start", "maker", "7") == (200, "started")
    code, again = say("start", "maker", "7")
    assert (code, again.startswith("{detail:Service already exists (")) == (400, True), again
    until(lambda: say("status_request", "maker", "7") == (200, "running"), 30)
    (row,) = skp("deploy.list", "--json", env=tango.env).json
    assert (row["project"], row["deployment"]) == (PROJECT, "tango-maker--7")
    assert page(row) == "hello"
    assert say("stop", "maker", "7") == (200, "finished")
    assert say("status_request", "maker", "7") == (200, "stopped")
    assert skp("deploy.list", "--json", env=tango.env).json == []


def test_nobody_elses_is_started_or_told(tango: Tango) -> None:
    code, why = say("start", "maker", "7", tango.token)
    assert (code, "another one than the account other" in why) == (403, True), why
    assert say("status_request", "other", "1", tango.token)[0] == 404
    assert say("start", "maker", "7", "skp_" + "a" * 43)[0] == 401
    for project in ("8", "..", "../other/1"):
        assert say("start", "maker", project) == (400, "{detail:Deployment YAML not found}")
    inside = on("c01", f"curl -s -w '%{{http_code}}' '{URL}/stop?user_id=maker&project_id=7'").out
    assert inside.endswith("401"), "another address needs a token"
