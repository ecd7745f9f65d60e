"""What requests become for the gate, and what its answers become over HTTP."""

from __future__ import annotations

import io
import json
import tarfile
from functools import partial
from typing import Any

import pytest

from gate.protocol import Request
from tests.support.api_served import Served
from tests.support.api_stand_ins import operation, refusal, result, row

ONE = "/v1/projects/vision/deployments/web"
FILES = {"files": {"deployment.yaml": "name: web\n", "page/index.html": "hello"}}


def tarred(**files: str) -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as tar:
        folder = tarfile.TarInfo(".")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, text in files.items():
            member = tarfile.TarInfo(f"./{name}.yaml")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return found.getvalue()


def test_who_asks_is_told_what_the_token_counts_for(served: Served) -> None:
    found = served.ask("GET", "/v1/me").json()
    assert (found["name"], found["uid"], found["project"]) == ("kim", 20001, "")
    assert found["projects"] == [{"name": "vision", "gid": 30001, "role": "owner"}]
    assert served.gate.asked == []


def test_deployments_are_those_of_the_tokens_projects(served: Served) -> None:
    found = served.ask("GET", "/v1/deployments").json()
    assert [(each["project"], each["name"]) for each in found["deployments"]] == [("vision", "web")]
    (container,) = found["deployments"][0]["containers"]
    assert container["ports"] == [{"inside": 80, "host": 30001}]
    assert container["urls"] == [{"port": 80, "url": "https://web.example.com"}]
    assert {"mounts", "task", "container"} & container.keys() == set()
    assert (found["as_of"], found["unknown"]) == (1000.0, "")
    assert served.ask("GET", ONE).json() == found["deployments"][0]
    assert (served.gate.last.project, served.gate.last.name) == ("vision", "web")
    node = served.ask("GET", "/v1/nodes").json()["nodes"][0]
    assert (node["name"], node["has"]["cpus"]) == ("c01", 4.0)


def test_a_deployment_that_there_is_not_is_none(served: Served) -> None:
    for path in (ONE.replace("web", "other"), f"{ONE.replace('web', 'other')}/logs"):
        found = served.ask("GET", path)
        assert (found.status_code, found.json()["detail"]) == (404, "not found")


@pytest.mark.parametrize(
    ("body", "kind"), [(json.dumps(FILES), "application/json"), (tarred(deployment="x: 1"), "")]
)
def test_files_are_submitted_as_one_archive(served: Served, body: Any, kind: str) -> None:
    served.gate.answers["submit"] = result(**operation(7))
    headers = {"Content-Type": kind, "Idempotency-Key": "run:7"}
    found = served.ask("PUT", ONE, data=body, headers=headers)
    assert (found.status_code, found.json()["state"]) == (202, "running")
    assert found.headers["Location"] == f"/v1/projects/vision/operations/op_{7:026}"
    asked = served.gate.last
    assert (asked.account, asked.project, asked.verb, asked.name) == (
        "kim", "vision", "apply", "web",
    )  # fmt: skip
    assert asked.key == "run:7"
    first = "Deployments/web/deployment.yaml"
    assert served.gate.files()[first] == (b"name: web\n" if kind else b"x: 1")


def test_a_deployment_is_removed_and_rolled_back(served: Served) -> None:
    served.gate.answers["submit"] = result(**operation(verb="remove"))
    assert served.ask("DELETE", ONE).status_code == 202
    assert (served.gate.last.verb, served.gate.last.name) == ("remove", "web")
    assert served.ask("POST", f"{ONE}/rollback", json={"to": 3}).status_code == 202
    assert (served.gate.last.verb, served.gate.last.to) == ("rollback", 3)
    assert served.ask("POST", f"{ONE}/rollback").status_code == 202
    assert served.gate.last.to == 0


def test_a_plan_and_revisions_are_told(served: Served) -> None:
    steps = [{"action": "set", "field": "replicas", "old": "1", "new": "2"}]
    served.gate.answers["plan_one"] = result(ok=True, plan=steps)
    found = served.ask("POST", "/v1/projects/vision/plans", json=FILES).json()
    assert {k: v for k, v in found["plan"][0].items() if v is not None} == steps[0]
    kept = {
        "revision": 3, "made": "2026-11-30T12:00:00Z", "by": "kim", "commit": "",
        "images": {"main": "skp/page"}, "is_present": True,
    }  # fmt: skip
    served.gate.answers["history"] = result(rows=[kept])
    assert served.ask("GET", f"{ONE}/revisions").json() == {"revisions": [kept]}
    assert (served.gate.last.project, served.gate.last.name) == ("vision", "web")


