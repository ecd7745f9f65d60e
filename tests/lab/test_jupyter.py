"""Jupyter as its users meet it: through the login page, by a real client, on real kernels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.support.jupyter import SECONDS, bearer, kernel, log_in, may_enter, result
from tests.support.lab import GATEWAY, JUPYTER, container_ids, on, secret, skp

# As workers of PyTorch's loaders hand on arrays; the engine's own limit is 64 MB.
SHARED = """
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=200 << 20)
block.buf[:] = b"x" * (200 << 20)
found = block.buf.nbytes
block.close()
block.unlink()
found
"""
SUM = "import numpy, pandas, matplotlib; int(numpy.arange(10).sum())"


def test_the_password_opens_it(platform: None) -> None:
    assert may_enter(log_in(secret("JUPYTER_PASSWORD")))


def test_a_wrong_password_is_refused(platform: None) -> None:
    assert not may_enter(log_in(secret("JUPYTER_PASSWORD") + "x"))


def test_an_empty_password_is_refused(platform: None) -> None:
    assert not may_enter(log_in(""))


def test_without_login_it_is_closed(platform: None) -> None:
    assert not may_enter(requests.Session())


def test_the_gateways_token_does_not_open_the_lab(platform: None) -> None:
    headers = bearer(secret("JUPYTER_GATEWAY_TOKEN"))
    answer = requests.get(f"{JUPYTER}/api/contents", headers=headers, timeout=SECONDS)
    assert answer.status_code == 403


def test_a_cell_runs_on_a_kernel_through_the_server(platform: None) -> None:
    browser = log_in(secret("JUPYTER_PASSWORD"))
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"Cookie": cookies, "X-XSRFToken": browser.cookies["_xsrf"]}
    with kernel(JUPYTER, headers) as client:
        assert result(client, SUM) == "45"
        assert result(client, "import os; os.getcwd(), os.getuid()") == "('/root/volume', 58000)"


def test_workers_of_a_notebook_share_half_of_its_memory(platform: None) -> None:
    with kernel(GATEWAY, bearer(secret("JUPYTER_GATEWAY_TOKEN"))) as client:
        assert result(client, SHARED) == str(200 << 20)


def test_code_runs_through_the_gateway_with_its_token(platform: None) -> None:
    with kernel(GATEWAY, bearer(secret("JUPYTER_GATEWAY_TOKEN"))) as client:
        assert result(client, SUM) == "45"


@pytest.mark.parametrize("headers", [{}, bearer(""), bearer("wrong")])
def test_the_gateway_refuses_without_its_token(platform: None, headers: dict[str, str]) -> None:
    with pytest.raises(requests.HTTPError) as caught, kernel(GATEWAY, headers):
        pass
    assert caught.value.response.status_code in (401, 403)


def test_the_locale_is_the_one_it_was_built_with(platform: None) -> None:
    ran = skp("docker.exec-shell", "-h", "c01", "-n", "jupyter-skp", "-c", "locale")
    assert "LANG=ko_KR.UTF-8" in ran.out


def test_what_a_notebook_writes_is_on_every_node(platform: None) -> None:
    with kernel(GATEWAY, bearer(secret("JUPYTER_GATEWAY_TOKEN"))) as client:
        client.execute("open('shared.txt', 'w').write('from c01')", timeout=60)
        client.execute("open('/root/mnt/dfs/shared.txt', 'w').write('dfs')", timeout=60)
    assert on("c03", "cat /home/skp/skp/volume/shared.txt /mnt/dfs/shared.txt").out == "from c01dfs"
    on("c03", "rm /home/skp/skp/volume/shared.txt /mnt/dfs/shared.txt")


def test_it_is_reached_on_the_hosts_loopback(platform: None) -> None:
    answer = requests.get("http://127.0.0.1:8010/jupyter-skp/api", timeout=SECONDS)
    assert "version" in answer.json()


def test_no_secret_is_where_docker_inspect_or_a_process_list_shows_it(platform: None) -> None:
    shown = on("c01", "docker inspect $(docker ps -aq); ps axww; docker logs jupyter-skp 2>&1").out
    assert "jupyter-skp" in shown
    for key in ("JUPYTER_PASSWORD", "JUPYTER_GATEWAY_TOKEN", "REGISTRY_HTTP_SECRET"):
        assert secret(key) not in shown


def test_a_renewed_password_opens_it_and_the_old_one_does_not(changed: None) -> None:
    old = secret("JUPYTER_PASSWORD")
    ran = skp("secrets.rotate", "JUPYTER_PASSWORD", "--yes")
    assert ran.code == 0, ran.all
    new = skp("secrets.show", "JUPYTER_PASSWORD", "--yes").out.strip()
    assert new not in ("", old)
    assert new not in ran.all
    assert may_enter(log_in(new))
    assert not may_enter(log_in(old))


def test_what_can_not_get_healthy_is_reported_with_its_log(
    changed: None, settings: Callable[..., dict[str, str]]
) -> None:
    ran = skp("docker.jupyter-run", env=settings(JUPYTER_BASEURL="x", JUPYTER_MEMORY="6m"))
    assert ran.code == 1
    assert "c01 jupyter-skp" in ran.out
    assert "ended with exit code" in ran.out or "is starting after" in ran.out
    assert skp("docker.status").code == 1


def test_rm_takes_it_down_and_apply_leaves_it_so_until_run(changed: None) -> None:
    removed = skp("docker.jupyter-rm")
    assert removed.code == 0, removed.all
    assert "jupyter-skp" not in container_ids(("c01",))["c01"]
    applied = skp("docker.apply")
    assert applied.code == 0
    assert "jupyter is held" in applied.out
    assert "jupyter-skp" not in container_ids(("c01",))["c01"]
    run = skp("docker.jupyter-run")
    assert run.code == 0, run.all
    assert may_enter(log_in(secret("JUPYTER_PASSWORD")))
