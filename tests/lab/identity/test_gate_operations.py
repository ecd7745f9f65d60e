"""Operations of the gate, handed in as the API does: each ends right, whatever ends the gate."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import gate_client
from tests.support.accounts import Env
from tests.support.data_volumes import until
from tests.support.deployed import SERVE, clear
from tests.support.gate_client import ask, ask_all, files
from tests.support.lab import MINUTES, on, skp
from tests.support.pushes import end, says, serve, settings, there

PROJECT, OWNER, LOOKER, STRANGER = "works", "maker", "watcher", "admin"
KILLS = 3
_SAYS = ["sh", "-c", f"echo it begins; {SERVE.format(word='first')}"]
SAID = {"project": PROJECT, "account": LOOKER}
FIRST: dict[str, str] = {"key": "a-key", "archive": files(command=_SAYS)}


@pytest.fixture(scope="module")
def env(
    running: Env, image_of_deployments: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Env]:
    """The gate, accounts, and a container in the API's place."""
    found = settings(tmp_path_factory.mktemp("operations"), running)
    serve(found, ["gate"])
    for words in (
        *(("account.add", name) for name in (OWNER, LOOKER)),
        ("project.add", PROJECT, "-o", OWNER),
        ("project.member-set", PROJECT, "-a", LOOKER, "-r", "viewer"),
    ):
        made = skp(*words, env=found)
        assert made.code == 0, made.all
    gate_client.begin()
    yield found
    gate_client.end()
    clear()
    skp("project.rm", PROJECT, "--yes", env=found)
    for name in (OWNER, LOOKER):
        skp("account.rm", name, "--yes", env=found)
    end(found, ["gate"])


@pytest.fixture(scope="module")
def page(env: Env) -> dict[str, Any]:
    """The operation that has brought a page."""
    made = submit(**FIRST)
    assert (made["state"], made["deployment"]) == ("pending", "web"), made
    done = ended(made)
    assert (done["state"], done["revision"], done["exit_code"]) == ("succeeded", 1, 0), done
    return done


def submit(name: str = "web", verb: str = "apply", word: str = "", **more: Any) -> dict[str, Any]:
    given = {"archive": files(name, **({"word": word} if word else {}))} if verb == "apply" else {}
    return ask("submit", PROJECT, OWNER, verb=verb, name=name, **{**given, **more})


def ended(made: dict[str, Any]) -> dict[str, Any]:
    """Follow an operation to its end."""
    return ask("follow", PROJECT, LOOKER, id=made["id"])


def states() -> dict[str, str]:
    """Return the state of each operation by its id."""
    found = ask("operations", PROJECT, OWNER)
    return {each["id"]: each["state"] for each in found.get("operations", [])}


def services() -> list[str]:
    """Return the names of the project's services in the Swarm."""
    listed = on("c01", f"docker service ls --format '{{{{.Name}}}}' --filter name={PROJECT}_")
    return sorted(listed.out.split())


def test_an_operation_is_handed_in_followed_and_seen(page: dict[str, Any]) -> None:
    assert submit(**FIRST) == page
    assert submit(word="other", key="a-key")["kind"] == "conflict"
    (row,) = page["rows"]
    until(lambda: says("first"), 20)
    look = ask("look", "", LOOKER)
    (seen,) = look["deployments"]
    assert {**seen, "id": 0} == {**row, "id": 0}
    assert {node["name"]: node["state"] for node in look["nodes"]}["c01"] == "ready"
    plan = ask("plan_one", PROJECT, OWNER, name="web", archive=files(word="next"))
    assert [step["action"] for step in plan["plan"]].count("change") == 1, plan
    (history,) = ask("history", PROJECT, LOOKER, name="web")["rows"]
    assert (history["revision"], history["by"]) == (1, OWNER)
    (logs,) = ask_all([{**SAID, "action": "logs", "name": "web", "tail": "5"}])
    assert (logs["result"], logs["lines"]) == ({"failed": 0}, [f"{row['node']}: it begins"])


