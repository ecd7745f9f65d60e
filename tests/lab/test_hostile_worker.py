"""What root of one worker types to be the cluster: each has to fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import NODES, ROOT, container_ids, inventory, on, skp

SECRETS = ROOT / "etc" / "secrets.env"
STORED = "/var/lib/skp/secrets.env"
CHOSEN = (
    "SKP_GENERATION=999999\\nSKP_SPEC_KEY=x\\nJUPYTER_PASSWORD=of-c03\\n"
    "JUPYTER_GATEWAY_TOKEN=of-c03\\nREGISTRY_HTTP_SECRET=of-c03\\nLD_PRELOAD=/tmp/x\\n"
)


@pytest.fixture
def worker(changed: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An inventory in which c03 is a worker, and nothing but."""
    hosts = inventory()
    hosts["c03"]["groups"] = ["worker"]
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps(hosts))
    env = {"SKP_HOSTS": str(path)}
    became = skp("docker.apply", env=env)
    assert became.code == 0, became.all
    assert on("c03", "docker node ls").code != 0
    yield env
    on("c03", f"sudo rm -f {STORED} {STORED}.mark")


def test_its_secrets_are_not_taken(worker: dict[str, str]) -> None:
    before = SECRETS.read_text(), [on(n, f"sudo cat {STORED}").out for n in NODES[:2]]
    running = container_ids()
    planted = on("c03", f"printf '{CHOSEN}' | sudo sh -c 'umask 077; cat >{STORED}'")
    assert planted.code == 0, planted.all
    ran = skp("docker.apply", env=worker)
    assert ran.code == 0, ran.all
    assert (SECRETS.read_text(), [on(n, f"sudo cat {STORED}").out for n in NODES[:2]]) == before
    assert container_ids() == running


def test_a_manager_whose_secrets_jump_ahead_is_named_and_not_believed(changed: None) -> None:
    before = SECRETS.read_text()
    kept = on("c02", f"sudo cat {STORED}").out
    try:
        planted = on("c02", f"printf '{CHOSEN}' | sudo sh -c 'umask 077; cat >{STORED}'")
        assert planted.code == 0, planted.all
        ran = skp("docker.apply")
        assert ran.code == 2, ran.all
        assert "c02: its stored secrets claim 99999" in ran.err
        assert "JUPYTER_PASSWORD" in ran.err
        assert "of-c03" not in ran.all
        assert SECRETS.read_text() == before
    finally:
        on("c02", f"sudo sh -c 'umask 077; cat >{STORED}' <<'E'\n{kept}E")


def test_what_it_says_of_its_containers_stops_no_other_node(changed: None) -> None:
    on("c03", "docker rm -f registry-skp")
    planted = on(
        "c03",
        "docker create --name registry-skp --label skp.service=registry --label 'skp.fields=[]' "
        "--label 'skp.busy={}' --label skp.spec=x skp/docker-registry:latest",
    )
    assert planted.code == 0, planted.all
    before = container_ids(NODES[:2])
    ran = skp("docker.apply")
    assert ran.code == 0, ran.all
    assert container_ids(NODES[:2]) == before


def test_without_an_answer_whose_the_folder_is_nothing_becomes_root(changed: None) -> None:
    """As when its file server is silent: what runs goes on, and nothing is made anew as root."""
    before = container_ids()
    on("c03", "sudo chmod 000 /home/skp/skp")
    try:
        assert on("c03", "ls /home/skp/skp/volume").code != 0
        ran = skp("docker.apply")
        assert ran.code == 0, ran.all
        assert container_ids() == before
        on("c03", "docker rm -f registry-skp")
        ran = skp("docker.apply")
        assert ran.code == 1, ran.all
        assert "c03 registry-skp: /home/skp/skp/platform is not the master's there" in ran.out
        assert "registry-skp" not in container_ids()["c03"]
    finally:
        on("c03", "sudo chmod 755 /home/skp/skp")
    assert skp("docker.apply").code == 0
    user = "docker inspect -f '{{.Config.User}}' registry-skp"
    assert on("c03", user).out == on("c02", user).out
