"""fsx, a public test of file systems that no one here wrote, over each mount as a service sees it.

It reads, writes, truncates, maps, closes and opens a file at random, and compares with what a file
has to hold after that. What it finds on each volume is in docs/guide.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import data_servers
from tests.support.data_volumes import Volume, done, until
from tests.support.lab import Ran, on, run, skp

IMAGE = "skp-lab/fsx:latest"
OPERATIONS = 1500
SEEDS = (1, 2)
SECONDS = 600


@pytest.fixture(scope="module")
def volume(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    done(run("images/build.sh", "lab-fsx", IMAGE, seconds=1800))
    # The image is not for the registry.
    load = f"docker save {IMAGE} | docker exec -i c01 docker load"
    done(run("sh", "-c", load))
    data_servers.start()
    yield data_servers.on_all(tmp_path_factory.mktemp("volumes"))
    done(skp("docker.apply", "-q", "--yes", "volumes"))
    data_servers.forget()
    data_servers.stop()
    on("c01", f"docker rmi {IMAGE}")


def fsx(name: str, seed: int, truncates: int) -> Ran:
    """Run it in a container that binds the volumes as services do, without a privilege.

    Args:
        truncates: how often it truncates, relative to its other operations.
    """
    mount = "type=bind,src=/var/lib/skp/mnt,dst=/root/mnt,readonly,bind-propagation=rslave"
    seen = f"--mount {mount},bind-recursive=writable"
    words = (
        f"sed s/^truncate.*/truncate={truncates}/ /etc/fsx.toml >/tmp/t && cd /root/mnt/{name}"
        f" && timeout {SECONDS} fsx -f /tmp/t -N {OPERATIONS} -S {seed} fsx-{seed}"
    )
    script = f"docker run --rm {seen} {IMAGE} sh -c '{words}'"
    return run("ssh", "-F", ".lab/ssh_config", "c01", script, seconds=SECONDS + 60)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "truncates"), [("sshfs", 1), ("s3", 0), ("blob", 1)])
def test_fsx_finds_nothing(volume: Volume, name: str, truncates: int, seed: int) -> None:
    ran = fsx(name, seed, truncates)
    assert ran.code == 0, ran.all[-2000:]
    until(lambda: all(row["pending_bytes"] == 0 for row in volume.rows()), 60)
    assert all(row["ok"] for row in volume.rows())


def test_fsx_finds_that_s3_does_not_always_shorten_a_file(volume: Volume) -> None:
    """What the documentation warns of: s3fs 1.95 ignores some truncations, and says nothing."""
    ran = fsx("s3", SEEDS[0], 1)
    assert ran.code == 1, ran.all[-2000:]
    assert "Size error" in ran.err
    assert "TRUNCATE  DOWN" in ran.err.splitlines()[-1]
