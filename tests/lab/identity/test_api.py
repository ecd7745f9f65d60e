"""The HTTP API: real tokens, the real gate, curl as a client; and nobody else's deployments."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.accounts import Env, ask, log_in, made
from tests.support.api_client import SERVICES, URL, Client, client, end, serve
from tests.support.confined import check_confined
from tests.support.data_volumes import until
from tests.support.deployed import clear, text
from tests.support.sheet import sheet

ONE = "/v1/projects/serving/deployments/web"
PLANS, OPERATIONS = "/v1/projects/serving/plans", "/v1/projects/serving/operations"
PROGRAM = Path(sys.executable).with_name("schemathesis")
NEVER = ["sh", "-c", "echo it never answers; exec sleep 600"]


@dataclass(frozen=True)
class Team:
    """Programs of a project's owner, of who looks at it, and of another project."""

    env: Env
    owner: Client
    looker: Client
    stranger: Client
    bound: Client


@pytest.fixture(scope="module")
def team(
    running: Env, admin: str, tmp_path_factory: pytest.TempPathFactory, image_of_deployments: None
) -> Iterator[Team]:
    """The services, and accounts whose programs have tokens."""
    folder = tmp_path_factory.mktemp("api")
    serve(running)
    for name in ("server", "watcher", "outsider"):
        made(admin, name)
    for project, owner in (("serving", "server"), ("apart", "server"), ("foreign", "outsider")):
        ask("POST", "/projects", {"name": project, "owner": owner}, admin)
    ask("PUT", "/projects/serving/members/watcher", {"role": "viewer"}, admin)
    yield Team(
        running,
        client(folder / "owner", "server"),
        client(folder / "looker", "watcher"),
        client(folder / "stranger", "outsider"),
        client(folder / "bound", "server", project="apart"),
    )
    clear()
    end(running)
    for project in ("serving", "apart", "foreign"):
        ask("DELETE", f"/projects/{project}", token=admin)
    for name in ("server", "watcher", "outsider"):
        ask("DELETE", f"/accounts/{name}", token=admin)


@pytest.fixture(scope="module")
def page(team: Team) -> None:
    """A page that the step of CI has deployed."""
    team.owner.file("web", text())
    planned = team.owner.step("plan", "web")
    assert (planned.code, '"action":"make"' in planned.out) == (0, True), planned.all
    deployed = team.owner.step("web")
    assert (deployed.code, "succeeded" in deployed.out) == (0, True), deployed.all
    assert "bringing serving/web" in deployed.out


def test_it_is_confined(team: Team) -> None:
    check_confined(*SERVICES)


def test_a_folder_is_deployed_changed_and_taken_back(team: Team, page: None) -> None:
    owner = team.owner
    until(lambda: owner.says("first"), 20)
    (found,) = owner.curl("/v1/deployments?project=serving").json["deployments"]
    assert (found["name"], found["phase"], found["revision"]) == ("web", "Running", 1)
    second, third = (
        json.dumps({"files": {"deployment.yaml": text(word=word)}}) for word in ("second", "third")
    )
    form = ("-H", "Content-Type: application/json", "-d")
    planned = owner.curl(PLANS, *form, second)
    assert {step["action"] for step in planned.json["plan"]} == {"change", "set"}, planned.text
    key = ("-X", "PUT", "-H", "Idempotency-Key: second", *form)
    begun = [owner.curl(ONE, *key, second) for _ in range(2)]
    assert begun[0].json["id"] == begun[1].json["id"]
    used = owner.curl(ONE, *key, third)
    assert (used.status, used.json["title"]) == (409, "Conflict")
    assert owner.followed(begun[0])[1]["revision"] == 2
    until(lambda: owner.says("second"), 20)
    logs = owner.curl(f"{ONE}/logs?tail=5")
    assert (logs.status, logs.events[-1][0]) == (200, "end")
    back = owner.curl(f"{ONE}/rollback", "-X", "POST")
    assert owner.followed(back)[1]["state"] == "succeeded"
    until(lambda: owner.says("first"), 20)
    kept = owner.curl(f"{ONE}/revisions").json["revisions"]
    assert [(each["by"], each["is_present"]) for each in kept] == [
        ("server", is_present) for is_present in (True, False, False)
    ]


