"""`bench/run volumes`: what a consumer gets of each volume, beside the same client run bare.

The bare client is started on the node with the words of the one that runs in our container, at a
mountpoint of its own; the same steps (work.py) are timed on both, in turn.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support import data_servers
from tests.support.data_volumes import done, until
from tests.support.lab import ROOT, on, run, skp

NODE, CONSUMER, CLIENT = "c01", "jupyter-skp", {"sshfs": "sshfs", "s3": "s3fs", "blob": "rclone"}
# Where the bare client mounts, and where the consumer sees that.
DIRECT, SEEN = "/var/lib/skp/mnt/bare", "/root/mnt/bare"
WORK = Path(__file__).with_name("work.py").read_text(encoding="utf-8")
SCRIPT = "/tmp/work.py"  # noqa: S108 - on the practice cluster
READER = "who uses the bare client's mount; default node"
# Rounds until both clients are started anew: one may be the faster by luck, and stays so.
TOGETHER = 4
# What is timed (work.py), and whose folder it works on.
STEPS = {
    "write 128 MiB": ("write_large", "own"),
    "write 200 files": ("write_small", "own"),
    "read 128 MiB": ("read_large", "other"),
    "read 200 files": ("read_small", "other"),
    "ask for 1000 names": ("ask", "own"),
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark on the practice cluster; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run volumes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="default 20")
    parser.add_argument("--reader", choices=["node", "consumer"], default="node", help=READER)
    parser.add_argument("--keep", action="store_true", help="write RESULTS-READER.md as well")
    options = parser.parse_args(arguments)
    data_servers.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            data_servers.on_all(Path(folder))
        install()
        text = report(options.rounds, options.reader)
    finally:
        skp("docker.apply", "-q", "--yes", "volumes")
        data_servers.stop()
    if options.keep:
        kept = Path(__file__).with_name(f"RESULTS-{options.reader}.md")
        kept.write_text(text, encoding="utf-8")
    return 0


def report(rounds: int, reader: str) -> str:
    """Compare all volumes and return the results as a table, which is printed as it grows."""
    lines = [
        "# Results",
        "",
        f"Medians of {rounds} rounds on {os.cpu_count()} cores.",
        f"The bare client's mount was used by a process on the {reader}'s side.",
        "",
        "| volume | work | bare client, s | consumer, s | bare / consumer |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for name in data_servers.NAMES:
        lines += compare(name, rounds, reader)
        done(on(NODE, f"sudo umount -l {DIRECT}-{name}; sudo rmdir {DIRECT}-{name}"))
    return "\n".join(lines) + "\n"


def install() -> None:
    """Put the clients, the same as in the image, on the node itself."""
    script = (
        "apt-get update -qq && apt-get install -y -qq fuse3 sshfs s3fs >/dev/null && "
        f"docker cp -q volume-skp-blob-{NODE}:/opt/skp/bin/rclone /usr/local/bin/rclone"
    )
    words = ("ssh", "-F", ".lab/ssh_config", NODE, f"sudo sh -c '{script}'")
    done(run(*words, seconds=900))


def renew(name: str) -> None:
    """Start the container's client anew, and beside it the same client bare."""
    bare, container = f"{DIRECT}-{name}", f"volume-skp-{name}-{NODE}"
    done(on(NODE, f"! mountpoint -q {bare} || sudo umount {bare}"))
    done(on(NODE, f"docker restart {container}"))
    until(lambda: on(NODE, f"docker exec {container} volume-skp health").code == 0, 30)
    mount(name)


def mount(name: str) -> None:
    """Mount bare what the container of `name` has mounted."""
    found = done(on(NODE, f"pgrep -x {CLIENT[name]} | head -1")).out.strip()
    words = done(on(NODE, f"sudo cat /proc/{found}/cmdline")).out.split("\0")[:-1]
    private = f"/proc/{found}/root/dev/shm/skp"
    bare = [
        word.replace(f"/mnt/{name}", f"{DIRECT}-{name}")
        .replace("/dev/shm/skp", private)  # noqa: S108 - the container's
        .replace("/var/cache/volume", f"/var/tmp/direct-{name}")  # noqa: S108
        for word in words
    ]
    make = f"mkdir -p {DIRECT}-{name} /var/tmp/direct-{name}"
    command = f"{make}; setsid {shlex.join(bare)} >/tmp/direct.log 2>&1 </dev/null &"
    done(on(NODE, f"sudo sh -c {shlex.quote(command)}"))
    until(lambda: f"{DIRECT}-{name} " in on(NODE, "cat /proc/mounts").out, 30)


class Worker:
    """A process of work.py that has the mount of a volume before it."""

    def __init__(self, python: str, mount: str) -> None:
        self._mount = mount
        done(on(NODE, f"{python} tee {SCRIPT} >/dev/null <<'E'\n{WORK}\nE"))
        words = ("ssh", "-F", ".lab/ssh_config", NODE, f"{python} python3 {SCRIPT}")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def does(self, verb: str, folder: str) -> float:
        """Return the seconds that a verb of work.py takes in a folder of the volume."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{verb} {self._mount}/{folder}\n")
        self._process.stdin.flush()
        if not (said := self._process.stdout.readline()):
            sys.exit(f"bench: {verb} in {self._mount}/{folder} failed")
        return float(said)

    def end(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


def compare(name: str, rounds: int, reader: str) -> list[str]:
    """Time all work on both in turn; return and print a row of medians for each."""
    times: dict[tuple[str, str], list[float]] = {}
    for first in range(0, rounds, TOGETHER):
        renew(name)
        # By the same user id: s3fs asks more for one that is not root.
        inside = f"docker exec -i {CONSUMER}"
        bare = ("", f"{DIRECT}-{name}") if reader == "node" else (inside, f"{SEEN}-{name}")
        workers = {"bare": Worker(*bare), "consumer": Worker(inside, f"/root/mnt/{name}")}
        for number in range(first, min(first + TOGETHER, rounds)):
            order = list(workers) if number % 2 == 0 else list(reversed(workers))
            for who, what, seconds in one_round(workers, f"bench-{number}", order):
                times.setdefault((what, who), []).append(seconds)
        for worker in workers.values():
            worker.end()
    rows = []
    for what in STEPS:
        plain, ours = (statistics.median(times[what, who]) for who in ("bare", "consumer"))
        rows.append(f"| {name} | {what} | {plain:.3f} | {ours:.3f} | {plain / ours:.2f} |")
        print(rows[-1], flush=True)
    return rows


def one_round(
    workers: dict[str, Worker], folder: str, order: Sequence[str]
) -> Iterator[tuple[str, str, float]]:
    """Have both do all work, in that order; yield who did what, and how long it took."""
    other = dict(zip(order, reversed(order), strict=True))
    for who in order:
        workers[who].does("make", f"{folder}/{who}")
    for what, (verb, whose) in STEPS.items():
        if verb == "read_large":  # each has sent what it wrote, and sees what the other has sent
            for who in order:
                workers[who].does("wait", f"{folder}/{other[who]}")
        for who in order:
            at = who if whose == "own" else other[who]
            yield who, what, workers[who].does(verb, f"{folder}/{at}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
