"""SSH into a deployment by one's account: who gets in, who does not, and what that gives away."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import deployed
from tests.support.accounts import FIRST, PASSWORD, Env, ask, made
from tests.support.data_volumes import until
from tests.support.lab import on, secret, skp
from tests.support.ssh_logins import FILE, Box

# (Failures count for a name, whoever has it: not those of a run before this one.)
PREY = f"prey-{os.getpid()}"
NAMES = ("boxer", "mate", "seer", "miner", PREY)
DOOR = "10.99.0.11"


def done(method: str, path: str, body: Any, admin: str) -> Any:
    answer = ask(method, path, body, admin)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def people(running: Env, admin: str) -> Iterator[dict[str, dict[str, Any]]]:
    """Two members, a viewer, a member of another project, and one whose password is guessed."""
    found = {name: made(admin, name) for name in NAMES}
    for project, owner in (("boxing", "boxer"), ("mining", "miner")):
        found[project] = done("POST", "/projects", {"name": project, "owner": owner}, admin)
    for name, role in (("mate", "member"), (PREY, "member"), ("seer", "viewer")):
        done("PUT", f"/projects/boxing/members/{name}", {"role": role}, admin)
    yield found
    for project in ("boxing", "mining"):
        ask("DELETE", f"/projects/{project}", token=admin)
    for name in NAMES:
        ask("DELETE", f"/accounts/{name}", token=admin)


@pytest.fixture(scope="module")
def box(
    running: Env,
    image_of_deployments: None,
    people: dict[str, dict[str, Any]],
    admin: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Box]:
    """A container of the one's project, from a file as the original's users write it."""
    folder = tmp_path_factory.mktemp("box")
    (folder / "myDeploy.py").write_text(FILE)
    words = ("deploy.apply", str(folder / "myDeploy.py"), "-p", "boxing", "-a", "boxer", "--json")
    for each in (("docker.image-build-sshd",), ("deploy.quota", "boxing", "--root", "TRUE")):
        ran = skp(*each, env=running)
        assert ran.code == 0, ran.all
    (row,) = deployed.rows(skp(*words, env=running))
    found = Box(folder, row["node"], row["address"], row["container"])
    for name in ("boxer", "mate", "seer"):
        done("POST", f"/accounts/{name}/ssh-keys", {"key": found.key(name)}, admin)
    yield found
    deployed.clear()


def test_an_account_logs_in_by_its_password_and_by_its_key(
    box: Box, people: dict[str, dict[str, Any]]
) -> None:
    uid, gid = people["boxer"]["uid"], people["boxing"]["gid"]
    script = "id; stat -c '%n %a %u' ~; cat /run/skp/accounts.json /run/logins-skp/*; unshare -r id"
    ways = (
        box.by_password("boxer", script),
        box.by_password("boxer", script, kind="keyboard-interactive"),
        box.by_key("boxer", script),
    )
    for done in ways:
        lines = done.out.splitlines()
        assert lines == [
            f"uid={uid}(boxer) gid={gid}(boxing) groups={gid}(boxing)",
            f"/home/boxer 700 {uid}",
        ], done.all
        assert done.err.count("Permission denied") == 2, done.err
    assert box.by_key("boxer", "echo mine >~/note").code == 0
    other = box.by_key("mate", "id -u; cat /home/boxer/note; mv /home/boxer /home/mine")
    assert other.out == f"{people['mate']['uid']}\n", other.all
    assert other.err.count("Permission denied") == 2, other.err


def test_nobody_else_gets_in(box: Box) -> None:
    # (Not all by sshd: it has an address wait that fails three times in a row.)
    refused = [
        box.by_password("boxer", "id", "a-wrong-password", "keyboard-interactive"),
        box.by_key("seer", "id"),
    ]
    assert [ran.out for ran in refused] == ["", ""]
    assert all("Permission denied" in ran.err for ran in refused), refused
    assert box.inside(_KEYS, "mate", "seer", "miner").out.split() == ["1", "0", "0"]
    for name, status in (("mate", 200), ("seer", 401), ("miner", 401)):
        body = {"name": name, "password": PASSWORD}
        assert box.asked("/ssh/boxing/password", body=body) == [status], name


_KEYS = """
exec python3 -IB - "$@" <<'END'
import sys
sys.path.append("/opt/skp")
from logins import ask, told
print(*(len(ask.keys(told.read(), name)) for name in sys.argv[1:]))
END
"""


def test_a_credential_counts_for_its_own_project_alone(box: Box) -> None:
    theirs = ("/ssh/mining/members", "/ssh/mining/keys/miner", "/ssh/nothing/members")
    others = ("/accounts", "/projects", "/tokens")
    assert box.asked("/ssh/boxing/members", *theirs, *others) == [200] + [401] * 6
    miner = {"name": "miner", "password": PASSWORD}
    assert box.asked("/ssh/mining/password", body=miner) == [401]
    for header in ("Authorization: Bearer x", "Authorization: Bearer 1.2", "X: y"):
        assert box.asked("/ssh/boxing/members", header=header) == [401], header
    # What services of the platform may ask is not reached by the door, whoever knows their secret.
    asks = f"/ssh/by-key?fingerprint=SHA256:{'A' * 43}"
    shown = f"X-Skp-Service: {secret('FLASK_SERVICE_SECRET')}"
    assert box.asked(asks, header=shown) == [404]
    assert box.asked("/tokens/check", body={}, header=shown) == [404]  # (422 to a service)


def test_no_secret_is_seen_but_by_the_containers_root(box: Box, running: Env) -> None:
    read = (
        'python3 -c \'import json; print(json.load(open("/run/skp/accounts.json"))["credential"])\''
    )
    credential = box.inside(read).out.strip()
    assert re.fullmatch(r"[0-9]+\.[0-9a-f]{32}", credential)
    by_engine = (
        f"docker inspect {box.container}; docker logs {box.container} 2>&1; ps auxewww; "
        f'docker exec {box.container} sh -c \'tr "\\0" " " </proc/[0-9]*/environ; ps auxewww\''
    )
    swarm = "; ".join(f"docker {k} ls -q | xargs docker {k} inspect" for k in ("service", "secret"))
    told = skp("deploy.logs", "boxing/box", env=running).all
    seen = on(box.node, by_engine).out + on("c01", swarm).out + told
    assert "boxing" in seen
    for hidden in (credential.partition(".")[2], PASSWORD, secret("FLASK_PROJECT_SECRET")):
        assert hidden not in seen
    # Root of the container has nine capabilities, and nothing of the node.
    assert "CapEff:\t00000000200404eb" in box.inside("cat /proc/self/status").out
    for attempt in ("mount -t tmpfs x /mnt", "echo 1 >/proc/sys/kernel/panic", "mknod /d b 8 0"):
        assert box.inside(attempt).code != 0, attempt


def test_passwords_can_be_guessed_ten_times_and_no_more(box: Box) -> None:
    wrong, right = ({"name": PREY, "password": text} for text in ("guess-river-771", PASSWORD))
    where = "/ssh/boxing/password"
    assert box.asked(*[where] * 11, body=wrong) == [401] * 10 + [429]
    assert box.asked(where, body=right) == [429]
    assert ask("POST", "/tokens", right, at=FIRST).status_code == 429


def test_while_nobody_answers_only_what_was_known_counts_and_not_for_long(box: Box) -> None:
    with box.cut_off(DOOR):
        assert "Permission denied" in box.by_password("boxer", "id").err
        assert box.by_key("boxer", "echo in").out == "in\n"
        aged = box.inside(
            "cd /run/logins-skp && "
            'python3 -c \'import json; s = json.load(open("state.json")); s["at"] -= 301; '
            'open("state.json", "w").write(json.dumps(s))\''
        )
        assert aged.code == 0, aged.all
        refused = box.by_key("boxer", "echo in")
        assert (refused.out, refused.code) == ("", 255), refused.all
    until(lambda: box.by_key("boxer", "echo in").out == "in\n", 15)


@pytest.mark.parametrize(
    ("change", "path", "body"),
    [
        ("viewer", "/projects/boxing/members/mate", {"role": "viewer"}),
        ("disabled", "/accounts/mate", {"is_disabled": True}),
    ],
)
def test_the_sessions_of_who_is_out_end(
    box: Box, admin: str, people: dict[str, dict[str, Any]], change: str, path: str, body: Any
) -> None:
    uid = people["mate"]["uid"]
    # He does what he can against it: he ignores signals, and has what would end him stop.
    stubborn = (
        "trap '' HUP TERM INT; (setsid sleep 301 &); agent=$(pgrep -of command.main.*serve); "
        "(while :; do kill -STOP $agent; kill -KILL $agent; done 2>/dev/null &); "
        'test -n "$agent" && echo here; sleep 300'
    )
    with box.session("mate", stubborn) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "here\n"
        done("PUT" if change == "viewer" else "PATCH", path, body, admin)
        try:
            assert running.wait(20) != 0
        except subprocess.TimeoutExpired:
            pytest.fail(box.inside(f"ps -u {uid} -o pid,args").out)
    until(lambda: not box.inside(f"ps -u {uid} -o pid=").out.strip(), 10)
    assert box.by_key("mate", "id").out == ""
    assert "mate" not in box.inside("getent passwd").out
    back = {"role": "member"} if change == "viewer" else {"is_disabled": False}
    done("PUT" if change == "viewer" else "PATCH", path, back, admin)
    until(lambda: "mate" in box.inside("getent passwd").out, 10)
