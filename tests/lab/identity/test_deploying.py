"""Deployments of accounts: their own ids, their own projects, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accounts import Env
from tests.support.deployed import file, rows, text
from tests.support.lab import on, skp

FOLDER = "/home/skp/skp/platform/projects/shipping/data"


@pytest.fixture
def people(running: Env, no_deployments: None) -> Iterator[dict[str, dict[str, int]]]:
    """Two accounts: one of a project, and one that may only look at it."""
    made = {}
    for name in ("deployer", "looker", "stranger"):
        made[name] = skp("account.add", name, "--json", env=running).json
    made_project = skp("project.add", "shipping", "-o", "deployer", "--json", env=running)
    assert made_project.code == 0, made_project.all
    project = made_project.json
    looks = ("project.member-set", "shipping", "-a", "looker", "-r", "viewer")
    assert skp(*looks, env=running).code == 0
    yield made | {"shipping": project}
    for name in ("looker", "deployer", "stranger"):
        skp("account.rm", name, "--yes", env=running)
    skp("project.rm", "shipping", "--yes", env=running)


def test_what_an_account_brings_runs_as_it_and_in_its_projects_alone(
    running: Env, people: dict[str, dict[str, int]], tmp_path: Path
) -> None:
    volumes = {"data": {"kind": "nas", "size": "1g"}}
    serve = "echo first >/tmp/index.html; touch /data/mine; exec busybox httpd -f -p 8000 -h /tmp"
    wanted = file(
        tmp_path,
        text(project="shipping", mounted={"data": "/data"}, volumes=volumes,
             command=["sh", "-c", serve]),
    )  # fmt: skip
    for name, why in (
        ("looker", "looker is viewer of shipping, and may not change what runs there"),
        ("nobody", "there is no account nobody"),
    ):
        refused = skp("deploy.apply", wanted, "-a", name, env=running)
        assert (refused.code, why in refused.err) == (2, True), refused.all
    other = file(tmp_path, text(project="other"), "other.yaml")
    refused = skp("deploy.apply", other, "-a", "deployer", env=running)
    assert "deployer is not in the project other; it is in: shipping" in refused.err
    (row,) = rows(skp("deploy.apply", wanted, "-a", "deployer", "--json", env=running))
    uid, gid = people["deployer"]["uid"], people["shipping"]["gid"]
    ids = on(row["node"], f"docker exec {row['container']} busybox id").out
    assert f"uid={uid} gid={gid}" in ids.replace(f"({uid})", "").replace(f"({gid})", "")
    assert on("c01", f"sudo stat -c %g:%a {FOLDER}").out == f"{gid}:2770\n"
    assert on("c01", f"sudo stat -c %u:%g {FOLDER}/mine").out == f"{uid}:{gid}\n"
    seen = rows(skp("deploy.list", "-a", "looker", "--json", env=running))
    assert [each["deployment"] for each in seen] == ["web"]
    read = skp("deploy.logs", "web", "-a", "looker", "-t", "5", env=running)
    assert read.code == 0, read.all
    entered = skp("deploy.exec", "web", "-a", "looker", "-c", "id", env=running)
    assert (entered.code, "may not change what runs there" in entered.err) == (2, True)
    entered = skp("deploy.exec", "web", "-a", "deployer", "-c", "id", env=running)
    assert f"uid={uid}" in entered.out, entered.all
    taken = skp("deploy.rm", "0", "web", "-a", "looker", "--yes", env=running)
    assert (taken.code, "may not change what runs there" in taken.err) == (2, True)
    assert rows(skp("deploy.list", "-a", "stranger", "--json", env=running)) == []
    for words in (("exec", "web", "-c", "id"), ("logs", "web"), ("rollback", "shipping/web")):
        hidden = skp(f"deploy.{words[0]}", *words[1:], "-a", "stranger", env=running)
        assert (hidden.code, "there is no deployment" in hidden.err) == (2, True), hidden.all
    (mine,) = rows(skp("deploy.apply", wanted, "--update", "--json", env=running))
    ids = on(mine["node"], f"docker exec {mine['container']} busybox id").out
    assert f"gid={gid}" in ids, "the operator's containers are of the project's group, too"
    assert skp("account.disable", "deployer", env=running).code == 0
    refused = skp("deploy.apply", wanted, "--update", "-a", "deployer", env=running)
    assert "the account deployer is disabled" in refused.err
