"""Data volumes when things fail: what was closed is not lost, and consumers go on by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import data_servers
from tests.support.data_servers import CONTAINERS, NAMES
from tests.support.data_volumes import Volume, as_root, done, in_jupyter, until
from tests.support.lab import Ran, host_docker, on, run, skp

OUTAGE = 60  # seconds
SLOW = 20_000_000  # bytes: 80 s of that way
BACK = 30  # seconds after the cause is gone
# Writes files one after another, notes which of them were closed without an error, until told.
WRITER = """
import os, sys, time
folder, noted = sys.argv[1], open(sys.argv[2], 'a')
number = 0
while not os.path.exists('/tmp/enough'):
    number += 1
    try:
        with open(f'{folder}/w{number}', 'w') as file:
            file.write(f'{number}\\n' * 1000)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        time.sleep(0.5)
    else:
        print(number, file=noted, flush=True)
        time.sleep(0.2)
"""
# Says which of the noted files are not as they were written.
READER = """
import sys
folder, lost = sys.argv[1], []
for number in open(sys.argv[2]).read().split():
    try:
        if open(f'{folder}/w{number}').read() != f'{number}\\n' * 1000:
            lost.append(number + ' differs')
    except OSError as error:
        lost.append(f'{number}: {error}')
print(len(open(sys.argv[2]).read().split()), lost)
"""

# Its file is closed, without an error, when the server can't be reached any more.
CLOSES_LATER = """
import pathlib, time
with open('/root/mnt/blob/kept', 'wb') as file:
    file.write(b'0' * 3000000)
    pathlib.Path('/tmp/opened').touch()
    while not pathlib.Path('/tmp/close').exists():
        time.sleep(0.1)
