"""GPUs are asked of the engine, and a node without one is refused.

There is no GPU here. What is registered on c01 is a fake, and called so: a device file without a
device, a runtime that is runc, and a hook that only notes that it was called.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.lab import container_ids, on, skp

FAKE = "/usr/local/bin/skp-fake-gpu"
DEVICE = "/dev/nvidia0"
CALLED = "/run/skp-fake-gpu-was-asked"
RUNTIMES = json.dumps({"runtimes": {"nvidia": {"path": f"{FAKE}-runtime"}}})
# The engine offers its driver for GPUs when it finds the toolkit's hook as it starts.
HOOK = "/usr/local/bin/nvidia-container-runtime-hook"
SECONDS = 180


@pytest.fixture
def gpu_settings(changed: None, settings: Callable[..., dict[str, str]]) -> dict[str, str]:
    """GPUs wanted, and the usual image in place of the one for GPUs: it makes no difference."""
    return settings(JUPYTER_GPU="TRUE", JUPYTER_GPU_IMAGE="skp/docker-ds")


@pytest.fixture
def fake_device(gpu_settings: dict[str, str]) -> Iterator[None]:
    assert on("c01", f"sudo mknod {DEVICE} c 195 0").code == 0
    yield
    on("c01", f"sudo rm -f {DEVICE}")


@pytest.fixture
def fake_runtime(fake_device: None) -> Iterator[None]:
    note = f'#!/bin/sh\\necho "$@" >>{CALLED}\\n'
    pretend = '#!/bin/sh\\nexec runc "$@"\\n'
    sudo = "sudo sh -c"
    for path, script in ((HOOK, note), (f"{FAKE}-runtime", pretend)):
        assert (
            on("c01", f"{sudo} 'printf %b '\\''{script}'\\'' >{path}; chmod 755 {path}'").code == 0
        )
    on(
        "c01",
        f"{sudo} 'mkdir -p /etc/docker; cat >/etc/docker/daemon.json' <<'END'\n{RUNTIMES}\nEND",
    )
    restart_engine()
    yield
    on("c01", f"sudo rm -f {HOOK} {FAKE}-runtime {CALLED} /etc/docker/daemon.json")
    restart_engine()


def restart_engine() -> None:
    """End c01's engine; the node starts it again."""
    pid = on("c01", "pidof dockerd").out.strip()
    assert on("c01", f"sudo kill {pid}").code == 0
    end = time.monotonic() + SECONDS
    while on("c01", "pidof dockerd").out.strip() in ("", pid) or on("c01", "docker version").code:
        assert time.monotonic() < end, "the engine did not come back"


def test_a_node_without_a_gpu_is_refused_and_keeps_what_runs(
    gpu_settings: dict[str, str],
) -> None:
    before = container_ids()
    refused = skp("docker.jupyter-run", env=gpu_settings)
    assert refused.code == 1
    assert "NVIDIA's driver shows no GPU there" in refused.all
    assert "JUPYTER_GPU" in refused.all
    assert container_ids() == before


def test_a_gpu_without_the_engines_runtime_is_refused(
    fake_device: None, gpu_settings: dict[str, str]
) -> None:
    planned = skp("docker.plan", env=gpu_settings)
    assert "its engine has no runtime nvidia" in planned.all
    assert "nvidia-container-toolkit" in planned.all
    status = skp("docker.status", "--json").json["nodes"]
    assert [row["gpus"] for row in status] == ["1, no runtime", "0", "0"]


def test_with_a_fake_gpu_the_engine_is_asked_for_all_of_them(
    fake_runtime: None, gpu_settings: dict[str, str]
) -> None:
    ran = skp("docker.jupyter-run", env=gpu_settings)
    assert ran.code == 0, ran.all
    (asked,) = json.loads(
        on("c01", "docker inspect -f '{{json .HostConfig.DeviceRequests}}' jupyter-skp").out
    )
    assert (asked["Driver"], asked["Count"], asked["Capabilities"]) == ("nvidia", -1, [["gpu"]])
    # What the toolkit's own hook reads, and that it was called before the container began.
    environment = on("c01", 'docker exec jupyter-skp sh -c \'tr "\\0" "\\n" </proc/1/environ\'').out
    assert "NVIDIA_VISIBLE_DEVICES=all" in environment.splitlines()
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in environment.splitlines()
    assert on("c01", f"cat {CALLED}").out.split() == ["prestart"]
    assert "GPUS" in skp("docker.status").out
    again = skp("docker.jupyter-run", env=gpu_settings)
    assert "Nothing to change" in again.out


def test_a_node_that_lost_its_gpu_is_not_planned_on(gpu_settings: dict[str, str]) -> None:
    planned = skp("docker.plan", "--json", env=gpu_settings).json
    (step,) = [step for step in planned["steps"] if step["name"] == "jupyter-skp"]
    assert step["outcome"] == "skipped"