def test_who_is_not_in_the_project_finds_nothing(page: dict[str, Any]) -> None:
    made = submit(verb="remove", name="nothing")
    assert made["state"] == "pending"
    said = {"project": PROJECT, "account": STRANGER, "id": made["id"], "name": "web"}
    outside = [
        {**said, "action": "operation"}, {**said, "action": "cancel"},
        {**said, "action": "logs", "id": ""}, {**said, "action": "look", "id": ""},
        {**said, "action": "submit", "verb": "remove", "id": ""},
        {**said, "account": OWNER, "action": "operation", "id": "op_" + "0" * 26},
    ]  # fmt: skip
    assert [each["result"]["kind"] for each in ask_all(outside)] == ["not found"] * 6
    assert ask("submit", PROJECT, LOOKER, verb="remove", name="web")["kind"] == "forbidden"
    assert ask("apply", PROJECT, OWNER)["error"] == "apply is not asked for here"
    (other,) = ask_all([{"action": "look", "account": OWNER}], user="58021:58021")
    assert "Permission denied" in other["result"]["error"]
    assert ended(made)["reason"] == f"there is no deployment {PROJECT}/nothing"


def test_many_looks_at_once_cost_one(env: Env) -> None:
    ask("look", "", OWNER)
    begun = "docker exec gate-skp sh -c 'ls -d /proc/[0-9]* | wc -l'"
    before = int(on("c01", begun).out)
    found = ask_all([{"action": "look", "account": OWNER}] * 200)
    assert all(each["result"]["unknown"] == "" for each in found)
    assert len({each["result"]["as_of"] for each in found}) <= 3
    assert max(each["seconds"] for each in found) < 8
    assert int(on("c01", begun).out) <= before + 2, "a look is no process"


def test_one_that_runs_is_cancelled_and_taken_back(page: dict[str, Any]) -> None:
    slow = submit(archive=files(command=["sh", "-c", "sleep 600"]))
    waits = submit(verb="remove")
    until(lambda: "running" in states()[slow["id"]], 20)
    until(lambda: "containers run" in ask("operation", PROJECT, OWNER, id=slow["id"])["phase"], 30)
    assert ask("cancel", PROJECT, OWNER, id=waits["id"])["state"] == "cancelled"
    assert ask("cancel", PROJECT, OWNER, id=slow["id"])["state"] == "running"
    done = ended(slow)
    assert (done["state"], done["revision"]) == ("cancelled", 1), done
    assert states()[waits["id"]] == "cancelled"
    until(lambda: says("first"), 30)


def test_a_gate_that_is_killed_forgets_nothing_and_does_nothing_twice(
    env: Env, page: dict[str, Any]
) -> None:
    """Killed again and again while operations run and wait: each ends as if it had not been."""
    moments = random.Random(125)  # noqa: S311
    made = [
        submit(word="second"), submit("side", word="one"), submit("web", "rollback"),
        submit("side", "remove"),
    ]  # fmt: skip
    pid = "$(docker inspect -f '{{.State.Pid}}' gate-skp)"
    for _ in range(KILLS):
        moment = moments.uniform(0.5, 3)
        killed = on("c01", f"sleep {moment:.2f}; sudo kill -9 {pid}")
        assert killed.code == 0, killed.all
        until(lambda: bool(states()), MINUTES)
    until(lambda: not {"pending", "running"} & {*states().values()}, 2 * MINUTES)
    found = [ask("operation", PROJECT, OWNER, id=each["id"]) for each in made]
    assert [each["state"] for each in found] == ["succeeded"] * 4, found
    told = [ask_all([{**SAID, "action": "follow", "id": each["id"]}])[0]["lines"] for each in made]
    assert any("the gate was ended meanwhile: it goes on" in lines for lines in told)
    assert services() == [f"{PROJECT}_web-0_main"]
    assert there(env) == {"web": 3}
    until(lambda: says("first"), 30)
    assert [row["phase"] for row in ask("look", PROJECT, OWNER)["deployments"]] == ["Running"]
    # (Each brought one revision, with what was there before; the cancelled one left none.)
    assert len(ask("history", PROJECT, OWNER, name="web")["rows"]) == 3
    left = on("c01", f"sudo ls /home/skp/skp/platform/gate/{PROJECT}/operations/{made[0]['id']}")
    assert "files.tar" not in left.out, "what was handed in is not kept any longer"
