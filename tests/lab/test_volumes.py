"""Data volumes by a real server: what a notebook writes is there, and what broke comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.confined import check_confined
from tests.support.data_volumes import Volume, as_root, in_jupyter, until
from tests.support.jupyter import bearer, kernel
from tests.support.lab import GATEWAY, on, secret, skp
from tests.support.sshfs_volume import ADDRESS, FOLDER, PASSWORD, SERVER, USER, mounted, served

MOUNT = "/root/mnt/sshfs"
CLIENT = "65533"
CONTAINER = "volume-skp-sshfs-c01"
KEPT = f"/var/lib/skp/files/{CONTAINER}"
WRITES = """
import pandas, pathlib
data = pathlib.Path("{mount}/시험 data.parquet")
pandas.DataFrame({{"x": range(1000), "이름": "값"}}).to_parquet(data)
int(pandas.read_parquet(data).x.sum())
"""


@pytest.fixture(scope="module")
def server(platform: None) -> Iterator[None]:
    with served():
        yield


@pytest.fixture(scope="module")
def volume(server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    with mounted(tmp_path_factory.mktemp("volume")) as given:
        yield given


def test_a_notebook_writes_and_reads_parquet_on_the_server(volume: Volume) -> None:
    with kernel(GATEWAY, bearer(secret("JUPYTER_GATEWAY_TOKEN"))) as client:
        reply = client.execute(WRITES.format(mount=MOUNT), timeout=60)
        assert reply["outputs"][-1]["data"]["text/plain"] == "499500", reply
    at_server = as_root(SERVER, f"cat {FOLDER}/*.parquet | sha256sum").out.split()[0]
    assert in_jupyter(f"cat {MOUNT}/*.parquet | sha256sum").out.split()[0] == at_server


def test_every_container_is_confined(volume: Volume) -> None:
    check_confined("volumes", "jupyter")


def test_the_key_opens_files_and_no_shell(volume: Volume) -> None:
    options = f"-i {KEPT}/id_ed25519 -o UserKnownHostsFile={KEPT}/known_hosts -o BatchMode=yes"
    opened = on("c01", f"echo pwd | sudo sftp -b - {options} {USER}@{ADDRESS}")
    assert "Remote working directory: " in opened.out, opened.all
    shell = on("c01", f"sudo timeout 10 ssh {options} {USER}@{ADDRESS} id </dev/null")
    assert "uid=" not in shell.all
    assert on(SERVER, f"sudo grep -c restrict ~{USER}/.ssh/authorized_keys").out == "1\n"


def test_its_client_has_no_right_but_to_its_credential(volume: Volume) -> None:
    """Root mounts for it; what parses the server's answers is nobody in particular."""
    found = on(
        "c01", "sed -n '/^\\(Uid\\|Cap[PEIA]\\|NoNew\\)/p' /proc/$(pgrep -x sshfs)/status"
    ).out
    values = dict(line.split(":") for line in found.splitlines())
    assert values.pop("Uid").split() == [CLIENT] * 4
    assert int(values.pop("NoNewPrivs")) == 1
    assert [int(value, 16) for value in values.values()] == [0] * 4, found
    inside = f"docker exec -u {CLIENT}:{CLIENT} {CONTAINER}"
    assert ADDRESS in on("c01", f"{inside} cat /dev/shm/skp/known_hosts").out
    for path in ("/run/skp/id_ed25519", "/proc/1/environ"):
        assert "Permission denied" in on("c01", f"{inside} cat {path}").err
    # What the engine lets it do, since its container may mount, its filter does not.
    escape, its = "unshare --user true", "setpriv --seccomp-filter=/dev/shm/skp/filter --"
    assert on("c01", f"{inside} {escape}").code == 0
    assert "not permitted" in on("c01", f"{inside} {its} {escape}").err


def test_its_client_reaches_nothing_of_the_nodes_own(volume: Volume) -> None:
    registry = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/5000'"
    assert on("c01", registry).code == 0
    assert on("c01", f"docker exec {CONTAINER} {registry}").code != 0


