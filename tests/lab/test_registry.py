"""The registry on every node: one image everywhere, one writer, nobody from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import NODES, admit, container_ids, inventory, on, skp
from tests.support.swarm_labels import forget

IMAGE = "localhost:5000/skp/docker-ds"
MANIFEST = "http://localhost:5000/v2/skp/docker-ds/manifests/latest"
ACCEPT = "Accept: " + ", ".join(
    [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)


def digest(node: str) -> str:
    """Return the digest that a node's own registry gives, asked by curl on that node."""
    answer = on(node, f"curl -sI -H '{ACCEPT}' {MANIFEST}").out.lower()
    return next(
        line.split(": ")[1].strip()
        for line in answer.splitlines()
        if line.startswith("docker-content-digest")
    )


def test_every_nodes_registry_has_the_writers_digest(platform: None) -> None:
    digests = {node: digest(node) for node in NODES}
    assert digests["c01"].startswith("sha256:")
    assert set(digests.values()) == {digests["c01"]}


@pytest.mark.parametrize("node", NODES)
def test_no_registry_can_be_reached_from_another_node(platform: None, node: str) -> None:
    other = "c02" if node == "c01" else "c01"
    address = f"10.99.0.{10 + int(node[1:])}"
    assert on(node, "curl -s -m 5 -o /dev/null http://localhost:5000/v2/").code == 0
    # 7: connection refused, by curl's manual page
    assert on(other, f"curl -s -m 5 -o /dev/null http://{address}:5000/v2/").code == 7
    listening = on(node, "ss -ltnH sport = :5000").out.split()[3]
    assert listening == "127.0.0.1:5000"


def test_a_push_to_a_reader_is_refused_and_to_the_writer_taken(changed: None) -> None:
    for node in ("c01", "c02"):
        on(node, f"docker tag skp/docker-registry:latest localhost:5000/skp/pushed:{node}")
    assert on("c01", "docker push -q localhost:5000/skp/pushed:c01").code == 0
    refused = on("c02", "docker push -q localhost:5000/skp/pushed:c02")
    assert refused.code != 0
    tags = json.loads(on("c03", "curl -s localhost:5000/v2/skp/pushed/tags/list").out)
    assert tags["tags"] == ["c01"]
    for node in ("c01", "c02"):
        on(node, f"docker rmi localhost:5000/skp/pushed:{node}")


def test_the_registrys_storage_is_read_only_for_readers(platform: None) -> None:
    mounts = on("c02", "docker inspect registry-skp -f '{{json .Mounts}}'").out
    (storage,) = [m for m in json.loads(mounts) if m["Destination"] == "/var/lib/registry"]
    assert storage["RW"] is False


def written(tag: str) -> None:
    """Have `latest` mean what `tag` means, without asking the registry."""
    found = on("c01", "docker inspect registry-skp -f '{{json .Mounts}}'").out
    (storage,) = [m for m in json.loads(found) if m["Destination"] == "/var/lib/registry"]
    tags = f"{storage['Source']}/docker/registry/v2/repositories/skp/docker-ds/_manifests/tags"
    ran = on("c01", f"sudo cp {tags}/{tag}/current/link {tags}/latest/current/link")
    assert ran.code == 0, ran.all
    on("c01", f"sudo rm -r {tags}/{tag}")


