"""The originals' samples from their files: a login by ssh, and notebooks of a hub in a browser.

The image is served under its name by a registry that is ended before anything runs.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import foreign_registry as foreign
from tests.support.browser import Browser, browser
from tests.support.data_volumes import until
from tests.support.deployed import clear, file, rows
from tests.support.deployments import HUB, SSHD
from tests.support.gpus import shown
from tests.support.lab import MINUTES, on, run, skp
from tests.support.sheet import needs_browser

BUILT = "skp-lab/samples:latest"
TEST, HUB_IMAGE = (
    f"{foreign.NAME}/bigdata/build/{name}:v0.1" for name in ("jupyter-test", "jupyterhub")
)
FOLDER = "/home/skp/skp/platform/projects/default"
WORDS = 'import os; print(6 * 7, os.getuid()); open("made-here", "w").write("by the hub")'
CELL: dict[str, Any] = {
    "cell_type": "code",
    "execution_count": None,
    "metadata": {},
    "outputs": [],
    "source": WORDS,
}
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 4,
    "cells": [CELL],
    "metadata": {"kernelspec": KERNEL},
}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="module")
def password(platform: None, key: Path) -> str:
    """The image is in the cluster's registry, and the registry that it is from is gone."""
    word = secrets.token_urlsafe(12)
    built = run("images/build.sh", "lab-samples", BUILT, seconds=15 * MINUTES)
    assert built.code == 0, built.all
    foreign.handed_over(BUILT, (), ("docker", "exec", "-i", "c01"))
    public = key.with_suffix(".pub").read_text().strip()
    ssh = "/home/team/.ssh"
    added = (
        f"FROM {BUILT}\\n"
        f"RUN mkdir {ssh} && echo {public} >{ssh}/authorized_keys && chown -R team: {ssh} && "
        f"echo {word} >/etc/jupyterhub/password && usermod -p NP team && ssh-keygen -A\\n"
    )
    with foreign.serving():
        logins = foreign.logins(key.parent / "logins")
        for image in (TEST, HUB_IMAGE):
            foreign.push(image, added)
            mirrored = skp("image.mirror", image, "-c", str(logins))
            assert mirrored.code == 0, mirrored.all
    return word


@pytest.fixture
def env(tmp_path: Path, password: str) -> Iterator[dict[str, str]]:
    """Settings that open a folder of nodes; nothing is deployed before or after."""
    clear()
    settings = tmp_path / "env.sh"
    shipped = Path("bin/env.sh").read_text()
    settings.write_text(f'{shipped}\nexport DEPLOY_HOST_PATHS="/raid"\n')
    yield {"SKP_ENV": str(settings)}
    clear()


def deployed(folder: Path, text: str, env: dict[str, str]) -> list[dict[str, Any]]:
    return rows(skp("deploy.apply", file(folder, text, "myDeploy.py"), "--json", env=env))