def test_again_nothing_changes(volume: Volume) -> None:
    again = ("sshfs.copy-id", f"-p={PASSWORD}")
    for words in (("sshfs.keygen",), again, ("docker.apply", "volumes")):
        ran = volume.skp(*words, "--json")
        assert (ran.code, ran.json["changed"]) == (0, 0), ran.all


def test_a_killed_client_is_back_in_the_running_consumer(volume: Volume) -> None:
    before = on("c01", "docker inspect -f {{.State.StartedAt}} jupyter-skp").out
    in_jupyter(f"echo one > {MOUNT}/one")
    client = on("c01", "pgrep -x sshfs").out
    as_root("c01", "pkill -KILL -x sshfs")
    until(lambda: in_jupyter(f"cat {MOUNT}/one").out == "one\n", 30)
    assert on("c01", "pgrep -x sshfs").out not in ("", client)
    assert on("c01", "docker inspect -f {{.State.StartedAt}} jupyter-skp").out == before


def test_a_killed_container_is_back_in_the_running_consumer(volume: Volume) -> None:
    in_jupyter(f"echo two > {MOUNT}/two")
    started = f"docker inspect -f {{{{.State.StartedAt}}}} {CONTAINER}"
    before = on("c01", started).out
    as_root("c01", f"kill -KILL $(docker inspect -f {{{{.State.Pid}}}} {CONTAINER})")
    until(lambda: on("c01", started).out != before, 30)
    until(lambda: in_jupyter(f"cat {MOUNT}/two").out == "two\n", 30)


def test_nobody_can_write_where_it_is_not_mounted(volume: Volume) -> None:
    assert on("c01", f"docker stop {CONTAINER}").code == 0
    try:
        for user in ("1000", "0"):
            wrote = on("c01", f"docker exec -u {user} jupyter-skp sh -c 'echo x > {MOUNT}/x'")
            made = on("c01", f"docker exec -u {user} jupyter-skp mkdir -p {MOUNT}/x")
            assert wrote.code != 0
            assert made.code != 0
    finally:
        on("c01", f"docker start {CONTAINER}")
    until(lambda: in_jupyter(f"ls {MOUNT}/two").code == 0, 30)


def private() -> list[str]:
    """Return the lines of the private key as the container has it."""
    return as_root("c01", f"cat {KEPT}/id_ed25519").out.splitlines()[1:-1]


def test_no_secret_is_shown(volume: Volume) -> None:
    key = private()
    shown = on(
        "c01",
        "docker inspect $(docker ps -aq); ps axww; cat /proc/mounts; docker logs "
        f"{CONTAINER} 2>&1; sudo cat /var/lib/skp/audit.jsonl",
    ).out
    assert "sshfs" in shown
    assert PASSWORD not in shown
    assert not any(line in shown for line in key)


def test_the_credentials_are_roots_alone_where_they_are_needed_and_nowhere_else(
    volume: Volume,
) -> None:
    modes = as_root("c01", f"stat -c %a:%u:%n {KEPT} {KEPT}/id_ed25519 {KEPT}/known_hosts").out
    assert [line.rpartition(":")[0] for line in modes.splitlines()] == ["500:0", "400:0", "400:0"]
    assert on("c01", f"cat {KEPT}/id_ed25519").code != 0
    for node in ("c02", "c03"):
        assert as_root(node, "ls /var/lib/skp/files").out.split(), node
        assert "volume-skp" not in as_root(node, "ls /var/lib/skp/files").out


def test_a_notebook_finds_no_credential(volume: Volume) -> None:
    """It can read its whole tree: what is put there is found by the same search."""
    part = private()[2]
    where = "/root/volume /root/mnt /run /tmp /var /etc /home"
    grep = f"grep -sFl -e {part} -e a-file-of-his"
    search = f"find {where} -type f -size -64k -exec {grep} {{}} + 2>/dev/null; true"
    made = in_jupyter(
        "mkdir -p /root/volume/etc/ssh && echo a-file-of-his >/root/volume/etc/ssh/his"
    )
    assert made.code == 0, made.all
    try:
        found = in_jupyter(search).out.split()
        assert found == ["/root/volume/etc/ssh/his"]
    finally:
        in_jupyter("rm /root/volume/etc/ssh/his")
    assert on("c01", "ls /home/skp/skp/volume/etc/ssh").out.split() == ["id_ed25519.pub"]


