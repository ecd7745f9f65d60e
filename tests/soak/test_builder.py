"""Builds that attack: contained, named, and others are unhurt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import builds
from tests.support.builds import BUILDER, built, folder
from tests.support.data_volumes import until
from tests.support.lab import ROOT, on, run, skp

Env = dict[str, str]
# What the node's packages come from, which builds reach.
MIRROR = "$(sed -nE 's,.*https?://([^/]*)/.*,\\1,p' /run/host/sources.list | head -n1)"


@pytest.fixture(scope="module")
def env(image_of_deployments: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    at = tmp_path_factory.mktemp("builds")
    found = builds.environment(at)
    first = built(found, "peer/web:1", folder(at / "peer", "RUN --mount=type=cache,id=it,"
                  "target=/c touch /c/of-the-peer /of-the-peer"))  # fmt: skip
    assert first.code == 0, first.all
    yield found
    builds.forget(found, "vision", "peer")


@pytest.fixture(autouse=True)
def _clean(env: Env) -> Iterator[None]:
    yield
    builds.nothing_is_left()


def others_are_unhurt(env: Env, at: Path) -> None:
    """Another project's build works, and the node's registry is as well as before."""
    after = built(env, "peer/web:2", folder(at / "after", "RUN echo fine"))
    assert after.code == 0, after.all
    healthy = on(BUILDER, "docker inspect -f '{{.State.Health.Status}}' registry-skp")
    assert healthy.out.strip() == "healthy"


def test_nothing_of_the_node_and_of_others_is_seen(env: Env, tmp_path: Path) -> None:
    on(BUILDER, "echo of-the-node | sudo tee /var/lib/skp/of-the-node >/dev/null")
    marks = "of-the-node|of-the-peer|docker.sock|secrets.env"
    seen = built(env, "vision/a", folder(
        tmp_path / "a",
        "RUN --mount=type=cache,id=it,target=/c echo cache: $(ls /c)",
        "RUN for r in / /proc/*/root /proc/*/cwd; do ls -d $r/var/lib/skp/* $r/home/* $r/cache/* "
        "$r/scratch/* 2>/dev/null; done | sort -u | sed s/^/saw:/; true",
        f"RUN busybox find / -xdev 2>/dev/null | grep -E '{marks}' | sed s/^/found:/; true",
        "RUN cat /proc/self/mountinfo | sed s/^/mount:/; grep -H . /proc/self/uid_map",
        "RUN busybox mknod /tmp/disk b 254 0 && cat /tmp/disk; echo disk $?",
        "RUN busybox mount -t tmpfs x /tmp && echo mounted; true",
        "RUN (echo 1 >/proc/sys/kernel/panic) 2>/dev/null; echo panic $?",
    ))  # fmt: skip
    on(BUILDER, "sudo rm /var/lib/skp/of-the-node")
    assert seen.code == 0, seen.all
    lines = builds.log(seen)
    assert "cache:" in lines
    assert not [line for line in lines if line.startswith("found:")]
    assert not [line for line in lines if line.startswith("saw:") and "peer" in line], lines
    assert "/proc/self/uid_map:         0  590000000      65536" in lines
    assert {"disk 1", "panic 1"} <= set(lines), lines
    assert "mounted" not in lines


def test_who_leaves_the_changed_root_is_in_the_container_still(env: Env, tmp_path: Path) -> None:
    leave = "mkdir q{x}; chroot q{x}; chdir q{..} for 1..20; chroot q{.}; exec @ARGV"
    out = f"perl -e '{leave}' sh -c"
    lines = [
        f"RUN {out} '{each}; true'"
        for each in (
            "ls -d /cache/layers /var/lib/skp /proc/1/root/ 2>/dev/null | sed s/^/sees:/",
            "find / -xdev -name *of-the-peer 2>/dev/null | sed s/^/found:/",
            "mkdir /cache/own; ln -s /cache/own /scratch/image",
            "mount -t tmpfs x /tmp && echo mounted",
        )
    ]
    ran = built(env, "vision/e", folder(tmp_path / "e", *lines, base="skp/base:trixie"))
    told = builds.log(ran)
    assert "sees:/cache/layers" in told, ran.all
    assert not {"sees:/var/lib/skp", "sees:/proc/1/root/", "mounted"} & set(told), ran.all
    assert not [line for line in told if line.startswith("found:")], ran.all
    assert (ran.code, "what was built is not taken" in ran.err) == (1, True), ran.all


def test_no_address_of_nodes_or_of_clouds_is_reached(env: Env, tmp_path: Path) -> None:
    gateway = on(
        BUILDER, "docker network inspect skp-builder -f '{{(index .IPAM.Config 0).Gateway}}'"
    ).out.strip()
    tried = {
        "mirror": (MIRROR, 80), "clouds": ("169.254.169.254", 80), "azure": ("168.63.129.16", 80),
        "registry": ("127.0.0.1", 5000), "master": ("10.99.0.11", 22), "node": ("10.99.0.12", 22),
        "other": ("10.99.0.13", 2377), "gateway": (gateway, 22),
    }  # fmt: skip
    lines = [
        f'RUN timeout 5 bash -c "exec 3<>/dev/tcp/{host}/{port}" 2>&1; echo {name}=$?'
        for name, (host, port) in tried.items()
    ]
    ran = built(env, "vision/n", folder(tmp_path / "n", *lines, base="skp/base:trixie"))
    assert ran.code == 0, ran.all
    told = dict(line.split("=") for line in builds.log(ran) if line.split("=")[0] in tried)
    assert told == {name: "0" if name == "mirror" else "1" for name in tried}, ran.all
    assert ran.err.count("connect: No route to host") == len(tried) - 2, ran.all


def test_a_fork_bomb_ends_with_its_container(env: Env, tmp_path: Path) -> None:
    short = builds.environment(tmp_path, BUILD_SECONDS="15", BUILD_CPUS="0.5")
    bomb = folder(tmp_path / "bomb", "RUN f() { f | f & }; f; busybox sleep 100")
    ran = built(short, "vision/bomb", bomb)
    assert ran.code == 1, ran.all
    assert "not built within 15 s" in ran.err or "fork" in ran.err.lower(), ran.err[-2000:]
    builds.nothing_is_left()
    others_are_unhurt(env, tmp_path)


def test_what_it_writes_is_bounded_and_named(env: Env, tmp_path: Path) -> None:
    free = "df -BM --output=avail / | tail -n1 | tr -dc 0-9"
    before = int(on(BUILDER, free).out)
    ran = built(env, "vision/big", folder(
        tmp_path / "big", "RUN busybox dd if=/dev/zero of=/big bs=1M count=50000"))  # fmt: skip
    assert (ran.code, "its room of 1g is full" in ran.err) == (1, True), ran.all
    assert before - int(on(BUILDER, free).out) < 1200
    others_are_unhurt(env, tmp_path)
    again = built(env, "vision/small", folder(tmp_path / "small", "RUN echo small"))
    assert again.code == 0, again.all


def test_what_would_burst_where_it_is_unpacked_is_not_taken(env: Env, tmp_path: Path) -> None:
    ran = built(env, "vision/bomb2", folder(
        tmp_path / "z", "RUN busybox truncate -s 2G /zeros"))  # fmt: skip
    assert (ran.code, "its room of 1g is full" in ran.err) == (1, True), ran.all
    found = on("c01", "docker pull -q localhost:5000/vision/bomb2:latest")
    assert found.code != 0


def test_too_much_memory_is_named(env: Env, tmp_path: Path) -> None:
    ran = built(env, "vision/m", folder(tmp_path / "m", "RUN busybox tail /dev/zero"))
    assert (ran.code, "it needs more memory than 512m" in ran.err) == (1, True), ran.all
    others_are_unhurt(env, tmp_path)


@contextmanager
def own_index(at: Path) -> Iterator[None]:
    """Have the node's pip look in an index on the lab's network, and the lab reach no other."""
    builds.index(at)
    serve = [sys.executable, "-m", "http.server", "8099", "--bind", "10.99.0.1", "-d", str(at)]
    said = "index-url = http://10.99.0.1:8099/simple/\\ntrusted-host = 10.99.0.1\\n"
    way = run("ip", "-4", "route", "show", "default").out.split(" dev ")[1].split()[0]
    rule = ["FORWARD", "-s", "10.99.0.0/24", "-o", way, "-j", "REJECT"]
    with subprocess.Popen(serve, stderr=subprocess.DEVNULL) as server:
        try:
            keep = "sudo cp /etc/pip.conf /etc/pip.conf.kept"
            on(BUILDER, f"{keep}; printf '[global]\\n{said}' | sudo tee /etc/pip.conf")
            run("iptables", "-I", *rule)
            yield
        finally:
            run("iptables", "-D", *rule)
            on(BUILDER, "sudo mv /etc/pip.conf.kept /etc/pip.conf")
            server.terminate()


def test_a_preset_is_built_with_the_uplink_cut(env: Env, tmp_path: Path) -> None:
    packages = "RUN apt-get update -qq && apt-get install -y -qq python3 python3-venv >/dev/null"
    base = built(env, "vision/py:1", folder(tmp_path / "py", packages, base="skp/base:trixie"))
    assert base.code == 0, base.all
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "build.yaml").write_text(
        "base: vision/py:1\npypi: [skp-tiny]\nentrypoint: [python, -m, skp_tiny]\n")  # fmt: skip
    with own_index(tmp_path / "index"):
        outside = built(env, "vision/o", folder(
            tmp_path / "o", "RUN apt-get install -y -qq hello", base="vision/py:1"))  # fmt: skip
        assert outside.code == 1, outside.all
        ran = built(env, "vision/tiny:1", str(tmp_path / "p"))
        assert ran.code == 0, ran.all
        found = on("c01", "docker run --rm localhost:5000/vision/tiny:1")
        assert found.out == "tiny\n", found.all


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have children heed SIGINT, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_nothing_goes_on_when_whoever_asked_is_gone(
    env: Env, interruptible: None, tmp_path: Path, ending: signal.Signals
) -> None:
    path = folder(tmp_path / "long", f"RUN echo {ending.name}; busybox sleep 300")
    words = [sys.executable, "skp.py", "deploy.build", "vision/long", path]
    with subprocess.Popen(words, cwd=ROOT, env={**os.environ, **env}) as asking:
        running = "docker ps -q --filter name=skp-build-bld"
        until(lambda: on(BUILDER, running).out.strip() != "", 60)
        began = time.monotonic()
        asking.send_signal(ending)
        builds.nothing_is_left()
        assert time.monotonic() - began < 20
        asking.wait(30)
    if ending is signal.SIGINT:
        (newest, *_) = skp("deploy.builds", "vision", "--json", env=env).json
        assert (newest["state"], newest["error"]) == ("error", "it was ended")
