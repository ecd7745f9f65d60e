"""Credentials of data volumes: where they are kept, and what of the shared folder is believed."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.config import secrets
from cluster.config.secrets import Secret
from cluster.connectors.base import Completed
from cluster.model.cluster import Cluster
from cluster.model.state import State
from services.volumes import s3
from services.volumes.backends import BACKENDS
from services.volumes.credentials import Accepted, files
from services.volumes.key_pair import key_pair
from services.volumes.service import SERVICE
from services.volumes.sshfs import authorized, login
from tests.support.described import described
from tests.support.fake_cluster import HOSTS, FakeCluster
from tests.support.fakes import Ran

SETTINGS = {
    "SSHFS_ID": "data", "SSHFS_HOST": "files.example", "SSHFS_VOLUME": "/srv/data",
    "S3_ACCOUNT": "bucket", "S3_ACCESS_ID": "id", "S3_ACCESS_KEY": "s3-key",
    "BLOB_ACCOUNT_NAME": "account", "BLOB_ACCOUNT_KEY": "QUJD", "BLOB_CONTAINER_NAME": "data",
}  # fmt: skip
ONLY_S3 = {key: value for key, value in SETTINGS.items() if key.startswith("S3")}
HOST_KEY = "ssh-ed25519 AAAAtheirs"
OURS = key_pair(Secret("the-secret-SSHFS_KEY"))


def shell(ran: Ran) -> Completed:
    """Run a command about the shared folder as the user of this test."""
    assert isinstance(ran.stdin, bytes)
    ended = subprocess.run(
        ["sh", "-c", ran.command], input=ran.stdin, capture_output=True, check=False
    )
    return Completed(ended.returncode, ended.stdout, ended.stderr)


def played(folder: Path, patch: pytest.MonkeyPatch, **settings: str) -> FakeCluster:
    """Return a cluster whose shared folder is a real one."""
    given = {key: value for key, value in SETTINGS.items() if key in settings or not settings}
    cluster = FakeCluster(folder, patch, HOSTS, **{**given, **settings}, SKP_HOME=str(folder))
    cluster.begin()
    (folder / "volume").mkdir()
    for machine in cluster.machines.values():
        machine.connection.on_run("cd -P", shell)
    return cluster


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    return played(tmp_path, monkeypatch)


def kept(cluster: FakeCluster) -> Mapping[str, Secret]:
    """Return what all managers, and this machine, store."""
    stored = [secrets.parse(cluster[name].secrets) for name in cluster]
    assert all(found == cluster.declared.stored for found in stored)
    return stored[0].values


def changed(cluster: FakeCluster, capsys: pytest.CaptureFixture[str], command: str) -> int:
    """Run a command, which has to go well, and return how much it changed."""
    capsys.readouterr()
    assert cluster.run(command, "--json") == 0
    return int(json.loads(capsys.readouterr().out)["changed"])


def shared(folder: Path) -> dict[str, str]:
    found = [path for path in (folder / "volume").rglob("*") if path.is_file()]
    return {str(path.relative_to(folder / "volume")): path.read_text() for path in found}


def test_the_key_is_stored_and_only_its_public_half_is_shared(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("sshfs.keygen") == 0
    pair = key_pair(kept(cluster)["SSHFS_KEY"])
    assert shared(tmp_path) == {"etc/ssh/id_ed25519.pub": f"{pair.public} skp\n"}
    assert changed(cluster, capsys, "sshfs.keygen") == 0


def test_a_dry_run_says_what_is_stored_and_stores_nothing(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("sshfs.keygen", "--dry", "--json") == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [(step["kind"], step["node"]) for step in steps] == [
        ("secrets", "c01"), ("secrets", "c02"), ("secrets", "c03"), ("credential", "c01")
    ]  # fmt: skip
    assert (cluster.master.secrets, shared(tmp_path)) == ("", {})


def test_a_public_key_that_another_put_there_is_put_right(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    assert cluster.run("sshfs.keygen") == 0
    before = shared(tmp_path)
    (tmp_path / "volume/etc/ssh/id_ed25519.pub").write_text("ssh-ed25519 AAAAhis skp\n")
    assert cluster.run("sshfs.keygen") == 0
    assert shared(tmp_path) == before


def test_a_renewed_key_is_another_and_the_one_before_is_retired(cluster: FakeCluster) -> None:
    assert cluster.run("sshfs.keygen") == 0
    before = key_pair(kept(cluster)["SSHFS_KEY"])
    assert cluster.run("sshfs.keygen", "--renew") == 0
    assert key_pair(kept(cluster)["SSHFS_KEY"]) != before
    text = f"{before.public} skp\n{before.public} bob\n"
    left = authorized(text, OURS.public, {before.fingerprint})
    assert left == f'{before.public} bob\nrestrict,command="internal-sftp" {OURS.public} skp\n'


def test_what_lies_on_the_shared_folder_is_neither_pin_nor_key(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever runs a notebook writes there."""
    his, folder = key_pair(Secret("his")), tmp_path / "volume/etc/ssh"
    folder.mkdir(parents=True)
    (folder / "id_ed25519").write_text(his.private.reveal())
    (folder / "known_hosts").write_text(f"files.example {HOST_KEY}\n")
    assert cluster.run("sshfs.keygen") == 0
    said = capsys.readouterr()
    assert f"{folder}/id_ed25519 is from an earlier version, and whoever ran a" in said.err
    with cluster.fleet() as fleet:
        found = login(cluster.declared, fleet)
    assert (found.pinned, found.pair == his) == ("", False)
    assert found.retired == {his.fingerprint}