pathlib.Path('/tmp/closed').touch()
"""

# Writes files and says of each what it is, or which error its writer was given.
FILLS = """
import hashlib, os, sys
os.makedirs(sys.argv[1], exist_ok=True)
for number in range(4):
    content = os.urandom(8 << 20)
    try:
        with open(f'{sys.argv[1]}/{number}', 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        print(number, 'error', error.errno)
    else:
        print(number, hashlib.sha256(content).hexdigest())
"""


@pytest.fixture(scope="module")
def volume(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    data_servers.start()
    yield data_servers.on_all(tmp_path_factory.mktemp("volumes"))
    done(skp("docker.apply", "-q", "--yes", "volumes"))
    data_servers.forget()
    data_servers.stop()


@pytest.fixture
def writing(volume: Volume) -> Iterator[Callable[[], None]]:
    """Write on all three while the test goes on; gives what ends that and counts what is there."""
    consumer = "docker exec -d jupyter-skp"
    in_jupyter("rm -f /tmp/enough /tmp/noted-*")
    for path, text in (("/tmp/writer.py", WRITER), ("/tmp/reader.py", READER)):
        done(on("c01", f"docker exec -i jupyter-skp tee {path} <<'E'\n{text}\nE"))
    for name in NAMES:
        in_jupyter(f"mkdir -p /root/mnt/{name}/w")
        done(on("c01", f"{consumer} python /tmp/writer.py /root/mnt/{name}/w /tmp/noted-{name}"))
    until(lambda: all(in_jupyter(f"test -s /tmp/noted-{name}").code == 0 for name in NAMES), 30)

    def enough(name: str) -> bool:
        return in_jupyter(f"awk 'END {{ exit NR < 6 }}' /tmp/noted-{name}").code == 0

    def ended() -> None:
        until(lambda: all(map(enough, NAMES)), 90)
        in_jupyter("touch /tmp/enough; sleep 2")
        until(lambda: all(row["pending_bytes"] == 0 for row in volume.rows()), 90)
        # Everything anew, so that nothing is told from a cache.
        done(on("c01", "docker restart volume-skp-sshfs-c01 volume-skp-s3-c01 volume-skp-blob-c01"))
        until(lambda: all(row["ok"] for row in volume.rows()), BACK)
        for name in NAMES:
            read = done(in_jupyter(f"python /tmp/reader.py /root/mnt/{name}/w /tmp/noted-{name}"))
            count, _, lost = read.out.strip().partition(" ")
            print(f"{name}: {count} files closed without an error, lost: {lost}")
            assert (int(count) > 5, lost) == (True, "[]"), name

    yield ended
    in_jupyter("touch /tmp/enough")


def write(name: str, text: str) -> Ran:
    return in_jupyter(f"echo {text} > /root/mnt/{name}/{text} && cat /root/mnt/{name}/{text}")


def all_are_back(volume: Volume, text: str) -> None:
    """Every volume can be written and read again, in time, and Jupyter was not started anew."""
    begun = time.monotonic()
    for name in NAMES:
        until(lambda name=name: write(name, text).out == f"{text}\n", BACK)  # type: ignore[misc]
        print(f"{name}: back {time.monotonic() - begun:.1f} s after the cause was gone")


def nothing_hangs(volume: Volume) -> None:
    for words in (("docker.ps",), ("docker.status",), ("docker.apply", "--timeout", "15")):
        begun = time.monotonic()
        ran = volume.skp(*words)
        seconds = time.monotonic() - begun
        print(f"{words[0]}: exit code {ran.code} after {seconds:.1f} s")
        assert seconds < 45


def started() -> str:
    return on("c01", "docker inspect -f {{.State.StartedAt}} jupyter-skp").out


def test_the_servers_are_down(volume: Volume, writing: Callable[[], None]) -> None:
    before = started()
    done(host_docker("stop", "-t", "1", *CONTAINERS.values()))
    begun = time.monotonic()
    nothing_hangs(volume)
    until(lambda: time.monotonic() - begun > OUTAGE, OUTAGE + 60)
    assert not any(row["alive"] for row in volume.rows())
    done(host_docker("start", *CONTAINERS.values()))
    all_are_back(volume, "after-down")
    assert started() == before
    writing()


def test_the_network_is_cut(volume: Volume, writing: Callable[[], None]) -> None:
    before = started()
    data_servers.cut("-I")
    begun = time.monotonic()
    try:
        nothing_hangs(volume)
        until(lambda: time.monotonic() - begun > OUTAGE, OUTAGE + 60)
    finally:
        data_servers.cut("-D")
    all_are_back(volume, "after-cut")
    assert started() == before
    writing()


@pytest.mark.parametrize("what", ["process", "container"])
def test_the_clients_are_killed(volume: Volume, writing: Callable[[], None], what: str) -> None:
    before = started()
    if what == "process":
        as_root("c01", "pkill -KILL -x sshfs; pkill -KILL -x s3fs; pkill -KILL -x rclone")
    else:
        inner = "docker inspect -f {{.State.Pid}} $(docker ps -q -f name=volume-skp)"
        as_root("c01", f"kill -KILL $({inner})")
    all_are_back(volume, f"after-killed-{what}")
    assert started() == before
    writing()


@pytest.mark.parametrize("name", NAMES)
def test_a_large_file_on_a_slow_way_is_not_broken_off(volume: Volume, name: str) -> None:
    """Probes wait behind the file; a client that is at work is not given up."""
    begun = on("c01", "date +%s").out.strip()
    as_root("c01", "tc qdisc add dev eth0 root tbf rate 2mbit burst 32k latency 400ms")
    try:
        write = f"head -c {SLOW} /dev/zero >/root/mnt/{name}/slow"
        words = ("ssh", "-F", ".lab/ssh_config", "c01", f"docker exec jupyter-skp sh -c '{write}'")
        done(run(*words, seconds=400))
        until(lambda: all(row["pending_bytes"] == 0 for row in volume.rows()), 300)
    finally:
        as_root("c01", "tc qdisc del dev eth0 root")
    assert (
        "given up" not in on("c01", f"docker logs --since {begun} volume-skp-{name}-c01 2>&1").out
    )
    assert in_jupyter(f"stat -c %s /root/mnt/{name}/slow").out == f"{SLOW}\n"


def test_the_node_is_restarted(volume: Volume) -> None:
    done(host_docker("restart", "-t", "1", "c01"))
    until(lambda: on("c01", "docker ps").code == 0, 60)
    done(volume.skp("docker.apply"))
    all_are_back(volume, "after-restart")


def test_the_credentials_are_revoked(volume: Volume) -> None:
    keys = "/home/files/.ssh/authorized_keys"
    done(host_docker("exec", CONTAINERS["sshfs"], "mv", keys, f"{keys}.old"))
    as_root("c01", "pkill -KILL -x sshfs")
    until(lambda: "Permission denied" in str(volume.rows()[0]["error"]), 30)
    assert in_jupyter("touch /root/mnt/sshfs/x").code != 0
    done(host_docker("exec", CONTAINERS["sshfs"], "mv", f"{keys}.old", keys))
    all_are_back(volume, "after-revoked")


def test_the_host_key_is_changed(volume: Volume) -> None:
    server, key = CONTAINERS["sshfs"], "/etc/ssh/ssh_host_ed25519_key"
    renew = f"rm {key}*; ssh-keygen -q -t ed25519 -N '' -f {key}"
    done(host_docker("exec", server, "sh", "-c", f"cp {key} /tmp/key; {renew}"))
    done(host_docker("restart", "-t", "1", server))
    until(lambda: "Host key verification failed" in str(volume.rows()[0]["error"]), 60)
    refused = volume.skp("sshfs.copy-id", f"-p={data_servers.PASSWORD}", "--accept-host-keys")
    assert "is not the one that was pinned" in refused.err
    done(host_docker("exec", server, "sh", "-c", f"rm {key}.pub; cp /tmp/key {key}"))
    done(host_docker("restart", "-t", "1", server))
    all_are_back(volume, "after-key")


def test_blobs_cache_is_sent_after_the_container_was_removed(volume: Volume) -> None:
    """A write that the server could not be given yet lives on the node's disk."""
    until(lambda: volume.rows()[2]["pending_bytes"] == 0, 60)  # what an earlier test has written
    in_jupyter("rm -f /tmp/close /tmp/closed /tmp/opened")
    script = f"docker exec -i jupyter-skp python - >/tmp/kept.log 2>&1 <<'E' &\n{CLOSES_LATER}\nE"
    done(on("c01", script))
    until(lambda: in_jupyter("test -e /tmp/opened").code == 0, 20)
    done(host_docker("pause", CONTAINERS["blob"]))
    try:
        in_jupyter("touch /tmp/close")
        until(lambda: in_jupyter("test -e /tmp/closed").code == 0, 20)
        until(lambda: volume.rows()[2]["pending_bytes"] == 3000000, 20)
        as_root("c01", "docker rm -f volume-skp-blob-c01")
    finally:
        done(host_docker("unpause", CONTAINERS["blob"]))
    done(volume.skp("docker.apply", "--yes", "volumes"))
    until(lambda: volume.rows()[2]["pending_bytes"] == 0, 60)
    assert in_jupyter("stat -c %s /root/mnt/blob/kept").out == "3000000\n"


def test_the_cache_disk_is_full(volume: Volume, tmp_path: Path) -> None:
    """Who writes is told so, nothing that was closed is lost, and it goes on when there is room."""
    as_root("c01", "mkdir -p /mnt/small && mount -t tmpfs -o size=100m none /mnt/small")
    settings = {**data_servers.SETTINGS, "VOLUMES_CACHE": "/mnt/small/cache"}
    small = data_servers.switched_on(tmp_path, settings)
    before = started()
    try:
        done(small.skp("docker.apply", "volumes"))
        on("c01", "sudo dd if=/dev/zero of=/mnt/small/fill bs=1M")
        noted = {name: filled(name) for name in ("s3", "blob")}
        print(noted)
        assert all("error" in said for said in noted.values())
        nothing_hangs(small)
        assert write("sshfs", "with-a-full-disk").code == 0
        as_root("c01", "rm /mnt/small/fill")
        all_are_back(small, "after-full")
        later = {name: filled(f"{name}/later") for name in ("s3", "blob")}
        until(lambda: all(row["pending_bytes"] == 0 for row in small.rows()), 120)
        done(on("c01", "docker restart volume-skp-s3-c01 volume-skp-blob-c01"))
        until(lambda: all(row["ok"] for row in small.rows()), BACK)
        for name in ("s3", "blob"):
            assert lost(name, noted[name]) == lost(f"{name}/later", later[name]) == []
        assert started() == before
    finally:
        done(volume.skp("docker.apply", "volumes"))
        as_root("c01", "umount -l /mnt/small")


def filled(folder: str) -> str:
    """Write as FILLS does, and return what it says."""
    command = f"docker exec -i jupyter-skp timeout 50 python - /root/mnt/{folder}/fills"
    return done(on("c01", f"{command} <<'E'\n{FILLS}\nE")).out


def lost(folder: str, noted: str) -> list[str]:
    """Return those of the files that were written without an error that are not as written."""
    kept = [line.split() for line in noted.splitlines() if "error" not in line]
    found = {
        number: in_jupyter(f"sha256sum < /root/mnt/{folder}/fills/{number}").out.split()[:1]
        for number, _ in kept
    }
    return [number for number, digest in kept if found[number] != [digest]]


def test_volumes_that_are_switched_on_later_appear_in_running_consumers(volume: Volume) -> None:
    done(skp("docker.apply", "--yes", "volumes"))
    assert in_jupyter("ls /root/mnt").out.split() == ["dfs"]
    assert json.loads(done(skp("docker.ps", "--json", "--nodes", "c01")).out)["c01"]
    before = started()
    done(volume.skp("docker.apply", "--yes", "volumes"))
    all_are_back(volume, "after-on")
    assert started() == before