def test_operations_are_listed_in_pages_shown_and_cancelled(served: Served) -> None:
    path = "/v1/projects/vision/operations"
    numbers = [9, 7, 5, 3]
    served.gate.answers["operations"] = lambda _: [
        {"result": {"operations": [operation(each) for each in numbers]}}
    ]
    seen, token = list[str](), ""
    while True:
        page = served.ask("GET", f"{path}?page_size=2&page_token={token}").json()
        seen += [each["id"][-1] for each in page["operations"]]
        numbers = [each for each in numbers if each != 7]  # (One is forgotten meanwhile.)
        if not (token := page["next_page_token"]):
            break
    assert seen == ["9", "7", "5", "3"]
    served.gate.answers["operation"] = result(**operation(5, rows=[row()], state="succeeded"))
    found = served.ask("GET", f"{path}/op_{5:026}").json()
    assert (found["state"], found["containers"][0]["node"]) == ("succeeded", "c01")
    served.gate.answers["cancel"] = result(**operation(5, state="cancelled"))
    assert served.ask("POST", f"{path}/op_{5:026}/cancel").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *(("wrong", 422), ("forbidden", 403), ("not found", 404), ("conflict", 409)),
        *(("too many", 429), ("away", 503), ("failed", 500), ("another", 500)),
    ],
)
def test_what_the_gate_refuses_is_a_problem_of_its_kind(
    served: Served, kind: str, status: int
) -> None:
    wrong = [{"error": "deployment.yaml:2: much", "hint": "Say how much."}]
    served.gate.answers["submit"] = refusal(kind, "it is vision/other's", errors=wrong)
    found = served.ask("PUT", ONE, json=FILES)
    assert found.headers["Content-Type"] == "application/problem+json"
    assert (found.status_code, found.json()["status"]) == (status, status)
    if status == 404:
        assert "other" not in found.text
    else:
        assert found.json()["errors"] == ["deployment.yaml:2: much: Say how much."]


def _same(said: list[dict[str, Any]], _: Request) -> list[dict[str, Any]]:
    return said


def test_a_gate_that_is_away_or_says_nonsense_is_told(fresh: Served) -> None:
    odd: list[list[dict[str, Any]]] = [[], [{"what": 1}], [{"result": "text"}]]
    for said in odd:
        fresh.gate.answers["look"] = partial(_same, said)
        found = fresh.ask("GET", "/v1/nodes")
        assert (found.status_code, found.json()["detail"]) == (503, "the gate does not answer")
    fresh.gate.answers["look"] = result(nodes=[{"name": 7}], as_of="x")
    assert fresh.ask("GET", "/v1/nodes").status_code == 500
    fresh.gate.close()
    assert fresh.ask("GET", "/v1/nodes").status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("POST", "/v1/nodes", {}, 405),
        ("GET", "/v1/projects/Vision/operations", {}, 422),
        ("GET", "/v1/deployments?page_size=0", {}, 422),
        ("GET", "/v1/deployments?page_token=YWJj", {}, 422),
        ("GET", "/v1/projects/vision/operations/op_7", {}, 422),
        ("PUT", ONE, {"data": b"{", "headers": {"Content-Type": "application/json"}}, 422),
        ("PUT", ONE, {"json": {"files": {}}}, 422),
        ("PUT", ONE, {"json": {"files": {"../x": ""}}}, 422),
        ("PUT", ONE, {"json": {**FILES, "more": 1}}, 422),
        ("PUT", ONE, {"json": {"files": {"deployment.yaml": 7}}}, 422),
        ("PUT", ONE, {"data": b"no archive"}, 422),
        ("PUT", ONE, {"json": FILES, "headers": {"Idempotency-Key": "a b"}}, 422),
        ("PUT", ONE, {"data": {"a": "b"}}, 415),
        ("PUT", ONE, {"json": {"files": {"a": "x" * (1 << 20), "b": "y" * (2 << 20)}}}, 413),
        ("PUT", ONE, {"data": b" " * (17 << 20)}, 413),
        ("POST", f"{ONE}/rollback", {"json": {"to": "3"}}, 422),
        ("POST", f"{ONE}/rollback", {"data": b" " * (1 << 17)}, 413),
    ],
)
def test_what_can_not_be_is_refused_before_the_gate_is_asked(
    served: Served, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    found = served.ask(method, path, **more)
    assert (found.status_code, found.json()["status"]) == (status, status), found.text
    assert found.headers["Content-Type"] == "application/problem+json"
    assert [asked.action for asked, _ in served.gate.asked if asked.action != "look"] == []


def test_the_page_asks_for_nothing_elsewhere(served: Served) -> None:
    page = served.ask("GET", "/docs")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("<!DOCTYPE html>", "")
    hello = served.ask("GET", "/", "-")
    assert (hello.status_code, hello.text) == (200, "")
    assert served.ask("GET", "/docs/swagger-ui.css").text == "a {}"
    assert served.ask("GET", "/docs/begin.js").status_code == 200
    assert served.ask("GET", "/docs/conftest.py").status_code == 422
    assert served.ask("GET", "/health").json() == {"status": "ok"}
