"""A node whose disk is full: by the image that is the largest."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.lab import ROOT, container_ids, host_docker, inventory, on, skp
from tests.support.power import check_nothing_half_made, reinstall

# On a node: its engine's data on a file system of its own, with 64 MB left. What starts the engine
# again when it ends is held meanwhile.
SMALL_DISK = """
set -e
engine=$(pidof dockerd) keeper=$(ps -o ppid= -p "$engine")
kill -STOP $keeper
kill "$engine"
for _ in $(seq 300); do
  case $(ps -o stat= -p "$engine") in Z* | "") break ;; *) sleep 0.1 ;; esac
done
mkdir /mnt/small
mount -t tmpfs -o size=4g small /mnt/small
cp -a /var/lib/docker/. /mnt/small/
mount --bind /mnt/small /var/lib/docker
free=$(df --output=avail -B1 /var/lib/docker | tail -1)
fallocate -l $((free - (64 << 20))) /var/lib/docker/filler
kill -CONT $keeper
"""


def with_jupyter_on_c03(path: Path) -> dict[str, str]:
    """Write an inventory in which c03 runs Jupyter too, and return the environment with it."""
    hosts = inventory(ROOT / ".lab" / "hosts.json")
    hosts["c03"]["labels"].append({"jupyter": "enable"})
    path.write_text(json.dumps(hosts))
    return {"SKP_HOSTS": str(path)}


def test_a_full_disk_fails_its_node_only_and_freed_it_heals(changed: None, tmp_path: Path) -> None:
    env = with_jupyter_on_c03(tmp_path / "hosts.json")
    host_docker("exec", "c03", "bash", "-c", SMALL_DISK)
    try:
        assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
        assert on("c02", "docker rm -f registry-skp").code == 0
        ran = skp("docker.apply", env=env)
        assert ran.code == 1, ran.all
        assert re.search(
            r"^! c03 jupyter-skp-c03: .*no space left on device", ran.out, re.MULTILINE
        )
        assert not [line for line in ran.out.splitlines() if re.match(r"[!-] +c0[12]", line)]
        assert "registry-skp" in container_ids(("c02",))["c02"]
        check_nothing_half_made()
        assert host_docker("exec", "c03", "rm", "/var/lib/docker/filler").code == 0
        healed = skp("docker.apply", env=env)
        assert healed.code == 0, healed.all
        assert "jupyter-skp-c03" in container_ids(("c03",))["c03"]
    finally:
        reinstall("c03")
