"""Images of another registry: copied with a login, run, and there when that registry is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import deployed
from tests.support import foreign_registry as foreign
from tests.support.data_volumes import until
from tests.support.deployed import applied, file, page, rows, text
from tests.support.lab import on, skp

IMAGE = f"{foreign.NAME}/bigdata/build/web:v0.1"
DOCKERFILE = "FROM skp/docker-registry:latest\\nUSER 0:0\\nENTRYPOINT []\\n"
COPY = "localhost:5000/mirror/registry.example.com/bigdata/build/web"


@pytest.fixture
def registry(no_deployments: None) -> Iterator[None]:
    with foreign.serving():
        foreign.push(IMAGE, DOCKERFILE)
        yield
    deployed.clear()
    remove = ("docker.image-rm", f"-i={COPY.partition('/')[2]}", "-t=v0.1", "--yes")
    until(lambda: skp(*remove).code == 0, 60)


def test_a_copy_runs_without_the_registry_that_it_is_from(registry: None, tmp_path: Path) -> None:
    wanted = text().replace("localhost:5000/team/web:1", IMAGE)
    asked = skp("deploy.apply", file(tmp_path, wanted))
    assert asked.code == 1
    assert "authentication required" in asked.err
    assert f"./skp.py image.mirror {IMAGE} -c" in asked.err
    wrong = skp("image.mirror", IMAGE, "-c", str(foreign.logins(tmp_path / "wrong", "guessed")))
    assert (wrong.code, "refuses that login" in wrong.err) == (1, True), wrong.all
    open_to_all = foreign.logins(tmp_path / "open")
    open_to_all.chmod(0o644)
    refused = skp("image.mirror", IMAGE, "-c", str(open_to_all))
    assert (refused.code, f"chmod 600 {open_to_all}" in refused.err) == (2, True), refused.all
    made = skp("image.mirror", IMAGE, "--json", "-c", str(foreign.logins(tmp_path / "logins")))
    assert made.code == 0, made.all
    (copied,) = made.json
    assert copied["kept"] == f"{COPY}:v0.1"
    left = "docker volume ls -q --filter name=skp-mirror; docker ps -aq --filter name=skp-mirror"
    assert on("c01", left).out == ""
    foreign.stop()
    (first,) = applied(tmp_path, wanted)
    assert (page(first), first["image"]) == ("first", f"{COPY}@{copied['digest']}")
    (second,) = applied(tmp_path, wanted.replace("first", "second"), "--update")
    assert page(second) == "second"
    (back,) = rows(skp("deploy.rollback", "web", "--json"))
    assert page(back) == "first"
    moved = skp("deploy.evacuate", back["node"], "--yes", "--json")
    try:
        assert moved.json == {"went": ["default_web-0_main"], "stays": {}, "late": {}}
        (elsewhere,) = rows(skp("deploy.list", "--json"))
        assert elsewhere["node"] != back["node"]
        assert page(elsewhere) == "first"
    finally:
        assert skp("deploy.evacuate", back["node"], "--undo").code == 0


def test_what_is_no_registry_of_others_is_refused(no_deployments: None, tmp_path: Path) -> None:
    on("c01", "echo 127.0.0.1 inside.example.com | sudo tee -a /etc/hosts")
    try:
        for reference in (
            *("c02:5000/a:1", "10.99.0.12/a:1", "127.0.0.1:5000/a:1"),
            *("inside.example.com/a:1", "169.254.169.254/latest/meta-data:1"),
        ):
            refused = skp("image.mirror", reference)
            assert refused.code == 2, reference
            assert "leads to a node of the cluster, or to none" in refused.err
        bad = file(tmp_path, text().replace("localhost:5000/team/web:1", "inside.example.com/a:1"))
        assert skp("deploy.apply", bad).code == 2
    finally:
        on("c01", "sed /inside.example/d /etc/hosts | sudo tee /tmp/hosts >/dev/null; "
                  "sudo sh -c 'cat /tmp/hosts >/etc/hosts'")  # fmt: skip
    assert rows(skp("deploy.list", "--json")) == []