@pytest.fixture
def poisoned(changed: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """Another image under the tag that runs, pushed or written into the storage; its digest."""
    before = digest("c01")
    on("c01", f"docker tag {IMAGE}:latest {IMAGE}:before")
    tag = "poisoned" if getattr(request, "param", "pushed") == "written" else "latest"
    build = f"echo 'FROM {IMAGE}:before\nLABEL poisoned=yes' | docker build -q -t {IMAGE}:{tag} -"
    assert on("c01", f"{build} && docker push -q {IMAGE}:{tag}").code == 0
    if tag != "latest":
        written(tag)
    found = digest("c02")  # a reader's
    assert found.startswith("sha256:")
    assert found != before
    yield found
    on("c01", f"docker tag {IMAGE}:before {IMAGE}:latest && docker push -q {IMAGE}:latest")
    on("c01", f"docker rmi {IMAGE}:before {IMAGE}:poisoned")
    admit()


@pytest.mark.parametrize("poisoned", ["pushed", "written"], indirect=True)
def test_another_image_under_the_tag_runs_only_once_it_is_admitted(poisoned: str) -> None:
    label = "docker inspect -f '{{index .Config.Labels \"poisoned\"}}' jupyter-skp"
    before = container_ids()
    for words in (["docker.apply"], ["docker.plan"], ["docker.status"]):
        ran = skp(*words)
        assert ran.code == 0, ran.all
        assert f"the registry's skp/docker-ds:latest is {poisoned}, not the admitted one" in ran.err
        assert "./skp.py docker.image-admit skp/docker-ds:latest" in ran.err
    (row,) = [
        row
        for row in skp("docker.image-list", "--json").json["images"]
        if (row["node"], row["image"]) == ("c01", "skp/docker-ds:latest")
    ]
    assert row["registry"] == poisoned != row["admitted"]
    other = skp("docker.image-admit", f"skp/docker-ds:latest@{row['admitted']}")
    assert other.code == 1, other.all
    # What has to be made anew is made of the image on record, pulled by its digest.
    assert on("c01", "docker rm -f jupyter-skp").code == 0
    assert skp("docker.apply").code == 0
    assert on("c01", label).out.strip() != "yes"
    assert {n: c for n, c in container_ids().items() if n != "c01"} == {
        n: c for n, c in before.items() if n != "c01"
    }
    admit(f"skp/docker-ds:latest@{poisoned}")
    applied = skp("docker.apply", "--busy", "replace")
    assert applied.code == 0, applied.all
    assert on("c01", label).out.strip() == "yes"


def test_a_cluster_of_the_version_before_is_taken_over_as_it_runs(poisoned: str) -> None:
    """Without a record what runs counts, and not what the registry serves meanwhile."""
    before = container_ids()
    forget("skp.digests")
    assert "record the digests that run" in skp("docker.plan").out
    applied = skp("docker.apply")
    assert applied.code == 0, applied.all
    assert f"is {poisoned}, not the admitted one" in applied.err
    assert container_ids() == before
    assert "Nothing to change" in skp("docker.apply").out


@pytest.fixture
def stale(changed: None) -> Iterator[None]:
    """c02's registry reads a copy of the storage that gets no pushes any more."""
    storage = "/home/skp/skp/platform/registry"
    on("c02", "docker rm -f registry-skp")
    copy = f"cp -a {storage} /var/stale && mount --bind /var/stale {storage}"
    assert on("c02", f"sudo sh -c '{copy}'").code == 0
    assert skp("docker.apply").code == 0
    on("c01", f"docker tag {IMAGE}:latest {IMAGE}:before")
    build = f"echo 'FROM {IMAGE}:before\nLABEL newer=yes' | docker build -q -t {IMAGE}:latest -"
    assert on("c01", f"{build} && docker push -q {IMAGE}:latest").code == 0
    admit()
    yield
    on("c02", f"docker rm -f registry-skp; sudo umount {storage}; sudo rm -rf /var/stale")
    on("c01", f"docker tag {IMAGE}:before {IMAGE}:latest && docker push -q {IMAGE}:latest")
    on("c01", f"docker rmi {IMAGE}:before")
    admit()


def test_a_reader_on_a_stale_copy_is_named_and_blocks_its_own_node_only(
    stale: None, tmp_path: Path
) -> None:
    hosts = inventory()
    hosts["c02"]["labels"].append({"jupyter": "enable"})
    (tmp_path / "hosts.json").write_text(json.dumps(hosts))
    ran = skp("docker.apply", "--json", env={"SKP_HOSTS": str(tmp_path / "hosts.json")})
    assert ran.code == 1, ran.all
    done = {(s["node"], s["name"]): s for s in ran.json["steps"] if s["action"] != "keep"}
    assert done["c01", "jupyter-skp"]["outcome"] == "done"
    failed = done["c02", "jupyter-skp-c02"]
    assert failed["outcome"] == "failed"
    assert "its registry does not have localhost:5000/skp/docker-ds:latest at" in failed["detail"]
    assert "the same shared folder" in failed["hint"]
