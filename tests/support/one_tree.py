"""The practice cluster as an earlier version laid it out: one tree, one user id, all addresses."""

from __future__ import annotations

from tests.support.lab import NODES, on, skp
from tests.support.swarm_labels import forget

HOME, PLATFORM = "/home/skp/skp/volume", "/home/skp/skp/platform"


def lay_out() -> None:
    """Have the cluster that runs be one that an earlier version made."""
    for node in NODES:
        on(node, "docker rm -fv $(docker ps -aq)")
    forget("skp.layout")
    # (A network may be in use until all nodes know that its containers are gone.)
    later = " ".join(f"net-skp-{name}" for name in ("users", "databases", "agents"))
    gone = on("c01", f"timeout 60 sh -c 'until docker network rm -f {later}; do sleep 1; done'")
    assert gone.code == 0, gone.all
    moved = on(
        "c01",
        f"sudo sh -ec 'mkdir -p {HOME}/var; [ ! -e {PLATFORM}/registry ] || "
        f"{{ rm -rf {HOME}/var/registry; mv {PLATFORM}/registry {HOME}/var/registry; }}; "
        f"rm -rf {PLATFORM}/* {PLATFORM}/.[a-z]*; chown 0:0 {PLATFORM}; chmod 755 {PLATFORM}; "
        f"find {HOME} -exec chown -h 1000:1000 {{}} +; find {HOME} -type d -exec chmod 755 {{}} +'",
    )
    assert moved.code == 0, moved.all
    applied = skp("docker.apply")
    assert applied.code == 0, applied.all


def served(node: str) -> str:
    """Return the id of the notebooks' image as the registry of `node` serves it."""
    image = "localhost:5000/skp/docker-ds:latest"
    pull = f"docker rmi -f {image} >/dev/null; docker pull -q {image} >/dev/null"
    told = on(node, f"{pull} && docker inspect -f '{{{{.Id}}}}' {image}")
    assert told.code == 0, told.all
    return told.out
