"""The HTTP API: real tokens, the real gate, curl as a client; and nobody else's deployments."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.accounts import Env, ask, log_in, made
from tests.support.api_client import SERVICES, URL, Client, client, end, serve
from tests.support.confined import check_confined
from tests.support.data_volumes import until
from tests.support.deployed import answers, clear, text
from tests.support.lab import skp
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
def page(team: Team) -> str:
    """The id of the operation by which a page is deployed."""
    begun = team.owner.put("web", text(), "-H", "Idempotency-Key: first")
    lines, ended = team.owner.followed(begun)
    assert ended["state"] == "succeeded", (lines, ended)
    assert any("serving/web" in line for line in lines)
    return str(ended["id"])


def test_it_is_confined(team: Team) -> None:
    check_confined(*SERVICES)


def test_a_folder_is_deployed_changed_taken_back_and_removed(team: Team, page: str) -> None:
    owner = team.owner
    until(lambda: answers("first"), 20)
    (found,) = owner.curl("/v1/deployments?project=serving").json["deployments"]
    assert (found["name"], found["phase"], found["revision"]) == ("web", "Running", 1)
    (line,) = skp("deploy.history", "web", "--json", env=team.env).json
    assert (line["by"], line["revision"]) == ("server", 1)
    body = json.dumps({"files": {"deployment.yaml": text(word="second")}})
    sent = ("-H", "Content-Type: application/json", "-d", body)
    planned = owner.curl(PLANS, *sent)
    assert {step["action"] for step in planned.json["plan"]} == {"change", "set"}, planned.text
    key = ("-X", "PUT", "-H", "Idempotency-Key: second")
    begun = [owner.curl(ONE, *key, *sent) for _ in range(2)]
    assert begun[0].json["id"] == begun[1].json["id"]
    other = json.dumps({"files": {"deployment.yaml": text(word="third")}})
    used = owner.curl(ONE, *key, *sent[:3], other)
    assert (used.status, used.json["title"]) == (409, "Conflict")
    assert owner.followed(begun[0])[1]["revision"] == 2
    until(lambda: answers("second"), 20)
    logs = owner.curl(f"{ONE}/logs?tail=5")
    assert (logs.status, logs.events[-1][0]) == (200, "end")
    back = owner.curl(f"{ONE}/rollback", "-X", "POST")
    assert owner.followed(back)[1]["state"] == "succeeded"
    until(lambda: answers("first"), 20)
    kept = owner.curl(f"{ONE}/revisions").json["revisions"]
    assert [each["is_present"] for each in kept] == [True, False, False]
    wrong = owner.put("web", text(shm="much"))
    _, ended = owner.followed(wrong)
    assert (ended["state"], "deployment.yaml" in ended["reason"]) == ("failed", True), ended
    listed = owner.curl(f"{OPERATIONS}?page_size=3").json
    assert [each["verb"] for each in listed["operations"]] == ["apply", "rollback", "apply"]
    more = owner.curl(f"{OPERATIONS}?page_size=3&page_token={listed['next_page_token']}").json
    assert [each["id"] for each in more["operations"]] == [page]
    assert owner.followed(owner.curl(ONE, "-X", "DELETE"))[1]["state"] == "succeeded"
    assert owner.curl("/v1/deployments").json["deployments"] == []


def test_one_that_does_not_come_up_is_cancelled_and_the_step_of_ci_ends_as_it_did(
    team: Team,
) -> None:
    owner = team.owner
    first = owner.put("slow", text("slow", command=NEVER))
    where = first.headers["location"]
    until(lambda: owner.curl(where).json["state"] == "running", 20)
    assert owner.curl(f"{where}/cancel", "-X", "POST").status == 200
    assert owner.followed(first)[1]["state"] == "cancelled"
    assert owner.curl("/v1/deployments").json["deployments"] == []
    (owner.folder / "ci").mkdir()
    (owner.folder / "ci" / "deployment.yaml").write_text(text("ci"))
    planned = owner.step("plan", "ci")
    assert (planned.code, "plan-ci.json" in str([*owner.folder.iterdir()])) == (0, True)
    deployed = owner.step("ci")
    assert (deployed.code, "succeeded" in deployed.out) == (0, True), deployed.all
    (owner.folder / "ci" / "deployment.yaml").write_text("name: other\n")
    failed = owner.step("ci")
    assert (failed.code, "failed" in failed.out) == (1, True), failed.all


def test_nobody_else_learns_or_changes_anything(team: Team) -> None:
    own = team.owner.curl("/v1/deployments").json["deployments"]
    assert [each["name"] for each in own] == ["ci"]
    one, operations = f"{ONE[:-3]}ci", team.owner.curl(OPERATIONS).json["operations"]
    log = f"{OPERATIONS}/{operations[0]['id']}"
    for other in (team.stranger, team.bound):
        assert other.curl("/v1/deployments").json["deployments"] == []
        for path in (one, f"{one}/logs", f"{one}/revisions", OPERATIONS, log, f"{log}/log"):
            found = other.curl(path)
            assert (found.status, found.json["detail"]) == (404, "not found")
        for words in (("-X", "DELETE"), ("-T", "-")):
            assert other.curl(one, *words).status == 404
    assert team.looker.curl(one).json == own[0]
    assert team.looker.curl(one, "-X", "DELETE").status == 403
    assert Client(team.owner.folder, "skp_rubbish").curl(one).status == 401
    access = Client(team.owner.folder, str(log_in("server")["access_token"]))
    assert access.curl("/v1/me").json["label"] == ""
    jupyter = Client(team.owner.folder, str(log_in("server", audience="jupyter")["access_token"]))
    assert jupyter.curl("/v1/me").status == 401


def test_what_it_answers_is_what_it_says_that_it_answers(team: Team) -> None:
    # (What changes something is tried with what can't be alone: nothing is deployed by it.)
    token = team.bound.token
    for mode, methods in (("all", ("GET",)), ("negative", ("POST", "PUT", "DELETE"))):
        chosen = [word for method in methods for word in ("--include-method", method)]
        done = subprocess.run(
            [str(PROGRAM), "run", f"{URL}/openapi.json", *chosen,
             "--mode", mode, "--phases", "fuzzing", "--max-examples", "10", "--max-time", "10",
             "--exclude-path-regex", "events$", "--exclude-checks", "positive_data_acceptance",
             "-H", f"Authorization: Bearer {token}", "--no-color"],
            cwd=team.bound.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_its_page_asks_for_nothing_elsewhere(team: Team) -> None:
    with sheet() as seen:
        seen.driver.get(f"{URL}/docs")
        until(lambda: len(seen.driver.find_elements("css selector", ".opblock")) > 10, 20)
        assert {url.startswith(f"{URL}/") for url in seen.requests()} == {True}
