"""What the Swarm remembers: changed by compare-and-swap, and never more than one decision of it."""

from __future__ import annotations

import re
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets, parse
from cluster.connectors.base import Completed
from cluster.errors import NodeError
from cluster.facts.disk import SECRETS_FILE
from cluster.operations.decisions import RememberOrdinals, SaveSecrets
from tests.support.fake_clock import FakeClock
from tests.support.fakes import Ran, Reply, Request, done, fake_fleet, refusal
from tests.support.operation_scenes import SCENES
from tests.support.scenes import HUSH, KEY, Scene

MOVED = refusal(500, "rpc error: code = Unknown desc = update out of sequence")


def stopping() -> Scene:
    return SCENES["decision-stop"]()


def updates(scene: Scene) -> list[Request]:
    return [request for request in scene.c01.requests if request.method == "POST"]


def written(scene: Scene) -> Callable[[Request], Reply]:
    """Return an answer for a Swarm that somebody else wrote a moment before."""

    def refuse(_: Request) -> Reply:
        scene.members.labels = {**scene.members.labels, "skp.held": "y,z"}
        scene.members.touch()
        return MOVED

    return refuse


def test_a_decision_that_another_command_was_faster_than_keeps_both() -> None:
    scene = stopping()
    scene.c01.on("POST /swarm/update", written(scene), scene.members.update)
    scene.run()
    assert scene.members.labels["skp.held"] == "x,y,z"
    assert scene.members.labels["theirs"] == "1"
    assert len(updates(scene)) == 2


def test_what_is_refused_for_another_reason_is_not_tried_again() -> None:
    scene = stopping()
    scene.c01.on("POST /swarm/update", refusal(503, "the swarm does not have a leader"))
    with pytest.raises(NodeError, match="c01: remembering the intent: the swarm does not have"):
        scene.run()
    assert len(updates(scene)) == 1
    assert scene.members.labels["skp.held"] == "y"


def test_a_swarm_that_does_not_come_to_rest_is_an_error(clock: FakeClock) -> None:
    scene = stopping()
    clock.look = 0.05
    scene.c01.on("POST /swarm/update", written(scene))
    with pytest.raises(NodeError, match="update out of sequence"):
        scene.run()
    assert len(updates(scene)) > 2


def test_the_rest_of_the_swarm_s_specification_stays() -> None:
    scene = stopping()
    scene.run()
    (sent,) = updates(scene)
    assert {key: value for key, value in sent.body.items() if key != "Labels"} == {
        "Name": "default",
        "Raft": {"ElectionTick": 10},
    }


def test_ordinals_that_are_remembered_stay() -> None:
    scene = SCENES["decision-ordinals"]()
    scene.members.labels["skp.numbers"] = '{"x":{"c01":"7","c09":"2"}}'
    scene.operation = RememberOrdinals("c01", "x", {"c01": "1", "c02": "3"})
    scene.run()
    assert scene.members.labels["skp.numbers"] == '{"x":{"c01":"7","c02":"3","c09":"2"}}'
    assert scene.operation.name == "x numbers"


def test_a_service_that_is_stopped_keeps_no_options_and_no_pins() -> None:
    scene = stopping()
    scene.members.labels["skp.options"] = '{"x":{"X_PORT":"1"}}'
    scene.members.labels["skp.pinned"] = '{"x":{"skp/x:1":"sha256:1"}}'
    scene.run()
    assert scene.members.labels == {"theirs": "1", "skp.held": "x,y"}


SECRETS = StoredSecrets({"X_PASSWORD": Secret(HUSH), SPEC_KEY: KEY}, 3)


def moved(folder: Path) -> Callable[[Ran], Completed]:
    """Return a shell that has another folder in place of /var/lib/skp."""

    def run(ran: Ran) -> Completed:
        assert isinstance(ran.stdin, bytes)
        script = shlex.split(ran.command)[-1].replace(str(Path(SECRETS_FILE).parent), str(folder))
        ended = subprocess.run(
            ["sh", "-c", script], input=ran.stdin, capture_output=True, check=False
        )
        return Completed(ended.returncode, ended.stdout, ended.stderr)

    return run


def saving(folder: Path, secrets: StoredSecrets = SECRETS) -> Scene:
    scene = Scene(fake_fleet("c01"), SaveSecrets("c01", secrets))
    scene.c01.on_run("sudo", moved(folder))
    return scene


def test_secrets_are_root_s_alone_and_their_mark_is_for_all(tmp_path: Path) -> None:
    saving(tmp_path / "skp").run()
    kept, mark = tmp_path / "skp" / "secrets.env", tmp_path / "skp" / "secrets.env.mark"
    assert parse(kept.read_text()) == SECRETS
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(mark.stat().st_mode) == 0o644
    assert sorted(path.name for path in kept.parent.iterdir()) == [kept.name, mark.name]


def test_the_mark_tells_which_secrets_they_are_and_the_file_from_another(tmp_path: Path) -> None:
    saving(tmp_path).run()
    found = (tmp_path / "secrets.env").stat()
    assert (tmp_path / "secrets.env.mark").read_text() == (
        f"{SECRETS.mark} {found.st_size} {int(found.st_mtime)} {found.st_ino}\n"
    )


def test_secrets_travel_by_standard_input(tmp_path: Path) -> None:
    scene = saving(tmp_path)
    scene.run()
    (ran,) = scene.c01.commands
    assert ran.stdin == SECRETS.dumps().encode()
    assert not re.search(f"{HUSH}|{KEY.reveal()}", ran.command)


def test_secrets_that_can_t_be_written_leave_the_ones_before(tmp_path: Path) -> None:
    saving(tmp_path).run()
    (tmp_path / "secrets.env.new").mkdir()
    with pytest.raises(NodeError, match="a command as root failed"):
        saving(tmp_path, StoredSecrets({}, 4)).run()
    assert parse((tmp_path / "secrets.env").read_text()) == SECRETS


def test_a_node_that_refuses_root_is_told_without_secrets() -> None:
    scene = Scene(fake_fleet("c01"), SaveSecrets("c01", SECRETS))
    scene.c01.on_run("sudo", done(1, stderr="sudo: a password is required"))
    with pytest.raises(NodeError) as raised:
        scene.run()
    assert HUSH not in str(raised.value)
    assert "host.install -p" in raised.value.hint