def ssh(key: Path, command: str) -> subprocess.CompletedProcess[str]:
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    words = [word for option in (*options, "BatchMode=yes") for word in ("-o", option)]
    return subprocess.run(
        ["ssh", "-i", str(key), "-p", "30050", *words, "team@10.99.0.12", command],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_login_by_ssh_with_a_nodes_disk_and_two_gpus(
    env: dict[str, str], key: Path, tmp_path: Path
) -> None:
    wanted = SSHD.replace("ai002", "c02")
    wanted = wanted.replace("PROXY:http://proxy:3128", "USER:team HOME:/tmp")
    with shown({"c02": 2}):
        installed = skp("host.install", "--nodes", "c02", "--yes")
        assert installed.code == 0, installed.all
        on("c02", "sudo mkdir -p /raid && echo from-the-disk | sudo tee /raid/word")
        refused = skp("deploy.apply", file(tmp_path, wanted, "myDeploy.py"), env=env)
        assert (refused.code, "--root TRUE allows it" in refused.err) == (2, True), refused.all
        assert skp("deploy.quota", "default", "--root", "TRUE").code == 0
        found = {row["part"]: row for row in deployed(tmp_path, wanted, env)}
        assert {(row["node"], row["phase"]) for row in found.values()} == {("c02", "Running")}
        assert found["sshd"]["ports"] == [[22, 30050]]
        assert sorted(found["sshd"]["gpus"]) == ["GPU-c02-0", "GPU-c02-1"]
        assert found["jupyterhub"]["gpus"] == []
        until(lambda: ssh(key, "true").returncode == 0, 60)
        seen = ssh(key, "id -un; cat /data/word; df -k /dev/shm | tail -n 1")
        assert seen.stdout.splitlines()[:2] == ["team", "from-the-disk"], seen
        assert str(16 << 20) in seen.stdout.splitlines()[2].split(), "16 GiB, as the file says"
        # Both containers share /dev/shm, and the disk is the first one's alone.
        assert ssh(key, "echo shared >/dev/shm/word").returncode == 0
        other = f"docker exec {found['jupyterhub']['container']}"
        assert on("c02", f"{other} cat /dev/shm/word").out == "shared\n"
        assert on("c02", f"{other} ls /data").code != 0
        shadow = ssh(key, "cat /etc/shadow; cat /proc/1/environ")
        assert "Permission denied" in shadow.stderr
        host, port = found["jupyterhub"]["address"], found["jupyterhub"]["ports"][0][1]
        page = (
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            f"http://{host}:{port}/hub/login",
        )
        until(lambda: run(*page).out == "200", 60)
        shown_to_person = skp("deploy.list")
        print(shown_to_person.out)
        assert "10.99.0.12:30050" in shown_to_person.out
        clear()
    on("c02", "sudo rm -rf /raid")


def log_in(page: Browser, at: str, name: str, word: str) -> None:
    page.driver.get(f"{at}/hub/login")
    page.find("input[name=username]").send_keys(name)
    page.find("input[name=password]").send_keys(word)
    page.find("#login_submit").click()


@needs_browser
def test_notebooks_of_a_hub_with_volumes_in_a_browser(
    env: dict[str, str], password: str, tmp_path: Path
) -> None:
    settings = 'CON_ENV0="USER:team HOME:/tmp HUB_HOMES:/home HUB_STATE:/srv/config"\n'
    found = deployed(tmp_path, HUB.replace('MUL_DEP="2"', 'MUL_DEP="1"') + settings, env)
    (row,) = found
    assert row["phase"] == "Running"
    at = f"http://{row['address']}:{row['ports'][0][1]}"
    on("c01", f"sudo mkdir -p {FOLDER}/home/kim && sudo chown 58000:58000 {FOLDER}/home/kim")
    wrote = f"echo '{json.dumps(NOTEBOOK)}' | sed 's/X/X/' | sudo tee {FOLDER}/home/kim/try.ipynb"
    on("c01", wrote.replace("open('made-here', 'w')", 'open("made-here", "w")'))
    with browser(tmp_path) as page:
        until(lambda: run("curl", "-sf", f"{at}/hub/login").code == 0, 60)
        log_in(page, at, "kim", password)
        page.find("#notebook_list")
        page.picture("hub-of-a-deployment")
        page.driver.get(f"{at}/user/kim/notebooks/try.ipynb")
        page.find(".notebook_app, #notebook-container")
        until(lambda: bool(page.driver.execute_script(
            "return window.Jupyter && Jupyter.notebook && Jupyter.notebook.kernel && "
            "Jupyter.notebook.kernel.is_connected()")), 60)  # fmt: skip
        page.driver.execute_script("Jupyter.notebook.execute_all_cells()")
        until(lambda: "42 58000" in page.find("#notebook-container").text, 60)
        page.picture("notebook-of-a-deployment")
    made = on("c01", f"sudo cat {FOLDER}/home/kim/made-here")
    assert made.out == "by the hub"
    assert on("c01", f"sudo test -s {FOLDER}/config/jupyterhub.sqlite").code == 0
    assert skp("deploy.rm", "0", "hub", "--yes").code == 0
    assert on("c01", f"sudo cat {FOLDER}/home/kim/made-here").out == "by the hub"