def test_permissions_hold_for_whoever_comes_in(volume: Volume) -> None:
    in_jupyter(f"echo mine > {MOUNT}/mine")
    group = on("c01", "docker exec -u 65534:58000 jupyter-skp cat /root/mnt/sshfs/mine")
    assert group.out == "mine\n", "of the users' group he gets in"
    wrote = on("c01", f"docker exec -u 65534:58000 jupyter-skp touch {MOUNT}/his")
    assert "Permission denied" in wrote.all
    stranger = on("c01", "sudo -u nobody ls /var/lib/skp/mnt/sshfs")
    assert "Permission denied" in stranger.all


def test_a_server_whose_key_is_not_known_is_asked_about(volume: Volume) -> None:
    asked = volume.skp("sshfs.copy-id", f"-p={PASSWORD}", "--renew")
    shown = on(SERVER, "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").out.split()[1]
    assert asked.code == 2
    assert f"It shows ssh-ed25519 {shown}" in asked.err


def test_a_renewed_key_takes_over_when_the_server_accepts_it(volume: Volume) -> None:
    """Until then the container runs on with the one before; nothing of it is at the server then."""
    before, container = private(), f"docker inspect -f {{{{.Id}}}} {CONTAINER}"
    old = on("c01", container).out
    assert volume.skp("sshfs.keygen", "--renew").code == 0
    blocked = volume.skp("docker.apply", "volumes")
    assert blocked.code == 1
    assert "./skp.py sshfs.copy-id -p" in blocked.all
    assert (on("c01", container).out, private()) == (old, before)
    assert in_jupyter(f"touch {MOUNT}/still").code == 0
    for words in (("sshfs.copy-id", f"-p={PASSWORD}"), ("docker.apply", "volumes")):
        ran = volume.skp(*words)
        assert ran.code == 0, ran.all
    assert private() != before
    assert on(SERVER, f"sudo grep -c ssh-ed25519 ~{USER}/.ssh/authorized_keys").out == "1\n"
    until(lambda: in_jupyter(f"cat {MOUNT}/mine").code == 0, 30)


def test_a_wrong_password_and_a_missing_folder_are_refused(volume: Volume) -> None:
    wrong = volume.skp("sshfs.copy-id", "-p=wrong", "--accept-host-keys")
    assert wrong.code == 1
    assert f"{ADDRESS} refuses the password of {USER}" in wrong.err
    nowhere = Path(volume.env["SKP_ENV"]).with_name("nowhere.sh")
    nowhere.write_text(f"source {volume.env['SKP_ENV']}\nexport SSHFS_VOLUME=/nowhere\n")
    missing = skp("sshfs.copy-id", f"-p={PASSWORD}", env={"SKP_ENV": str(nowhere)})
    assert missing.code == 1
    assert f"{ADDRESS}: /nowhere: No such file" in missing.err


def test_status_and_check_tell_how_it_is(volume: Volume) -> None:
    (row,) = volume.rows()
    assert (row["node"], row["volume"], row["state"], row["alive"]) == (
        "c01", "sshfs", "mounted", True
    )  # fmt: skip
    assert row["pending_bytes"] == 0
    (checked,) = volume.rows("check")
    assert (checked["ok"], checked["error"]) == (True, "")


def test_unmounted_by_hand_it_stays_so_until_mounted(volume: Volume) -> None:
    assert volume.skp("volume.umount").code == 0
    assert volume.rows()[0]["state"] == "unmounted by hand"
    last = json.loads(on("c01", "sudo tail -n 1 /var/lib/skp/audit.jsonl").out)
    assert (last["event"], last["command"], last["outcome"]) == ("end", "volume.umount", "done")
    assert volume.skp("volume.umount", "--json").json["changed"] == 0
    assert "sshfs" not in on("c01", "cat /proc/mounts").out
    assert on("c01", f"docker restart {CONTAINER}").code == 0
    assert volume.skp("docker.apply", "volumes").code == 0
    assert volume.rows()[0]["state"] == "unmounted by hand"
    assert volume.skp("volume.mount").code == 0
    assert volume.rows()[0]["alive"]
