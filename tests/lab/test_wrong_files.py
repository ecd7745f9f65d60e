"""Wrong files on a real cluster: nothing is touched, not even by a connection.

What is said about which mistake is in tests/golden.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import NODES, ROOT, SHIPPED, container_ids, host_docker, on, restore, skp


@pytest.fixture(scope="module")
def something_to_do(platform: None) -> Iterator[None]:
    """A container is missing: were anything touched, it would be made."""
    on("c02", "docker rm -f registry-skp")
    yield
    restore()


def logins(since: str) -> str:
    """Return the logins that the nodes' SSH servers noted.

    Not the ends of connections: a server may note those of the command before only now.
    """
    logs = "".join(host_docker("logs", "--since", since, node).all for node in NODES)
    ends = ("losed by", "reset by", "isconnect")
    lines = [line for line in logs.splitlines() if "10.99.0.1 port" in line]
    return "".join(line for line in lines if not any(word in line for word in ends))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("env.sh", '"8020"', '"8010"', id="two settings are one port"),
        pytest.param("hosts.json", "10.99.0.13", "10.99.0.12", id="two hosts are one address"),
        pytest.param("secrets.env", "", "JUPYTER_PASSWORD = x\n", id="stored passwords"),
    ],
)
def test_it_is_told_and_nothing_is_touched(
    something_to_do: None, tmp_path: Path, name: str, old: str, new: str
) -> None:
    env = (ROOT / "bin" / "env.sh").read_text().replace('SKP_ETC="etc"', f'SKP_ETC="{tmp_path}"')
    files = {"env.sh": env, "hosts.json": (ROOT / "etc" / "hosts.json").read_text()}
    right = files.get(name, "")
    assert old in right
    files[name] = right.replace(old, new, 1)
    for file, text in files.items():
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o600)
    before = container_ids()
    since = f"{time.time():.6f}"
    ran = skp("docker.apply", env={"SKP_ENV": str(tmp_path / "env.sh"), **SHIPPED})
    assert ran.code == 2, ran.all
    assert name in ran.err
    assert ran.out == ""
    assert not logins(since)
    assert container_ids() == before
    assert skp("docker.ps").code == 0
    assert logins(since)  # that was seen
    assert {path.name for path in tmp_path.iterdir()} == files.keys()
