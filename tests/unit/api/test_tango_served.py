"""TANGO's manager at the server as it is: its client, real tokens, and the address that it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support import tango
from tests.support.api_served import Served, serving

NAME = "tango-kim--7"


@dataclass
class Manager:
    """The manager, and what there is."""

    served: Served
    cluster: tango.Cluster

    def call(self, path: str, token: str = "", user: str = "kim") -> str:
        """Ask as the manager does, and return what it makes of the body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        asked = requests.get(
            f"{self.served.url}/{path}",
            params={"user_id": user, "project_id": "7"}, headers=headers, timeout=20,
        )  # fmt: skip
        return asked.text.replace('"', "")


@pytest.fixture
def manager(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Manager]:
    """The server, which needs no token from the networks that a test names."""
    tango.shared(tmp_path)
    settled = tango.settled(tmp_path, open=tango.opened(*request.param))
    with serving(tmp_path, settled) as served:
        cluster = tango.Cluster()
        cluster.stand_in(served.gate)
        yield Manager(served, cluster)


@pytest.mark.parametrize("manager", [()], indirect=True)
def test_a_token_of_the_account_starts_and_stops(manager: Manager) -> None:
    token = manager.served.accounts.lasting("kim", vision="member")
    words = [manager.call(path, token) for path in ("start", "status_request", "stop")]
    assert words == ["started", "running", "finished"]
    assert [e["account"] for e in manager.cluster.operations["vision", NAME]] == ["kim", "kim"]
    access = manager.served.accounts.access()
    assert manager.call("status_request", access) == "stopped"
    assert "another one than the account kim" in manager.call("start", access, "lee")
    assert "a token is needed" in manager.call("start")
    assert "not valid" in manager.call("start", "skp_" + "a" * 43)


@pytest.mark.parametrize("manager", [("127.0.0.1/32",)], indirect=True)
def test_an_open_address_starts_and_stops_for_tango(manager: Manager) -> None:
    words = [manager.call(path) for path in ("start", "status_request", "stop", "status_request")]
    assert words == ["started", "running", "finished", "stopped"]
    assert {e["account"] for e in manager.cluster.operations["vision", NAME]} == {"tango"}
    passed_on = {"X-Forwarded-For": "127.0.0.1"}
    url = f"{manager.served.url}/start?user_id=kim&project_id=7"
    assert requests.get(url, headers=passed_on, timeout=20).status_code == 401


@pytest.mark.parametrize("manager", [()], indirect=True)
def test_a_token_of_one_project_sees_that_alone(manager: Manager) -> None:
    manager.cluster.rows = [tango.row()]
    bound = manager.served.accounts.lasting("kim", "audio", audio="member", vision="member")
    assert manager.call("status_request", bound) == "{detail:Service not found}"
    both = manager.served.accounts.lasting("kim", audio="member", vision="member")
    assert "it is not clear in which project of kim (audio, vision)" in manager.call("stop", both)
