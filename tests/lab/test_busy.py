"""A notebook server with running kernels is not replaced behind somebody's back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.lab import GATEWAY, container_ids, on, secret, skp

Settings = Callable[..., dict[str, str]]


@pytest.fixture
def kernel(changed: None) -> Iterator[str]:
    """A kernel that somebody works with, by the gateway."""
    headers = {"Authorization": f"token {secret('JUPYTER_GATEWAY_TOKEN')}"}
    made = requests.post(f"{GATEWAY}/api/kernels", headers=headers, json={}, timeout=60)
    assert made.status_code == 201, made.text
    yield made.json()["id"]


def end(kernel: str) -> None:
    headers = {"Authorization": f"token {secret('JUPYTER_GATEWAY_TOKEN')}"}
    requests.delete(f"{GATEWAY}/api/kernels/{kernel}", headers=headers, timeout=60)


def test_it_is_left_as_it_is_and_that_is_said(kernel: str, settings: Settings) -> None:
    before = container_ids()
    other = settings(JUPYTER_MEMORY="1500m")
    ran = skp("docker.apply", env=other)
    assert ran.code == 0, ran.all
    assert "busy, not replaced" in ran.out
    assert "1 kernel(s) running" in ran.out
    assert "--busy replace" in ran.out
    assert container_ids() == before
    end(kernel)
    assert skp("docker.apply", env=other).code == 0
    assert container_ids() != before


def test_a_restart_goes_by_the_same_rule(kernel: str) -> None:
    ran = skp("docker.restart", "-n", "jupyter-skp")
    assert ran.code == 0, ran.all
    assert "busy, not restarted" in ran.out
    assert "1 kernel(s) running" in ran.out
    ran = skp("docker.restart", "-n", "jupyter-skp", "--busy", "replace", "--json")
    assert [step["outcome"] for step in ran.json["steps"]] == ["done"], ran.all


def test_replace_does_not_care(kernel: str, settings: Settings) -> None:
    before = container_ids()
    ran = skp("docker.apply", "--busy", "replace", env=settings(JUPYTER_MEMORY="1600m"))
    assert ran.code == 0, ran.all
    assert container_ids()["c01"]["jupyter-skp"] != before["c01"]["jupyter-skp"]


def test_wait_waits_for_it(kernel: str, settings: Settings) -> None:
    before = container_ids()
    timer = threading.Timer(6, end, [kernel])
    timer.start()
    ran = skp("docker.apply", "--busy", "wait", "--json", env=settings(JUPYTER_MEMORY="1700m"))
    timer.join()
    assert ran.code == 0, ran.all
    assert [s["outcome"] for s in ran.json["steps"] if s["action"] == "replace"] == ["done"]
    assert container_ids()["c01"]["jupyter-skp"] != before["c01"]["jupyter-skp"]


def test_another_word_is_refused(platform: None) -> None:
    ran = skp("docker.apply", "--busy", "maybe")
    assert ran.code == 2
    assert "--busy=maybe: allowed: skip, wait, replace" in ran.err


def test_a_process_that_is_called_like_a_kernel_keeps_nothing(changed: None) -> None:
    name = "x/kernel-12345678-1234-1234-1234-123456789abc.json"
    on("c01", f"docker exec -d jupyter-skp bash -c 'exec -a {name} sleep 600'")
    assert on("c01", f"docker top jupyter-skp | grep {name}").code == 0
    ran = skp("docker.restart", "-n", "jupyter-skp", "--json")
    assert [step["outcome"] for step in ran.json["steps"]] == ["done"], ran.all
