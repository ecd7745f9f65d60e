"""Portainer: the containers' arguments as a golden file, and the requests that register agents."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.connectors.local import LocalConnection
from cluster.connectors.loopback_http import Answer
from cluster.connectors.node import Node
from cluster.deadlines import Deadlines
from cluster.errors import ConfigError, NodeError
from cluster.model.cluster import Cluster
from cluster.model.layout import Layout
from cluster.model.spec import SecretFile
from cluster.model.state import State
from cluster.operations.container_body import config
from services.portainer.api import Portainer
from services.portainer.service import SERVICE
from tests.support.described import described
from tests.support.portainer_stand_in import StandIn, running

GOLDEN = Path(__file__).parent / "portainer.golden.json"
NOTHING = State({}, {}, None)
HOSTS = {
    "c01": {
        "ipv4": "10.1.0.1",
        "labels": [{"portainer": "enable"}],
        "groups": ["master", "manager"],
    },
    "c02": {"ipv4": "10.1.0.2", "labels": [], "groups": ["worker"]},
}
AGENTS = {name: f"tcp://portainer-skp-agent-{name}:9001" for name in HOSTS}
PASSWORD = 'the "password", $too'


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[..., Cluster]:
    """Return a maker of a cluster of two nodes with the given settings."""

    return lambda **values: described(tmp_path, HOSTS, values)


def test_the_containers_are_made_with_these_arguments(cluster: Callable[..., Cluster]) -> None:
    made = {
        title: [config(c, {}) for c in SERVICE.containers(cluster(PORTAINER_AGENT=agent), NOTHING)]
        for title, agent in (("with agents", "TRUE"), ("without", "FALSE"))
    }
    text = json.dumps(made, indent=1, sort_keys=True) + "\n"
    if os.environ.get("SKP_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
    assert "the-secret" not in text


def test_the_secrets_are_files(cluster: Callable[..., Cluster]) -> None:
    for container in SERVICE.containers(cluster(), NOTHING):
        assert container.files
        assert all(isinstance(file, SecretFile) for file in container.files)


def test_server_and_agents_are_given_one_secret_by_the_files(
    cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    (tmp_path / "agent-secret").write_text("the $ecret")
    for program in ("portainer", "agent"):
        (tmp_path / program).write_text('#!/bin/sh\necho "$AGENT_SECRET" "$@"\n')
        (tmp_path / program).chmod(0o755)
    said = []
    for container in SERVICE.containers(cluster(), NOTHING):
        words = (*container.entrypoint, *container.command)
        here = [
            word.replace("/run/skp", str(tmp_path)).replace("exec /", f"exec {tmp_path}/")
            for word in words
        ]
        said.append(subprocess.check_output(here, text=True, cwd=tmp_path, env={}))
    password = f"the $ecret --admin-password-file {tmp_path}/admin-password\n"
    assert said == [password, "the $ecret\n", "the $ecret\n"]


@pytest.mark.parametrize("tag", ["2.23.0", "latest"])
def test_an_image_that_can_not_be_given_the_secret_is_refused(
    cluster: Callable[..., Cluster], tag: str
) -> None:
    with pytest.raises(ConfigError, match=f"PORTAINER_TAG={tag} is an image without a shell"):
        list(SERVICE.containers(cluster(PORTAINER_TAG=tag), NOTHING))
    (server,) = SERVICE.containers(cluster(PORTAINER_TAG=tag, PORTAINER_AGENT="FALSE"), NOTHING)
    assert server.entrypoint == ()


def test_without_an_image_there_is_none_and_it_says_so(cluster: Callable[..., Cluster]) -> None:
    off = cluster(PORTAINER_IMAGE="")
    assert list(SERVICE.containers(off, NOTHING)) == []
    assert "PORTAINER_IMAGE names no image" in SERVICE.no_host_error(off).what


def test_skp_asks_it_on_its_nodes_loopback_and_on_its_page_before(
    cluster: Callable[..., Cluster],
) -> None:
    apart = cluster()
    before = replace(apart, layout=Layout.ONE_TREE)
    asked = [
        getattr(step, "address", "")
        for c in (apart, before)
        for step in SERVICE.after_run(c, NOTHING)
    ]
    assert asked == ["127.0.0.1:8051", "127.0.0.1:8050"]
    (server, *_) = SERVICE.containers(before, NOTHING)
    assert [(port.host, port.container) for port in server.ports] == [(8050, 9000)]


def api(state: StandIn) -> Portainer:
    """Return the stand-in as a node reaches it that is this machine."""
    host = Host("c01", "127.0.0.1", (), frozenset({"master", "manager"}))
    node = Node(host, LocalConnection("c01"), Deadlines())
    return Portainer(node, f"127.0.0.1:{state.port}")


def test_it_waits_logs_in_and_registers_what_is_missing() -> None:
    with running(StandIn(PASSWORD, starting=2)) as state:
        first = api(state)
        first.wait(20)
        first.log_in(Secret(PASSWORD))
        assert first.register(AGENTS) == ["c01", "c02"]
        assert state.asked == [
            *["GET /api/system/status"] * 3, "GET /api/users/admin/check", "POST /api/auth",
            "GET /api/endpoints", "POST /api/endpoints", "POST /api/endpoints",
        ]  # fmt: skip
        assert state.environments[0] == {
            "Name": "c01", "EndpointCreationType": "2", "URL": "tcp://portainer-skp-agent-c01:9001",
            "TLS": "true", "TLSSkipVerify": "true", "TLSSkipClientVerify": "true",
        }  # fmt: skip
        assert first.register(AGENTS) == []
        assert len(state.environments) == 2


def test_another_password_than_its_own_is_said_and_not_shown() -> None:
    with running(StandIn(PASSWORD)) as state, pytest.raises(NodeError) as refused:
        api(state).log_in(Secret("another"))
    assert "does not accept the password" in refused.value.what
    assert "another" not in refused.value.what.replace("was another", "")


def test_one_without_an_administrator_has_to_be_restarted() -> None:
    with running(StandIn(PASSWORD, admin=False)) as state, pytest.raises(NodeError) as refused:
        api(state).wait(20)
    assert "docker.restart -n portainer" in refused.value.hint


def test_one_that_does_not_start_is_given_up() -> None:
    state = StandIn(PASSWORD, port=1)
    with pytest.raises(NodeError, match="does not answer within 1 s"):
        api(state).wait(1)


def test_nothing_is_registered_without_a_login() -> None:
    with running(StandIn(PASSWORD)) as state, pytest.raises(NodeError, match="401"):
        api(state).register(AGENTS)


@pytest.mark.parametrize("said", ["[]", '{"token": "t-1"}', "null", '[{"Id": 1}]', "7"])
def test_what_answers_in_its_place_is_told_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    answer = Answer(200, {}, said.encode())
    server = api(StandIn(PASSWORD, port=1))
    monkeypatch.setattr(server, "_try", lambda *_: answer)
    with pytest.raises(NodeError, match="a login without a token") as refused:
        server.log_in(Secret(PASSWORD))
    assert "t-1" not in refused.value.what
    assert "docker.logs -n portainer" in refused.value.hint
    if said != "[]":
        with pytest.raises(NodeError, match="of no known form") as refused:
            server.register(AGENTS)
        assert "docker.logs -n portainer" in refused.value.hint


def test_one_that_does_not_answer_any_more_is_told_with_what_to_type() -> None:
    with pytest.raises(NodeError, match="nobody answers at") as refused:
        api(StandIn(PASSWORD, port=1)).log_in(Secret(PASSWORD))
    assert "docker.logs -n portainer" in refused.value.hint
