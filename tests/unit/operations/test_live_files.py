"""Files that may change while their container runs: when and how they are written."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.config.secrets import Secret
from cluster.errors import NodeError
from cluster.model.item import Keep
from cluster.model.policy import Busy
from cluster.model.spec import ConfigFile, Container, SecretFile, mark_file
from cluster.model.state import FoundNode, Membership, State
from cluster.operations.container import (
    AdjustContainer,
    CreateContainer,
    RestartContainer,
    StartContainer,
)
from cluster.operations.container_body import config
from cluster.operations.container_start import renew_live_files, settle_networks
from cluster.plan.containers import Rules, plan_container
from tests.support.fakes import FakeConnection, done, fake_node, refusal, reply
from tests.support.operation_scenes import exchanging
from tests.support.scenes import CONTAINER, DIGEST, HUSH, KEY, found

LIVE = replace(
    CONTAINER,
    network="host",
    live=(SecretFile("routes.yml", Secret(HUSH)), ConfigFile("pages.json", "{}")),
)
RULES = Rules(lambda _: DIGEST, "/srv/skp", KEY, "c01", Busy.SKIP)


def mark(container: Container = LIVE) -> str:
    return container.marked(KEY).live_mark


def planned(container: Container, written: str, **changes: str) -> object:
    node = FoundNode(
        "c01", "c01", "26.1", Membership("active"),
        {container.name: found(container, **changes)},
        marker_files={mark_file(container.name): f"{written}\n"} if written else {},
    )  # fmt: skip
    return plan_container(container, State({"c01": node}, {}, None), RULES)


def test_what_was_written_last_is_kept() -> None:
    assert isinstance(planned(LIVE, mark()), Keep)


@pytest.mark.parametrize("written", ["", "other"])
def test_what_is_other_or_not_known_is_exchanged_and_the_container_is_not(written: str) -> None:
    item = planned(LIVE, written)
    assert isinstance(item, AdjustContainer)
    assert [each.name for each in item.differences] == ["file routes.yml", "file pages.json"]
    assert HUSH not in repr(item)


def test_content_decides_and_nothing_of_it_is_in_the_mark_or_the_description() -> None:
    other = replace(LIVE, live=(SecretFile("routes.yml", Secret("x")), LIVE.live[1]))
    assert mark(other) != mark()
    assert other.described(DIGEST, KEY) == LIVE.described(DIGEST, KEY)
    assert HUSH not in mark()


def test_what_is_not_wanted_any_more_is_removed() -> None:
    item = planned(replace(LIVE, live=()), mark())
    assert isinstance(item, AdjustContainer)
    scene = exchanging()
    scene.operation = replace(item, container=replace(item.container, name="x-skp"))
    scene.run()
    (ran,) = [line for line in scene.c01.wire if "rm -rf" in line]
    assert "/var/lib/skp/files/x-skp/live /var/lib/skp/live/x-skp" in ran


def test_a_container_without_such_files_needs_none() -> None:
    assert isinstance(planned(replace(CONTAINER, network="host"), ""), Keep)
    assert CONTAINER.marked(KEY) == CONTAINER


def test_one_that_does_not_run_gets_them_with_its_start() -> None:
    assert isinstance(planned(LIVE, "other", status="exited"), StartContainer)
    assert isinstance(planned(LIVE, "other", status="restarting"), RestartContainer)


def test_a_new_one_carries_its_mark() -> None:
    node = FoundNode("c01", "c01", "26.1", Membership("active"), {})
    made = plan_container(LIVE, State({"c01": node}, {}, None), RULES)
    assert isinstance(made, CreateContainer)
    assert made.container.live_mark == mark()


def test_its_folder_is_mounted_though_it_has_no_other_file() -> None:
    only = replace(LIVE, files=())
    (mount,) = [m for m in config(only, {})["HostConfig"]["Mounts"] if m["Target"] == "/run/skp"]
    assert mount["ReadOnly"]


def test_the_container_is_not_touched() -> None:
    scene = exchanging()
    scene.run()
    assert [line for line in scene.c01.wire if line.startswith(("POST", "DELETE"))] == []


def test_what_fails_is_told_without_what_is_in_them() -> None:
    scene = exchanging()
    scene.c01.on_run("tar -xf", done(1, "", "no space left on device"))
    with pytest.raises(NodeError, match="no space left") as raised:
        scene.run()
    assert HUSH not in str(raised.value)


def test_a_container_that_got_ill_by_it_is_told() -> None:
    scene = exchanging()
    scene.c01.on("GET /containers/x-skp/json", refusal(404, "No such container"))
    with pytest.raises(NodeError):
        scene.run()


def test_the_script_exchanges_whole_files_and_marks_last(tmp_path: Path) -> None:
    """The script itself, with its paths in another folder, twice: the second has other content."""
    for text in ("one", "two"):
        container = replace(
            LIVE, user="0:0", live=(ConfigFile("routes.yml", text),), live_mark=text
        )
        c01 = FakeConnection("c01")
        c01.on_run("sudo -n sh -c", done())
        renew_live_files(fake_node(c01), container)
        (ran,) = c01.commands
        script = ran.command.replace("sudo -n ", "").replace("/var/lib/skp", str(tmp_path))
        script = script.replace("-o 0 -g 0 ", "").replace("--same-owner", "--no-same-owner")
        (tmp_path / "files" / "x-skp" / "live").mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / "x-skp" / "live" / "of-before").write_text("old")
        assert isinstance(ran.stdin, bytes)
        subprocess.run(["sh", "-c", script], input=ran.stdin, timeout=20, check=True)
        live = tmp_path / "files" / "x-skp" / "live"
        assert [path.name for path in live.iterdir()] == ["routes.yml"]
        assert (live / "routes.yml").read_text() == text
        assert (tmp_path / "live" / "x-skp").read_text() == f"{text}\n"


@pytest.mark.parametrize(("said", "parted"), [("", ["skp_b_door"]), ("later\n", [])])
def test_only_who_knows_the_latest_state_parts_it_from_networks(
    said: str, parted: list[str]
) -> None:
    """Two commands at once: the first does not know yet why it is on skp_b_door."""
    wanted = replace(
        LIVE, joins=("skp_a_door",), joined_by="skp_", live_version="swarm:7", live_mark="a1b2"
    )
    c01 = FakeConnection("c01")
    networks: dict[str, dict[str, str]] = {"net-skp": {}, "skp_b_door": {}}
    c01.on("GET /containers/x-skp/json", reply({"NetworkSettings": {"Networks": networks}}))
    c01.on("POST /networks/*/connect", reply(None))
    c01.on("POST /networks/*/disconnect", reply(None))
    c01.on_run("sudo -n sh -c", done(stdout=said))
    settle_networks(fake_node(c01), wanted)
    (asked,) = c01.commands
    assert "swarm://p" in asked.command
    assert "-gt 7 ]" in asked.command
    changed = [line.split()[1] for line in c01.wire if line.startswith("POST /networks")]
    assert changed[0].endswith("skp_a_door/connect")
    assert [line.split("/")[-2] for line in changed[1:]] == parted