def test_what_is_wrong_or_cancelled_leaves_what_was_there(team: Team, page: None) -> None:
    owner = team.owner
    begun = owner.put("web", text(command=NEVER))
    where = begun.headers["location"]
    until(lambda: owner.curl(where).json["state"] == "running", 20)
    assert owner.curl(f"{where}/cancel", "-X", "POST").status == 200
    assert owner.followed(begun)[1]["state"] == "cancelled"
    owner.file("web", text(shm="much"))
    failed = owner.step("web")
    assert (failed.code, "failed" in failed.out) == (1, True), failed.all
    assert "deployment.yaml" in failed.out
    until(lambda: owner.says("first"), 20)
    listed = owner.curl(f"{OPERATIONS}?page_size=2").json
    assert [each["state"] for each in listed["operations"]] == ["failed", "cancelled"]
    more = owner.curl(f"{OPERATIONS}?page_size=2&page_token={listed['next_page_token']}").json
    assert [each["verb"] for each in more["operations"]] == ["rollback", "apply"]


def test_nobody_else_learns_or_changes_anything(team: Team, page: None) -> None:
    own = team.owner.curl("/v1/deployments").json["deployments"]
    assert [each["name"] for each in own] == ["web"]
    last, *_ = team.owner.curl(OPERATIONS).json["operations"]
    log = f"{OPERATIONS}/{last['id']}"
    for other in (team.stranger, team.bound):
        assert other.curl("/v1/deployments").json["deployments"] == []
        for path in (ONE, f"{ONE}/logs", f"{ONE}/revisions", OPERATIONS, log, f"{log}/log"):
            found = other.curl(path)
            assert (found.status, found.json["detail"]) == (404, "not found")
        for words in (("-X", "DELETE"), ("-T", "-")):
            assert other.curl(ONE, *words).status == 404
    assert team.looker.curl(ONE).json == own[0]
    assert team.looker.curl(ONE, "-X", "DELETE").status == 403
    assert Client(team.owner.folder, "skp_rubbish").curl(ONE).status == 401
    access = Client(team.owner.folder, str(log_in("server")["access_token"]))
    assert access.curl("/v1/me").json["label"] == ""
    jupyter = Client(team.owner.folder, str(log_in("server", audience="jupyter")["access_token"]))
    assert jupyter.curl("/v1/me").status == 401


def _tried(team: Team, mode: str, methods: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Have schemathesis look for answers that the API's description does not have."""
    chosen = [word for method in methods for word in ("--include-method", method)]
    return subprocess.run(
        [str(PROGRAM), "run", f"{URL}/openapi.json", *chosen,
         "--mode", mode, "--phases", "fuzzing", "--max-examples", "10", "--max-time", "5",
         "--exclude-path-regex", "events$", "--exclude-checks", "positive_data_acceptance",
         "-H", f"Authorization: Bearer {team.bound.token}", "--no-color"],
        cwd=team.bound.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_it_answers_is_what_it_says_that_it_answers(team: Team) -> None:
    # (What changes something is tried with what can't be alone: nothing is deployed by it.)
    tries = (("all", ("GET",)), ("negative", ("POST", "PUT", "DELETE")))
    with ThreadPoolExecutor() as pool:
        for done in pool.map(lambda each: _tried(team, *each), tries):
            assert done.returncode == 0, done.stdout


def test_its_page_asks_for_nothing_elsewhere(team: Team) -> None:
    with sheet() as seen:
        seen.driver.get(f"{URL}/docs")
        until(lambda: len(seen.driver.find_elements("css selector", ".opblock")) > 10, 20)
        assert {url.startswith(f"{URL}/") for url in seen.requests()} == {True}


def test_a_deployment_is_removed(team: Team, page: None) -> None:
    removed = team.owner.curl(ONE, "-X", "DELETE")
    assert team.owner.followed(removed)[1]["state"] == "succeeded"
    assert team.owner.curl("/v1/deployments").json["deployments"] == []
    assert team.owner.curl(ONE).status == 404
