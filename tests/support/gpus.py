"""GPUs by name alone, on nodes of the practice cluster: there is neither a GPU nor a driver."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.support.lab import host_docker, on, skp

_DAEMON, _SMI = "/etc/docker/daemon.json", "/usr/local/bin/nvidia-smi"
_CLOCK = "/usr/local/bin/chronyd"
_LIMITS = "/etc/sysctl.d/90-skp.conf /etc/security/limits.d/90-skp.conf"


def again() -> None:
    """Have all nodes be there, after an engine was restarted by hand."""
    up = skp("-q", "lab.up", "-n", "3", "--publish")
    assert up.code == 0, up.all


@contextmanager
def shown(gpus: Mapping[str, int]) -> Iterator[None]:
    """On these nodes a program lists so many GPUs as NVIDIA's does, GPU-NODE-0 and the next ones.

    What keeps the clock is in name alone, so that host.install brings no chrony that would stay.
    What that changed is taken back at the end.
    """
    for node, count in gpus.items():
        lines = [f"GPU {n}: Tesla V100-SXM2-16GB (UUID: GPU-{node}-{n})" for n in range(count)]
        script = "\n".join(["#!/bin/sh", "cat <<END", *lines, "END", ""])
        for words in (
            f"printf %s {shlex.quote(script)} | sudo tee {_SMI} && sudo chmod 755 {_SMI}",
            f"sudo cp /usr/bin/sleep {_CLOCK}",
            f"(sudo setsid {_CLOCK} infinity >/dev/null 2>&1 </dev/null &)",
        ):
            done = on(node, words)
            assert done.code == 0, done.all
    yield
    undone = skp("host.firewall", "--undo", "--nodes", ",".join(gpus))
    for node in gpus:
        on(node, f"sudo pkill -x chronyd; sudo rm -f {_DAEMON} {_SMI} {_CLOCK} {_LIMITS}")
        host_docker("restart", "-t", "5", node)
    again()
    assert undone.code == 0, undone.all
