"""Generated secrets outlive the machine that typed, and show up nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.config import secrets
from tests.support.lab import HOSTS, NODES, ROOT, Ran, container_ids, on, secret, skp

SECRETS_FILE = "/var/lib/skp/secrets.env"
SEEDS = {
    "JUPYTER_PASSWORD": "seed-of-a-password-4711",
    "JUPYTER_GATEWAY_TOKEN": "seed-of-a-token-4712",
    "REGISTRY_HTTP_SECRET": "seed-of-a-http-secret-4713",
}
SEED = re.compile("seed-of-a-")


def other_machine(tmp_path: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a fresh clone: the same files, and no etc/secrets.env."""
    (tmp_path / "hosts.json").write_text(HOSTS.read_text())
    lines = [f"source {ROOT}/bin/env.sh", f"export SKP_ETC='{tmp_path}'"]
    lines += [f"export {key}='{value}'" for key, value in settings.items()]
    (tmp_path / "env.sh").write_text("\n".join(lines) + "\n")
    return {"SKP_ENV": str(tmp_path / "env.sh"), "SKP_HOSTS": str(tmp_path / "hosts.json")}


def test_every_manager_keeps_them_for_root_alone(platform: None) -> None:
    mine = secrets.parse((ROOT / "etc" / "secrets.env").read_text())
    for node in NODES:
        assert on(node, f"sudo stat -c '%a %U' {SECRETS_FILE}").out.strip() == "600 root"
        assert secrets.parse(on(node, f"sudo cat {SECRETS_FILE}").out) == mine


def test_another_machine_gets_them_from_the_managers(platform: None, tmp_path: Path) -> None:
    before = container_ids()
    ran = skp("docker.apply", env=other_machine(tmp_path))
    assert ran.code == 0, ran.all
    assert container_ids() == before
    looked = skp("docker.plan", env=other_machine(tmp_path))
    assert "Nothing to change" in looked.out
    assert (tmp_path / "secrets.env").read_text() == (ROOT / "etc" / "secrets.env").read_text()
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_manager_that_missed_a_change_is_corrected(changed: None) -> None:
    on("c02", f"sudo sed -i -e s/^SKP_GENERATION=.*/SKP_GENERATION=0/ -e /JUPYTER/d {SECRETS_FILE}")
    on("c03", f"sudo sh -c 'echo damaged >{SECRETS_FILE}'")
    before = container_ids()
    ran = skp("docker.apply", "--json").json
    acted = [(s["action"], s["node"]) for s in ran["steps"] if s["action"] != "keep"]
    assert sorted(acted) == [("save", "c02"), ("save", "c03")]
    assert container_ids() == before
    assert on("c01", f"sudo cat {SECRETS_FILE}").out == on("c03", f"sudo cat {SECRETS_FILE}").out


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect the arguments of all processes, here and on the nodes, while the block runs."""
    seen: list[str] = []
    ending = threading.Event()

    def sample() -> None:
        while not ending.is_set():
            # The lab's nodes are containers of this machine: one look sees them all.
            for process in Path("/proc").iterdir():
                try:
                    text = (process / "cmdline").read_bytes() if process.name.isdecimal() else b""
                except OSError:
                    continue  # it ended meanwhile
                if SEED.search(text.decode(errors="replace")):
                    seen.append(text.decode(errors="replace"))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield seen
    finally:
        ending.set()
        thread.join()


def everything_on(node: str) -> Ran:
    """Return what can be read of a node: objects, images, logs, audit trail, journal."""
    return on(
        node,
        "docker inspect $(docker ps -aq) $(docker images -q) $(docker network ls -q); "
        "docker history --no-trunc $(docker images -q | head -1); docker info; "
        "docker node inspect $(docker node ls -q); docker config inspect $(docker config ls -q); "
        "for c in $(docker ps -aq); do docker logs $c 2>&1; done; "
        "sudo cat /var/lib/skp/audit.jsonl",
    )


EVERY_TASK = (
    "--debug docker.plan",
    "docker.apply",
    "docker.apply --json",
    "docker.swarm-init",
    "docker.swarm-join",
    "docker.swarm-label",
    "docker.swarm-network",
    "docker.status --json",
    "docker.ps --json",
    "docker.jupyter-rm",
    "docker.jupyter-run --dry",
    "docker.jupyter-run -p 8011",
    "docker.rollback -s registry --dry",
    "docker.restart -n registry-skp",
    "docker.logs -n jupyter-skp",
    "docker.logs -n registry-skp --json",
    "docker.exec-shell -h c01 -n jupyter-skp -c env",
    "docker.jupyter-shell --dry",
    "docker.image-build-ds",
    "docker.image-list",
    "docker.image-prune --yes",
    "docker.image-rm -i skp/docker-ds -t none --yes",
    "docker.drain -h c03",
    "docker.undrain -h c03",
    "docker.swarm-leave --dry",
    "docker.audit --json",
    "docker.history --json",
    "ssh.cmd -c env",
)
FAILING = {"docker.rollback -s registry --dry", "docker.image-rm -i skp/docker-ds -t none --yes"}


def test_known_secrets_are_found_nowhere(
    changed: None, settings: Callable[..., dict[str, str]]
) -> None:
    environment = settings(**SEEDS)
    said: list[Ran] = []
    with watched() as arguments:
        for words in EVERY_TASK:
            said.append(skp(*words.split(), env=environment))
            assert (said[-1].code == 0) is (words not in FAILING), said[-1].all
        # And what goes wrong: a container that can't get healthy shows its log.
        broken = {**environment, **settings(**SEEDS, JUPYTER_MEMORY="6m")}
        said.append(skp("docker.jupyter-run", "--timeout", "40", env=broken))
        assert said[-1].code == 1
    assert arguments == []
    for ran in said:
        assert not SEED.search(ran.all)
    for node in NODES:
        assert not SEED.search(everything_on(node).all), node
    places = "/var/lib/skp /run/skp.lock /tmp /home/skp"
    files = on("c01", f"sudo grep -rl --exclude-dir=registry seed-of-a- {places}; true").out
    expected = [f"/var/lib/skp/files/jupyter-skp/{name}" for name in ("gateway-token", "password")]
    assert sorted(files.split()) == [*expected, "/var/lib/skp/files/registry-skp/config.yml"]


def test_a_password_can_not_be_guessed_from_a_label(platform: None) -> None:
    """What the labels hold is keyed with what only managers' root and etc/secrets.env hold."""
    shown = on("c01", "docker inspect -f '{{json .Config.Labels}}' jupyter-skp").out
    for tool in ("md5sum", "sha1sum", "sha256sum", "sha512sum"):
        done = subprocess.run(
            [tool], input=secret("JUPYTER_PASSWORD").encode(), capture_output=True, check=True
        )
        assert done.stdout.split()[0].decode()[:32] not in shown
    assert secret("SKP_SPEC_KEY") not in shown
    assert os.environ.get("SKP_SPEC_KEY") is None
