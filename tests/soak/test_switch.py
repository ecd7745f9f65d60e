"""The switch at the front door under a steady load: nothing is lost, whatever goes wrong."""

from __future__ import annotations

import json
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support import lab_web, pushes
from tests.support.accounts import Env, serving
from tests.support.data_volumes import until
from tests.support.deployed import clear, file, rows
from tests.support.door import authority
from tests.support.lab import MINUTES, ROOT, Ran, on, skp
from tests.support.lab_web import IMAGE, text
from tests.support.named import DOMAIN, named, said, target
from tests.support.named import PORT as NAMED
from tests.support.steady_load import downloading, load, talking

SECOND = "10.99.0.12"


@pytest.fixture(scope="module")
def env(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """Two doors, accounts, and the web server in the cluster's registry."""
    folder = tmp_path_factory.mktemp("named")
    with serving(folder / "hosts.json", doors=("c01", "c02")) as running:
        lab_web.pushed()
        with named(running, folder) as found:
            yield found


@pytest.fixture(scope="module")
def ca(env: Env, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("ca"), env)


@pytest.fixture(autouse=True)
def _nothing_is_left(env: Env) -> Iterator[None]:
    clear()
    yield
    clear()


def applied(folder: Path, content: str, env: Env, *words: str) -> list[dict[str, Any]]:
    return rows(skp("deploy.apply", file(folder, content), "--json", *words, env=env))


def test_nothing_is_lost_by_changes_and_by_what_is_refused(
    env: Env, ca: Path, tmp_path: Path
) -> None:
    patient = {"monitor": 2, "drain": 30}
    applied(tmp_path, text("w0", update=patient), env)
    page = target(ca)
    with load(page, 200) as seen, talking(page, seen), downloading(page, 300, 15, seen):
        for number in range(1, 4):
            applied(tmp_path, text(f"w{number}", update=patient), env, "--update")
        for content, why in (
            (text("w9").replace(IMAGE, "localhost:5000/team/none:1"), "none"),
            (text("w9").replace('"/"', '"/nowhere"').replace('"start": 20', '"start": 1'), ""),
            (text("w9").replace('"port"', '"prot"'), "prot"),
            (text("w9", name="rival"), "default/shop has that name"),
        ):
            refused = skp("deploy.apply", file(tmp_path, content), "--update", env=env)
            assert (refused.code != 0, why in refused.err) == (True, True), refused.all
        assert said(ca) == (200, "w3")
        back = skp("deploy.rollback", "shop", env=env)
        assert back.code == 0, back.all
    print(f"\n{dict(seen.words)} {dict(seen.sockets)} slowest {seen.slowest:.2f} s")
    assert seen.lost == []
    assert set(seen.words) == {"w0", "w1", "w2", "w3"}
    assert sum(seen.words.values()) > 3000
    assert said(ca) == (200, "w2")


def test_what_is_pushed_answers_at_its_name_and_a_push_loses_nothing(
    env: Env, ca: Path, tmp_path: Path
) -> None:
    """Real git over real SSH, under load: one is deployed, one changes it, three are refused."""
    pushes.serve(env)
    for words in (
        ("account.add", "shopper"),
        ("project.add", "shops", "-o", "shopper"),
        ("deploy.git-init", "shops"),
    ):
        done = skp(*words, env=env)
        assert done.code == 0, done.all
    try:
        key = pushes.key(tmp_path, "shopper", env)
        clone = pushes.begun(tmp_path / "clone", key, "shops")

        def push(content: str) -> Ran:
            clone.commit({"Deployments/shop/deployment.yaml": content})
            return clone.push()

        first = push(text("w0"))
        assert first.code == 0, first.all
        assert f"https://shop.{DOMAIN}:{NAMED}" in first.err
        assert said(ca) == (200, "w0")
        with load(target(ca), 200) as seen:
            changed = push(text("w1"))
            assert changed.code == 0, changed.all
            for content, why in (
                (text("w2").replace(IMAGE, "localhost:5000/team/none:1"), "none"),
                (text("w2").replace('"port"', '"prot"'), "prot"),
                (text("w2").replace('"/"', '"/nowhere"').replace('"start": 20', '"start": 1'), ""),
            ):
                refused = push(content)
                assert (refused.code != 0, why in refused.err) == (True, True), refused.all
                clone.back("HEAD~1")
        print(f"\n{dict(seen.words)} slowest {seen.slowest:.2f} s")
        assert seen.lost == []
        assert set(seen.words) == {"w0", "w1"}
        assert said(ca) == (200, "w1")
    finally:
        clear()
        for words in (("account.rm", "shopper"), ("project.rm", "shops")):
            skp(*words, "--yes", env=env)
        pushes.end(env)


def test_killed_at_any_moment_the_next_one_puts_it_right(
    env: Env, ca: Path, tmp_path: Path
) -> None:
    applied(tmp_path, text("w0"), env)
    moments = random.Random(20261130)  # noqa: S311 - no secret
    with load(target(ca), 50) as seen:
        for number in range(1, 11):
            content = file(tmp_path, text(f"w{number}"))
            words = (sys.executable, str(ROOT / "skp.py"), "deploy.apply", content, "--update")
            command = subprocess.Popen(
                words, env=_full(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(moments.uniform(0.5, 12))  # the moment is what is tried
            command.kill()
            command.wait(10)
            done = skp("deploy.apply", content, "--update", "--json", env=env)
            assert len(rows(done)) == 2, done.all
            until(partial(_says, ca, f"w{number}"), 5)
    assert seen.lost == []
    services = on("c01", "docker service ls --format '{{.Name}}' | grep -c '^default_shop'")
    assert services.out.strip() == "2"
    assert skp("docker.apply", "flask,gateway", env=env).out.startswith("Nothing to change")


def _full(env: Env) -> dict[str, str]:
    import os

    return {**os.environ, **env}


def _says(ca: Path, word: str) -> bool:
    return said(ca) == (200, word)


def test_the_masters_engine_is_restarted_in_the_middle(env: Env, ca: Path, tmp_path: Path) -> None:
    """Who comes by the other door notices nothing; the same command then ends it."""
    elsewhere = {"placement": "door-test=elsewhere"}
    for node in ("c02", "c03"):
        assert on("c01", f"docker node update --label-add door-test=elsewhere {node}").code == 0
    try:
        applied(tmp_path, text("w0", **elsewhere), env)
        content = file(tmp_path, text("w1", **elsewhere))
        with load(target(ca, address=SECOND), 50) as seen:
            command = subprocess.Popen(
                (sys.executable, str(ROOT / "skp.py"), "deploy.apply", content, "--update"),
                env=_full(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            time.sleep(4)  # containers begin, and are waited for
            assert on("c01", "sudo systemctl restart docker || sudo pkill dockerd").code == 0
            command.communicate(timeout=5 * MINUTES)

            def again() -> bool:
                return skp("deploy.apply", content, "--update", env=env).code == 0

            until(again, 3 * MINUTES)
            until(lambda: said(ca) == (200, "w1"), 60)
            time.sleep(2)  # of load, on what it is now
        assert seen.lost == []
        assert set(seen.words) == {"w0", "w1"}
    finally:
        for node in ("c02", "c03"):
            on("c01", f"docker node update --label-rm door-test {node}")


def test_a_container_that_is_elsewhere_is_found_within_a_second(
    env: Env, ca: Path, tmp_path: Path
) -> None:
    """The one copy that there is ends, and another begins where there is room."""
    content = json.dumps(json.loads(text("w0")) | {"replicas": 1})
    (row,) = applied(tmp_path, content, env)
    killed = on(row["node"], f"docker kill {row['container']}")
    assert killed.code == 0, killed.all

    def runs() -> bool:
        (now,) = rows(skp("deploy.list", "--json", env=env))
        return bool(now["phase"] == "Running" and now["container"] != row["container"])

    until(runs, 60)
    until(lambda: said(ca) == (200, "w0"), 1)


def test_a_door_that_is_away_is_told_and_learns_it_later(
    env: Env, ca: Path, tmp_path: Path
) -> None:
    applied(tmp_path, text("w0"), env)
    assert on("c02", "docker stop -t 1 gateway-skp-c02").code == 0
    changed = skp("deploy.apply", file(tmp_path, text("w1")), "--update", env=env)
    assert changed.code == 0, changed.all
    assert "the front door of c02 does not know it yet" in changed.err
    assert said(ca) == (200, "w1")
    healed = skp("docker.apply", "gateway", env=env)
    assert healed.code == 0, healed.all
    page = target(ca, address=SECOND)
    assert page.session().get(page.at(), timeout=10).text == "w1"


def test_limits_of_a_port_hold(env: Env, ca: Path, tmp_path: Path) -> None:
    door = {"upload": "1m", "timeout": 2}
    applied(tmp_path, text("w0", door=door), env)
    page = target(ca)
    session = page.session()
    for size, code in ((1 << 20, 200), ((1 << 20) + 1, 413)):
        assert session.post(page.at(), data=bytes(size), timeout=20).status_code == code
        pieces = iter([bytes(size)])  # of a size that is not said beforehand
        assert session.post(page.at(), data=pieces, timeout=20).status_code == code
    assert session.get(page.at("/slow?kb=4&seconds=3"), timeout=20).status_code == 200
    assert page.socket().connected


def test_a_container_behind_the_door_reaches_nothing_by_it(
    env: Env, ca: Path, tmp_path: Path
) -> None:
    """Neither what the door has for itself, nor another project; nor does it see what is secret."""
    (own, _) = applied(tmp_path, text("w0", name="flask-skp"), env)
    (other, _) = applied(tmp_path, text("w1", name="rival", host="rival", project="rival"), env)
    page = target(ca)
    headers = page.session().get(page.at("/headers"), headers={"X-Skp-Door": "guess"}, timeout=10)
    names = {name for name, _ in headers.json()}
    assert not [name for name in names if "skp" in name.lower()]
    (login,) = rows_of_accounts(env)
    assert login == "admin"  # (The account service is itself: no deployment has its name there.)
    door = on("c01", "docker inspect -f '{{json .NetworkSettings.Networks}}' gateway-skp")
    networks = json.loads(door.out)
    there = networks["skp_default_door"]["IPAddress"]
    reached = partial(_reached, own)
    assert reached(there, 8443)
    for address, port in (
        (there, 8061),
        (there, 8062),
        (other_address(other, "skp_rival_door"), 8000),
        ("rival_rival-0_main", 8000),
        ("mysql-skp", 3306),
    ):
        assert not reached(address, port), (address, port)


def _reached(row: dict[str, Any], address: str, port: int) -> bool:
    """Whether a container gets an answer there of the door, of the other page, or of MySQL.

    (Between a network and others something may accept any connection.)
    """
    script = (
        "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); "
        's.settimeout(3); s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n"); print(s.recv(500))'
    )
    words = f"timeout 9 python3 -c {shlex.quote(script)} {address} {port}"
    tried = on(row["node"], f"docker exec {row['container']} {words}")
    return any(each in tried.out for each in ("HTTPS server", "404 page", "w1", "mysql"))


def rows_of_accounts(env: Env) -> list[str]:
    """Return the names of accounts, as the service says through its own name on the network."""
    listed = skp("account.list", "--json", env=env)
    assert listed.code == 0, listed.all
    return [each["name"] for each in listed.json if each["level"] == "admin"]


def other_address(row: dict[str, Any], network: str) -> str:
    """Return a container's address on a network."""
    shown = on(
        row["node"],
        f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {row['container']}",
    )
    return str(json.loads(shown.out)[network]["IPAddress"])
