"""`bench/run volumes`: what a consumer gets of each volume, beside the same client run bare.

The bare client is started on the node with the words of the one that runs in our container, at a
mountpoint of its own; the same shell commands are timed on both, in turn.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.lab.conftest import on, run, skp
from tests.lab.data_volumes import done, until
from tests.soak import data_servers

NODE, CONSUMER, CLIENT = "c01", "jupyter-skp", {"sshfs": "sshfs", "s3": "s3fs", "blob": "rclone"}
DIRECT = "/mnt/direct"
# Seconds, by the shell's own clock: what ssh and docker exec cost is not in it.
TIMED = "a=$(date +%s%N); {{ {work}; }} >/dev/null && b=$(date +%s%N) && echo $(((b-a)/1000))"
WORK = {
    "write 64 MB": "dd if=/dev/zero of={at}/large bs=1M count=64 conv=fsync 2>/dev/null",
    "read 64 MB": "dd if={at}/large of=/dev/null bs=1M 2>/dev/null",
    "write 100 files": "for i in $(seq 100); do echo $i > {at}/f$i; done",
    "read 100 files": "cat {at}/f*",
    "stat 100 names": "for i in $(seq 100); do stat {at}/no$i 2>/dev/null || true; done",
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark on the practice cluster; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run volumes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="default 7")
    options = parser.parse_args(arguments)
    data_servers.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            data_servers.on_all(Path(folder))
        install()
        print("| volume | work | bare client, s | consumer, s | bare / consumer |")
        print("|---|---|---|---|---|")
        for name in data_servers.NAMES:
            mount(name)
            compare(name, options.rounds)
            done(on(NODE, f"sudo umount -l {DIRECT}/{name}"))
    finally:
        skp("docker.apply", "-q", "--yes", "volumes")
        data_servers.stop()
    return 0


def install() -> None:
    """Put the clients, the same as in the image, on the node itself."""
    script = (
        "apt-get update -qq && apt-get install -y -qq fuse3 sshfs s3fs >/dev/null && "
        f"docker cp -q volume-skp-blob-{NODE}:/opt/skp/bin/rclone /usr/local/bin/rclone"
    )
    words = ("ssh", "-F", ".lab/ssh_config", NODE, f"sudo sh -c '{script}'")
    done(run(*words, seconds=900))


def mount(name: str) -> None:
    """Mount bare what the container of `name` has mounted."""
    found = done(on(NODE, f"pgrep -x {CLIENT[name]} | head -1")).out.strip()
    words = done(on(NODE, f"sudo cat /proc/{found}/cmdline")).out.split("\0")[:-1]
    private = f"/proc/{found}/root/dev/shm/skp"
    bare = [
        word.replace(f"/mnt/{name}", f"{DIRECT}/{name}")
        .replace("/dev/shm/skp", private)  # noqa: S108 - the container's
        .replace("/var/cache/volume", f"/var/tmp/direct-{name}")  # noqa: S108
        for word in words
    ]
    make = f"mkdir -p {DIRECT}/{name} /var/tmp/direct-{name}"
    command = f"{make}; setsid {shlex.join(bare)} >/tmp/direct.log 2>&1 </dev/null &"
    done(on(NODE, f"sudo sh -c {shlex.quote(command)}"))
    until(lambda: f"{DIRECT}/{name}" in on(NODE, "cat /proc/mounts").out, 30)


def compare(name: str, rounds: int) -> None:
    """Time all work on both in turn, and print a row of medians for each."""
    times: dict[tuple[str, str], list[float]] = {}
    places = {"bare": f"{DIRECT}/{name}/bare", "consumer": f"/root/mnt/{name}/consumer"}
    for number in range(rounds):
        for what, work in WORK.items():
            order = list(places) if number % 2 else list(reversed(places))
            for who in order:
                times.setdefault((what, who), []).append(once(who, work, places[who]))
    for what in WORK:
        bare, ours = (statistics.median(times[what, who]) for who in ("bare", "consumer"))
        print(f"| {name} | {what} | {bare:.3f} | {ours:.3f} | {bare / ours:.2f} |", flush=True)


def once(who: str, work: str, at: str) -> float:
    """Return the seconds that `work` takes for `who`."""
    script = f"mkdir -p {at}; " + TIMED.format(work=work.format(at=at))
    inside = f"docker exec {CONSUMER} sh -c {shlex.quote(script)}"
    bare = f"sudo sh -c {shlex.quote(script)}"
    words = ("ssh", "-F", ".lab/ssh_config", NODE, inside if who == "consumer" else bare)
    return int(done(run(*words, seconds=300)).out) / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