def test_a_host_key_that_a_person_accepted_is_known(cluster: FakeCluster) -> None:
    assert cluster.run("sshfs.keygen") == 0
    stored = cluster.declared.stored
    pair = key_pair(stored.values["SSHFS_KEY"])
    record = Accepted("data", "files.example", HOST_KEY, pair.fingerprint).stored()
    for name in cluster:
        values = {**stored.values, "SSHFS_ACCEPTED": record}
        cluster[name].secrets = secrets.StoredSecrets(values, stored.generation + 1).dumps()
    with cluster.fleet() as fleet:
        found = login(cluster.declared, fleet)
    assert (found.pinned, found.asking().pinned, found.retired) == (HOST_KEY, "", frozenset())


def test_a_key_is_stored_once_its_server_accepted_it_and_given_to_the_container_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = played(tmp_path, monkeypatch, **ONLY_S3)
    assert cluster.run("docker.apply") == 1
    assert "./skp.py s3fs.init" in capsys.readouterr().out
    assert cluster.containers("volumes") == {}
    monkeypatch.setattr(s3, "_prove", lambda _: None)
    assert cluster.run("s3fs.init") == 0
    assert kept(cluster)["S3_ACCEPTED"] == Secret("id:s3-key")
    assert cluster.run("docker.apply") == 0
    made = cluster.containers("volumes")
    assert sorted(made) == ["volume-skp-s3-c01", "volume-skp-s3-c02"]
    assert "s3-key" not in json.dumps(made)
    assert shared(tmp_path) == {}
    assert not cluster.sent("s3-key")
    assert [changed(cluster, capsys, words) for words in ("s3fs.init", "docker.apply")] == [0, 0]


def an_earlier_one(cluster: FakeCluster, tmp_path: Path) -> None:
    """Have a container as an earlier version made it, and the key that it reads."""
    etc = f"{tmp_path}/volume/etc"
    described = {"mounts": [{"source": etc, "target": "/run/credentials"}]}
    labels = {"skp.service": "volumes", "skp.spec": "x", "skp.fields": json.dumps(described)}
    name = "volume-skp-s3-c01"
    cluster.master.add(name, {"Image": "localhost:5000/skp/docker-fuse:latest", "Labels": labels})
    (tmp_path / "volume/etc/s3fs").mkdir(parents=True)
    (tmp_path / "volume/etc/s3fs/passwd-s3fs").write_text("id:old\n")
    cluster.master.remains.add(f"{etc}/s3fs/passwd-s3fs")
    for machine in cluster.machines.values():
        machine.connection.on_run("docker ps -aq", lambda ran: _reading(cluster, ran))


def _reading(cluster: FakeCluster, ran: Ran) -> Completed:
    etc = shlex.split(ran.command)[-1].removeprefix("volume=")
    labels = [found["Config"]["Labels"] for found in cluster.containers("volumes").values()]
    mounts = [mount for told in labels for mount in json.loads(told["skp.fields"])["mounts"]]
    return Completed(0, b"abc\n" if etc in [mount["source"] for mount in mounts] else b"", b"")


