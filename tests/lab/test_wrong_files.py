"""Wrong files: a clear message, exit code 2, and nothing touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import ROOT, container_ids, on, restore, skp

ENV = (ROOT / "bin" / "env.sh").read_text()
HOSTS = (ROOT / "etc" / "hosts.json").read_text()


def swapped(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


CASES = {
    "syntax in env.sh": (swapped(ENV, 'SKP_USER="skp"', 'SKP_USER="skp'), HOSTS, r"bash can't"),
    "port": (swapped(ENV, '"8010"', '"80100"'), HOSTS, r"env\.sh:\d+: JUPYTER_PORT: .*1 to 65535"),
    "flag": (swapped(ENV, '"FALSE"', '"maybe"'), HOSTS, r"env\.sh:\d+: JUPYTER_GPU: .*TRUE or"),
    "path": (swapped(ENV, '"/mnt/dfs"', '"mnt"'), HOSTS, r"env\.sh:\d+: SKP_DFS: .*absolute path"),
    "name": (swapped(ENV, '"net-skp"', '"net skp"'), HOSTS, r"env\.sh:\d+: SKP_NET: .*name"),
    "syntax in hosts.json": (ENV, swapped(HOSTS, "},", "}"), r"hosts\.json:\d+: not JSON"),
    "two masters": (
        ENV,
        swapped(HOSTS, '"groups": ["manager"]', '"groups": ["master", "manager"]'),
        r"hosts\.json:\d+: c02\.groups: a second master; c01",
    ),
    "no master": (ENV, swapped(HOSTS, '"master", ', ""), r"no node is in the group master"),
    "bad address": (
        ENV,
        swapped(HOSTS, "10.99.0.12", "10.99.0.312"),
        r'hosts\.json:\d+: c02\.ipv4: "10\.99\.0\.312" found; allowed: an IPv4 address',
    ),
    "address twice": (
        ENV,
        swapped(HOSTS, "10.99.0.12", "10.99.0.11"),
        r"hosts\.json:\d+: c02\.ipv4: 10\.99\.0\.11 is c01's address already",
    ),
    "misspelt key": (
        ENV,
        swapped(HOSTS, '"labels"', '"lables"'),
        r"hosts\.json:\d+: c01\.lables: unknown key \(did you mean labels\?\)",
    ),
    "host twice": (ENV, swapped(HOSTS, '"c02"', '"c01"'), r'hosts\.json:\d+: "c01" stands here'),
    "label value": (
        ENV,
        swapped(HOSTS, '{"jupyter": "enable"}', '{"jupyter": "enabled"}'),
        r'hosts\.json:\d+: c01\.labels\.1\.jupyter: "enabled" found; allowed: "enable" or',
    ),
    "label not an object": (
        ENV,
        swapped(HOSTS, '{"jupyter": "enable"}', '"jupyter"'),
        r"hosts\.json:\d+: c01\.labels\.1: .*allowed: an object with one label",
    ),
}


@pytest.fixture(scope="module")
def something_to_do(platform: None) -> Iterator[None]:
    """A container is missing: were anything touched, it would be made."""
    on("c02", "docker rm -f registry-skp")
    yield
    restore()


@pytest.mark.parametrize("case", CASES)
def test_it_is_told_and_nothing_is_touched(
    something_to_do: None, tmp_path: Path, case: str
) -> None:
    env, hosts, message = CASES[case]
    (tmp_path / "env.sh").write_text(swapped(env, 'SKP_ETC="etc"', f'SKP_ETC="{tmp_path}"'))
    (tmp_path / "hosts.json").write_text(hosts)
    before = container_ids()
    ran = skp("docker.apply", env={"SKP_ENV": str(tmp_path / "env.sh")})
    assert ran.code == 2, ran.all
    assert re.search(message, ran.err), ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.all
    assert container_ids() == before
    assert not (tmp_path / "secrets.env").exists()
