"""The fake nodes of the unit tests: what they note, and how they answer and fail."""

from __future__ import annotations

import io
from pathlib import Path

import docker.errors
import pytest
import requests

from cluster.connectors.base import Completed
from cluster.connectors.engine import Engine
from cluster.errors import BrokenError, DeadlineError, NodeError
from tests.support import wire as wires
from tests.support.fakes import (
    SHORT,
    FakeConnection,
    Ran,
    Reply,
    UnscriptedError,
    content,
    done,
    events,
    fake_fleet,
    fake_node,
    frames,
    golden,
    half,
    refusal,
    reply,
)


def test_commands_and_requests_are_noted_in_their_order() -> None:
    c01 = FakeConnection("c01")
    c01.on_run("rm -rf", done())
    c01.on("GET /containers/json", reply([]))
    c01.on("POST /containers/create", reply({"Id": "1"}, 201))
    node = fake_node(c01)
    node.sudo("rm -rf /x", stdin=b"abc")
    with node.talking() as engine:
        assert engine.containers(all=True, filters={"name": "x"}) == []
        engine.create_container_from_config({"Image": "i", "Cmd": ["a"]}, "x.new")
    assert c01.wire == [
        "run: sudo -n sh -c 'rm -rf /x' < 3 bytes",
        'GET /containers/json?limit=-1&all=1&size=0&trunc_cmd=0&filters={"name": ["x"]}',
        'POST /containers/create?name=x.new {"Cmd": ["a"], "Image": "i"}',
    ]


def test_what_no_script_covers_is_named_and_not_swallowed() -> None:
    c01 = FakeConnection("c01")
    with pytest.raises(UnscriptedError, match="no outcome is scripted of: ls /"):
        fake_node(c01).run("ls /")
    with pytest.raises(UnscriptedError, match="no answer is scripted to: GET /info"):
        fake_fleet("c01").each(lambda node: node.engine.info())


def test_answers_come_one_after_another_and_the_last_is_repeated() -> None:
    c01 = FakeConnection("c01")
    c01.on("GET /info", reply({"n": 1}), reply({"n": 2}))
    c01.on_run("who", done(1), done(0, "me"))
    node = fake_node(c01)
    assert [node.engine.info()["n"] for _ in range(3)] == [1, 2, 2]
    assert [node.run("who").exit_code for _ in range(3)] == [1, 0, 0]


def test_the_pattern_that_was_scripted_last_counts_and_may_hold_a_query() -> None:
    c01 = FakeConnection("c01")
    c01.on("GET /containers/*/json", reply({"Name": "any"}))
    c01.on("GET /containers/x/json", reply({"Name": "x"}))
    c01.on("DELETE /containers/x?*force=True*", refusal(409, "in use"))
    c01.on("DELETE /containers/x?*force=False*", reply(status=204))
    engine = c01.engine(5)
    assert engine.inspect_container("x")["Name"] == "x"
    assert engine.inspect_container("y")["Name"] == "any"
    engine.remove_container("x")
    with pytest.raises(docker.errors.APIError, match="in use"):
        engine.remove_container("x", force=True)


def test_a_function_may_answer() -> None:
    c01 = FakeConnection("c01")
    c01.on("POST /networks/create", lambda request: reply({"Id": request.body["Name"]}, 201))
    assert c01.engine(5).create_network("n")["Id"] == "n"


def test_a_command_reads_its_input_and_tells_lines() -> None:
    def cat(ran: Ran) -> Completed:
        assert not isinstance(ran.stdin, bytes)
        return done(0, ran.stdin.read().decode())

    seen: list[str] = []
    c01 = FakeConnection("c01")
    c01.on_run("cat", cat)
    c01.on_run("build", done(3, stderr="one\ntwo\n"))
    node = fake_node(c01)
    assert node.run("cat", stdin=io.BytesIO(b"in")).stdout == b"in"
    assert node.run("build", on_line=seen.append, deadline=7).exit_code == 3
    assert seen == ["one", "two"]
    assert [ran.deadline for ran in c01.commands] == [SHORT.request, 7]


def test_a_command_in_a_container_ends_as_scripted() -> None:
    c01 = FakeConnection("c01")
    c01.on_exec("x", "busy", (0, "at work\n"), (1, ""))
    c01.on_exec("x", "settled", (2, "not yet"))

    def run(engine: Engine, *command: str) -> tuple[int, bytes]:
        made = engine.exec_create("x", list(command))["Id"]
        said = engine.exec_output(made)
        return engine.exec_inspect(made)["ExitCode"], said

    engine = c01.engine(5)
    assert run(engine, "is", "busy") == (0, b"at work\n")
    assert run(engine, "is", "settled") == (2, b"not yet")
    assert run(engine, "is", "busy") == (1, b"")
    assert [line.partition(" {")[0] for line in c01.wire[:3]] == [
        "POST /containers/x/exec",
        "POST /exec/exec-1/start",
        "GET /exec/exec-1/json",
    ]


