"""SSH into a deployment while the account service is silent for longer than is waited for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import deployed
from tests.support.accounts import Env, administrator, ask, made, serving
from tests.support.data_volumes import until
from tests.support.lab import on, skp
from tests.support.ssh_logins import FILE, Box

INSTANCES = {"c01": "flask-skp", "c02": "flask-skp-c02"}


@pytest.fixture(scope="module")
def running(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    with serving(tmp_path_factory.mktemp("accounts") / "hosts.json") as env:
        yield env


@pytest.fixture
def box(running: Env, no_deployments: None, tmp_path: Path) -> Iterator[Box]:
    """A container that asks as often as it does by itself, and a member of its project."""
    admin = administrator()
    made(admin, "stays")
    assert ask("POST", "/projects", {"name": "soaking", "owner": "stays"}, admin).ok
    (tmp_path / "myDeploy.py").write_text(FILE.replace('CON_ENV0="LOGINS_SECONDS:1"\n', ""))
    words = ("deploy.apply", str(tmp_path / "myDeploy.py"), "-p", "soaking", "--json")
    for each in (("docker.image-build-sshd",), ("deploy.quota", "soaking", "--root", "TRUE")):
        assert skp(*each, env=running).code == 0
    (row,) = deployed.rows(skp(*words, env=running))
    found = Box(tmp_path, row["node"], row["address"], row["container"])
    assert ask("POST", "/accounts/stays/ssh-keys", {"key": found.key("stays")}, admin).ok
    yield found
    admin = administrator()
    ask("DELETE", "/projects/soaking", token=admin)
    ask("DELETE", "/accounts/stays", token=admin)


def switch(verb: str) -> None:
    for node, name in INSTANCES.items():
        assert on(node, f"docker {verb} {name}").code == 0


def gets_in(box: Box) -> bool:
    return box.by_key("stays", "echo in").out == "in\n"


def test_keys_count_for_five_minutes_and_sessions_until_it_is_known_that_somebody_is_out(
    box: Box,
) -> None:
    until(lambda: gets_in(box), 40)
    # (The key is asked for at each login; what counts later is the list as it was heard last.)
    heard = "grep -q ssh-ed25519 /run/logins-skp/state.json"
    until(lambda: box.inside(heard).code == 0, 40)
    with box.session("stays", "echo here; sleep 900") as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "here\n"
        begun = time.monotonic()
        switch("stop")
        try:
            assert gets_in(box)
            assert "Permission denied" in box.by_password("stays", "id").err
            # (The list may have been heard some 30 s before.)
            until(lambda: not gets_in(box), 330)
            assert time.monotonic() - begun > 240
            assert session.poll() is None
        finally:
            switch("start")
        until(lambda: gets_in(box), 90)
        assert ask("PATCH", "/accounts/stays", {"is_disabled": True}, administrator()).ok
        disabled = time.monotonic()
        assert session.wait(60) != 0
        assert time.monotonic() - disabled < 45
    assert not gets_in(box)
