"""The engine's client: what it adds to Docker's SDK, on the wire."""

from __future__ import annotations

import threading

import docker.errors
import pytest

from cluster.connectors.engine import Engine
from tests.support.fake_http import Reply
from tests.support.fakes import FakeConnection, content, events, frames, half, refusal, reply


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection("c01")


@pytest.fixture
def engine(connection: FakeConnection) -> Engine:
    return connection.engine(30)


def test_an_image_is_read_in_chunks_within_the_deadline(
    engine: Engine, connection: FakeConnection
) -> None:
    connection.on("GET /images/r/i:1/get", content(b"one", b"two"))
    assert b"".join(engine.image_chunks("r/i:1")) == b"onetwo"
    assert connection.wire == ["GET /images/r/i:1/get"]
    assert connection.requests[0].timeout == 30


def test_an_image_that_is_not_there_is_told(engine: Engine, connection: FakeConnection) -> None:
    connection.on("GET /images/r/i:1/get", refusal(404, "No such image: r/i:1"))
    with pytest.raises(docker.errors.ImageNotFound):
        list(engine.image_chunks("r/i:1"))


def test_an_image_that_breaks_off_is_an_error(engine: Engine, connection: FakeConnection) -> None:
    connection.on("GET /images/r/i:1/get", half(content(b"one", b"two")))
    with pytest.raises(OSError, match="reset"):
        list(engine.image_chunks("r/i:1"))


@pytest.mark.parametrize("options", [{"stdout": "1"}, {"stdout": "1", "follow": "1"}])
def test_a_log_comes_as_the_engine_frames_it(
    engine: Engine, connection: FakeConnection, options: dict[str, str]
) -> None:
    connection.on("GET /containers/x/logs", content(frames("a\n"), frames("b\n", stream=2)))
    assert b"".join(engine.log_chunks("x", options)) == frames("a\n") + frames("b\n", stream=2)
    assert connection.wire[0].startswith("GET /containers/x/logs?stdout=1")


def test_a_log_of_no_container_is_told(engine: Engine, connection: FakeConnection) -> None:
    connection.on("GET /containers/x/logs", refusal(404, "No such container: x"))
    with pytest.raises(docker.errors.NotFound, match="No such container"):
        list(engine.log_chunks("x", {}))


def test_the_size_of_all_layers(engine: Engine, connection: FakeConnection) -> None:
    connection.on("GET /system/df", reply({"LayersSize": 1234}))
    assert engine.layers_size() == 1234
    assert connection.wire == ["GET /system/df?type=image"]


def test_a_pull_names_repository_and_tag(engine: Engine, connection: FakeConnection) -> None:
    connection.on("POST /images/create", events({"status": "Pulling"}, {"status": "Done"}))
    assert [event["status"] for event in engine.pull_events("r/i", "sha256:1")] == [
        "Pulling",
        "Done",
    ]
    assert connection.wire == ["POST /images/create?fromImage=r/i&tag=sha256:1"]
    assert connection.requests[0].timeout == 30


def test_a_pull_that_is_refused_is_told(engine: Engine, connection: FakeConnection) -> None:
    connection.on("POST /images/create", refusal(404, "manifest unknown"))
    with pytest.raises(docker.errors.NotFound, match="manifest unknown"):
        list(engine.pull_events("r/i", "1"))


def test_a_container_that_goes_between_two_requests_is_left_out(
    engine: Engine, connection: FakeConnection
) -> None:
    connection.on("GET /containers/json", reply([{"Id": "1"}, {"Id": "2"}]))
    connection.on("GET /containers/1/json", refusal(404, "No such container: 1"))
    connection.on("GET /containers/2/json", reply({"Name": "/two"}))
    assert list(engine.inspected()) == [({"Name": "/two"}, {"Id": "2"})]
    assert "all=1" in connection.wire[0]


def test_a_config_object_is_changed_from_the_version_that_was_seen(
    engine: Engine, connection: FakeConnection
) -> None:
    connection.on("POST /configs/id/update", reply())
    engine.update_config("id", 7, "skp-lock", {"a": "b"})
    assert connection.wire == [
        'POST /configs/id/update?version=7 {"Labels": {"a": "b"}, "Name": "skp-lock"}'
    ]


def test_a_change_from_an_old_version_is_an_error(
    engine: Engine, connection: FakeConnection
) -> None:
    connection.on("POST /configs/id/update", refusal(500, "update out of sequence"))
    with pytest.raises(docker.errors.APIError, match="out of sequence"):
        engine.update_config("id", 7, "skp-lock", {})


def test_a_deadline_holds_for_the_thread_that_set_it(engine: Engine) -> None:
    seen: list[int] = []
    engine.timeout = 5
    thread = threading.Thread(target=lambda: seen.append(engine.timeout))
    thread.start()
    thread.join()
    assert (engine.timeout, seen) == (5, [30])


def test_no_proxy_of_the_environment_is_used(
    connection: FakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    assert not connection.engine(5).trust_env


def test_what_a_command_prints_on_both_streams_is_put_together(connection: FakeConnection) -> None:
    both = b"\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n"
    connection.on("POST /exec/e/start", Reply(101, (both,), raw=True))
    assert connection.engine(5).exec_output("e") == b"out\nerr\n"