def test_an_earlier_versions_container_runs_on_until_its_server_accepted_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = played(tmp_path, monkeypatch, **ONLY_S3)
    an_earlier_one(cluster, tmp_path)
    before = cluster.containers("volumes")["volume-skp-s3-c01"]["Id"]
    assert cluster.run("docker.apply") == 1
    assert cluster.containers("volumes")["volume-skp-s3-c01"]["Id"] == before
    assert shared(tmp_path) == {"etc/s3fs/passwd-s3fs": "id:old\n"}
    monkeypatch.setattr(s3, "_prove", lambda _: None)
    assert cluster.run("s3fs.init") == 0
    assert "etc/s3fs/passwd-s3fs is from an earlier version" in capsys.readouterr().err
    assert shared(tmp_path) == {"etc/s3fs/passwd-s3fs": "id:old\n"}
    assert cluster.run("docker.apply") == 0
    assert "removed etc/s3fs/passwd-s3fs" in capsys.readouterr().out
    assert cluster.containers("volumes")["volume-skp-s3-c01"]["Id"] != before
    assert shared(tmp_path) == {}


def test_an_earlier_versions_key_goes_though_a_command_before_took_its_container_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = played(tmp_path, monkeypatch, **ONLY_S3)
    an_earlier_one(cluster, tmp_path)
    cluster.master.containers.pop("volume-skp-s3-c01")
    monkeypatch.setattr(s3, "_prove", lambda _: None)
    assert cluster.run("s3fs.init") == 0
    assert cluster.run("docker.apply") == 0
    assert shared(tmp_path) == {}


def wanted(folder: Path, **accepted: str) -> Cluster:
    cluster = described(folder, HOSTS, SETTINGS)
    found: dict[str, Any] = {key: Secret(value) for key, value in accepted.items()}
    return Cluster(cluster.settings, cluster.inventory, {**cluster.secrets, **found})


RIGHT = {
    "SSHFS_ACCEPTED": f"data files.example {HOST_KEY} {OURS.fingerprint}",
    "S3_ACCEPTED": "id:key",
    "BLOB_ACCEPTED": "account:QUJD",
}


def test_each_container_gets_its_own_backends_credentials(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, **RIGHT)
    found = {b.name: {f.name: f.content.reveal() for f in files(cluster, b)} for b in BACKENDS}
    assert found == {
        "sshfs": {
            "id_ed25519": OURS.private.reveal(),
            "known_hosts": f"files.example {HOST_KEY}\n",
        },
        "s3": {"passwd-s3fs": "id:key\n"},
        "blob": {"account-key": "QUJD\n"},
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SSHFS_ACCEPTED", ""),
        ("SSHFS_ACCEPTED", f"data other.example {HOST_KEY} {OURS.fingerprint}"),
        ("SSHFS_ACCEPTED", f"data files.example {HOST_KEY} SHA256:before"),
        ("SSHFS_ACCEPTED", f"other files.example {HOST_KEY} {OURS.fingerprint}"),
        ("SSHFS_ACCEPTED", f"data files.example {HOST_KEY}\nx y {OURS.fingerprint}"),
        ("S3_ACCEPTED", ""),
        ("S3_ACCEPTED", "other:key"),
        ("S3_ACCEPTED", "id:key\nother:key"),
        ("BLOB_ACCEPTED", ""),
        ("BLOB_ACCEPTED", "other:QUJD"),
        ("BLOB_ACCEPTED", "account:QUJD\nendpoint = http://his.example"),
    ],
)
def test_what_no_server_accepted_makes_no_container(tmp_path: Path, key: str, value: str) -> None:
    containers = SERVICE.containers(wanted(tmp_path, **{**RIGHT, key: value}), State({}, {}, None))
    (backend,) = (b for b in BACKENDS if b.accepted == key)
    blocked = {c.command[1]: c.obstacle for c in containers if c.obstacle}
    assert {name: hint for name, (_, hint) in blocked.items()} == {
        backend.name: f"./skp.py {backend.init}"
    }


def test_a_container_sees_its_own_files_and_nothing_of_the_shared_folder(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, **RIGHT)
    containers = list(SERVICE.containers(cluster, State({}, {}, None)))
    assert len(containers) == 6
    for container in containers:
        sources = {mount.source for mount in container.mounts}
        assert {s for s in sources if s.startswith("/var/lib/skp/files")} == {
            f"/var/lib/skp/files/{container.name}"
        }
        assert not any(source.startswith(cluster.home) for source in sources)


def test_a_key_pair_is_always_the_same_file(tmp_path: Path) -> None:
    again = key_pair.__wrapped__(Secret("the-secret-SSHFS_KEY"))
    assert again == OURS
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(OURS.private.reveal())
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"{OURS.public} skp\n"
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True
    )
    assert OURS.fingerprint in listed.stdout
