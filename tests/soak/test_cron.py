"""A real cron daemon runs what cron.install writes, on a machine that is a copy of this one.

The machine is a container whose root is this machine's, with all that is written kept apart (an
overlay file system): cron, a mail program that only collects, the crontab and our log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.lab import (
    GATEWAY,
    HOSTS,
    NODES,
    ROOT,
    Ran,
    container_ids,
    host_docker,
    on,
    run,
    secret,
    skp,
)

NAME = "skp-cron-machine"
BEGIN = f"""
apart() {{
  mkdir -p /upper/$1/u /upper/$1/w $3
  mount -t overlay overlay -o lowerdir=$2,upperdir=/upper/$1/u,workdir=/upper/$1/w $3
}}
apart root /host /machine
# What is a mount of its own is not in it: the checkout may be, and in containers these are.
apart checkout /host{ROOT} /machine{ROOT}
for each in resolv.conf hosts; do cat /host/etc/$each >/machine/etc/$each; done
for each in proc dev sys run tmp; do mount --rbind /host/$each /machine/$each; done
rm -f /machine/var/run/crond.pid
[ ! -x /machine/usr/sbin/cron ] || exec chroot /machine cron -f
exec sleep infinity
"""
# What cron hands its mails to.
MAILER = "#!/bin/sh\ncat >>/var/mail/all\n"
TICK = 60


def inside(command: str, seconds: float = 120) -> Ran:
    """Run a command on the machine of cron, in the project's folder."""
    words = ("docker", "exec", NAME, "chroot", "/machine", "sh", "-c", f"cd {ROOT} && {command}")
    return run(*words, seconds=seconds)


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, inside("cat log/cron.log /var/mail/all").all
        time.sleep(1)


def ticks() -> int:
    """Return how many ticks have ended."""
    return int(inside("cat log/cron.log 2>/dev/null | grep -c ' docker.apply: exit code '").out)


def mails() -> str:
    return inside("cat /var/mail/all 2>/dev/null").out


def wait_for_ticks(count: int) -> None:
    before = ticks()
    until(lambda: ticks() >= before + count, (count + 1) * TICK + 30)


@pytest.fixture(scope="module")
def machine() -> Iterator[None]:
    assert run("bin/demo", seconds=1200).code == 0
    host_docker("rm", "-f", "-v", NAME)
    began = host_docker(
        "run", "-d", "--name", NAME, "--privileged", "--network", "host", "--init",
        "-v", "/:/host", "-v", "/upper", "skp/base:trixie", "sh", "-c", BEGIN,
    )  # fmt: skip
    assert began.code == 0, began.all
    try:
        apt = "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install cron"
        got = inside(f"command -v cron || ({apt})", seconds=300)
        assert got.code == 0, got.all
        mailer = f"printf '%s' '{MAILER}' >/usr/sbin/sendmail && chmod 755 /usr/sbin/sendmail"
        assert inside(mailer).code == 0
        # (Its checkout is its own; /tmp is this machine's.)
        assert inside(f"cp {HOSTS} etc/hosts.json").code == 0
        assert host_docker("restart", "-t", "1", NAME).code == 0  # now with cron
        installed = inside('./skp.py cron.install -s "* * * * *" -c docker.apply')
        assert installed.code == 0, installed.all
        yield
    finally:
        host_docker("rm", "-f", "-v", NAME)


@pytest.fixture(autouse=True)
def right(machine: None) -> Iterator[None]:
    """Begin with a cluster that is right and nothing to be told."""
    assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
    # (A tick may be at work.)
    until(lambda: skp("docker.apply", "-q", "--busy", "replace").code == 0, 4 * TICK)
    wait_for_ticks(1)
    inside(": >/var/mail/all")
    yield
    for node in NODES:
        host_docker("start", node)


def test_what_was_removed_by_hand_is_back_at_the_next_tick_and_a_quiet_tick_is_quiet() -> None:
    on("c02", "docker rm -f registry-skp")
    until(lambda: "registry-skp" in container_ids(("c02",))["c02"], 2 * TICK)
    until(lambda: "registry-skp  create" in mails(), TICK)
    inside(": >/var/mail/all")
    wait_for_ticks(2)
    assert mails() == ""


def test_a_node_that_is_off_is_told_of_once_and_when_it_is_back() -> None:
    host_docker("kill", "c03")
    wait_for_ticks(3)
    assert mails().count("\nSubject: ") == 1, mails()
    assert "c03: " in mails()
    host_docker("start", "c03")
    until(lambda: "docker.apply: all is right again" in mails(), 4 * TICK)


@pytest.fixture
def kernel() -> Iterator[Callable[[], None]]:
    """Somebody works in a notebook; returns what ends that."""
    headers = {"Authorization": f"token {secret('JUPYTER_GATEWAY_TOKEN')}"}
    made = requests.post(f"{GATEWAY}/api/kernels", headers=headers, json={}, timeout=60).json()
    url = f"{GATEWAY}/api/kernels/{made['id']}"
    yield lambda: requests.delete(url, headers=headers, timeout=60).raise_for_status()


@pytest.fixture
def waiting() -> Iterator[str]:
    """A second job every minute, that has to wait for the notebook."""
    command = "docker.apply --busy wait"
    changed = inside(
        "echo 'export JUPYTER_MEMORY=1500m' >>bin/env.sh && "
        f"./skp.py cron.install -s '* * * * *' -c '{command}'"
    )
    assert changed.code == 0, changed.all
    yield command
    done = inside(f"./skp.py cron.rm -c '{command}' && sed -i '$d' bin/env.sh")
    assert done.code == 0, done.all


def test_of_two_ticks_that_overlap_the_second_leaves_the_cluster_alone(
    kernel: Callable[[], None], waiting: str
) -> None:
    before = container_ids(("c01",))
    until(lambda: "exit code 75" in inside("cat log/cron.log").out, 4 * TICK)
    assert container_ids(("c01",)) == before
    kernel()
    until(lambda: f"{waiting}: exit code 0" in inside("cat log/cron.log").out, 2 * TICK)
    assert container_ids(("c01",)) != before
    assert "exit code 75" not in mails()


def test_cron_goes_on_after_its_machine_was_rebooted() -> None:
    assert host_docker("restart", "-t", "1", NAME).code == 0
    on("c02", "docker rm -f registry-skp")
    until(lambda: "registry-skp" in container_ids(("c02",))["c02"], 2 * TICK + 30)
    listed = inside("./skp.py cron.list")
    assert "* * * * *  docker.apply" in listed.out
    assert inside("./skp.py cron.rm").code == 0
    assert inside("crontab -l").out.strip() == ""