def test_streams_are_read_event_by_event() -> None:
    c01 = FakeConnection("c01")
    c01.on("POST /images/create", events({"status": "Pulling"}, {"error": "no such"}))
    c01.on("POST /images/*/push", events({"status": "Pushed", "id": "1"}))
    c01.on("POST /images/load", events({"stream": "Loaded"}))
    c01.on("POST /build/prune", reply({"SpaceReclaimed": 7}))
    engine = c01.engine(5)
    assert list(engine.pull_events("r/i", "1")) == [{"status": "Pulling"}, {"error": "no such"}]
    assert list(engine.push("r/i:1", stream=True, decode=True)) == [{"status": "Pushed", "id": "1"}]
    assert list(engine.load_image(iter([b"ab", b"c"]))) == [{"stream": "Loaded"}]
    assert engine.prune_builds(all=True)["SpaceReclaimed"] == 7
    assert c01.wire == [
        "POST /images/create?fromImage=r/i&tag=1",
        "POST /images/r/i/push?tag=1",
        "POST /images/load <3 bytes>",
        "POST /build/prune?all=True",
    ]


def test_images_and_logs_are_bytes() -> None:
    c01 = FakeConnection("c01")
    c01.on("GET /images/i/get", content(b"one", b"two"))
    c01.on("GET /containers/x/logs", content(frames("a\n", "b\n")))
    c01.on("GET /containers/x/json", reply({"Config": {"Tty": False}}))
    engine = c01.engine(5)
    assert b"".join(engine.image_chunks("i")) == b"onetwo"
    assert engine.logs("x", tail=2) == b"a\nb\n"
    assert b"".join(engine.log_chunks("x", {"follow": "1"})) == frames("a\n", "b\n")


FAILURES: list[tuple[Reply | Exception, type[NodeError], str]] = [
    (refusal(500, "rpc error"), NodeError, "rpc error"),
    (half(reply({"Name": "c01"})), BrokenError, "reset by the script"),
    (half(reply({"Name": "c01"}), TimeoutError()), BrokenError, "TimeoutError"),
    (content(b"{broken"), BrokenError, "Expecting"),
    (requests.exceptions.ReadTimeout(), DeadlineError, "does not answer"),
    (requests.exceptions.ConnectionError("refused"), BrokenError, "refused"),
]


@pytest.mark.parametrize(("answer", "kind", "message"), FAILURES)
def test_an_engine_fails_as_a_real_one_does(
    answer: Reply | Exception, kind: type[NodeError], message: str
) -> None:
    c01 = FakeConnection("c01")
    c01.on("GET /info", answer)
    with pytest.raises(kind, match=message), fake_node(c01).talking("asking") as engine:
        engine.info()


def test_a_stream_breaks_off_after_half_of_its_events() -> None:
    c01 = FakeConnection("c01")
    c01.on("POST /images/create", half(events({"n": 1}, {"n": 2})))
    seen: list[object] = []
    with pytest.raises(BrokenError), fake_node(c01).talking() as engine:
        for event in engine.pull_events("r/i", "1"):
            seen.append(event)  # noqa: PERF402 - what came before it broke
    assert seen == [{"n": 1}]


def test_how_long_a_request_may_wait_is_noted() -> None:
    c01 = FakeConnection("c01")
    c01.on("GET /info", reply({}))
    with fake_node(c01).talking(seconds=7) as engine:
        engine.info()
    assert c01.requests[0].timeout == 7


def test_a_fleet_asks_all_its_nodes_and_notes_who_was_asked() -> None:
    fleet = fake_fleet("c01", "c02", "c03", unreachable=["c03"])
    for connection in fleet.connections.values():
        connection.on("GET /info", reply({"Name": connection.name}))
    found = fleet.each(lambda node: node.engine.info()["Name"])
    assert found.values == {"c01": "c01", "c02": "c02"}
    assert list(fleet.unreachable) == ["c03"]
    assert sorted(fleet.wire) == ["c01: GET /info", "c02: GET /info"]


def test_a_fleet_reconnects_to_what_the_test_gives() -> None:
    fleet = fake_fleet("c01", "c02")
    fleet.again["c01"] = FakeConnection("c01", fleet.wire)
    fleet.reconnect(["c01", "c02"])
    assert fleet.nodes["c01"].connection is fleet.again["c01"]
    assert fleet.nodes["c02"].connection is fleet.connections["c02"]
    assert fleet.connections["c01"].closed


def test_a_golden_file_is_compared_and_written_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wires, "GOLDEN", tmp_path)
    monkeypatch.delenv("SKP_GOLDEN", raising=False)
    sent = ["POST /x " + '{"A": "' + 100 * "a" + '"}']
    with pytest.raises(AssertionError, match="SKP_GOLDEN=write"):
        golden("case", sent)
    monkeypatch.setenv("SKP_GOLDEN", "write")
    golden("case", sent)
    monkeypatch.delenv("SKP_GOLDEN")
    golden("case", sent)
    assert (tmp_path / "case.txt").read_text().startswith('POST /x {\n "A": "aaa')
    with pytest.raises(AssertionError):
        golden("case", [*sent, "GET /info"])
