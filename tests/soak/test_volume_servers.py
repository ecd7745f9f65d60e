"""Data volumes with servers that check: what is refused, what a revoked key does, other servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import data_servers
from tests.support.data_servers import ACCOUNT, KEY, NAMES, S3_KEY, S3_SERVERS, SETTINGS
from tests.support.data_volumes import (
    CHANGES,
    ODD,
    PARQUET,
    Volume,
    as_root,
    done,
    in_jupyter,
    python,
    until,
)
from tests.support.lab import on, skp

INIT = {"s3": "s3fs.init", "blob": "blobfs.init"}
OTHER_S3, OTHER_BLOB = "Another/secret+key012345", KEY[:-6] + "AAAA=="
BACK = 30  # seconds


def only(name: str, **values: str) -> dict[str, str]:
    """Return the settings that switch one backend on."""
    prefix = {"sshfs": "SSHFS_", "s3": "S3_", "blob": "BLOB_"}[name]
    return {**{k: v for k, v in SETTINGS.items() if k.startswith(prefix)}, **values}


@pytest.fixture(scope="module")
def servers(platform: None) -> Iterator[None]:
    data_servers.start()
    done(skp("docker.image-build-fuse"))
    yield
    done(skp("docker.apply", "-q", "--yes", "volumes"))
    data_servers.forget()
    data_servers.stop()


@pytest.fixture
def none(servers: None) -> Iterator[None]:
    """Begin without volumes and credentials, as on a new cluster."""
    done(skp("docker.apply", "-q", "--yes", "volumes"))
    data_servers.forget()
    as_root("c01", "rm -rf /var/lib/skp/cache")
    yield
    done(skp("docker.apply", "-q", "--yes", "volumes"))


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("s3", {"S3_ACCESS_KEY": "wrong"}, "refuses S3_ACCESS_ID and S3_ACCESS_KEY"),
        ("s3", {"S3_ACCESS_ID": "NOBODY"}, "refuses S3_ACCESS_ID and S3_ACCESS_KEY"),
        ("s3", {"S3_ACCOUNT": "nowhere"}, "has no bucket nowhere"),
        ("s3", {"S3_URL": "http://10.99.0.60:1"}, "S3_URL and S3_REGION name the server"),
        ("blob", {"BLOB_ACCOUNT_KEY": OTHER_BLOB}, "refuses BLOB_ACCOUNT_NAME and BLOB_ACC"),
        ("blob", {"BLOB_CONTAINER_NAME": "nowhere"}, "has no container nowhere"),
        ("blob", {"BLOB_URL": "http://10.99.0.61:1/x"}, "BLOB_URL names the server"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(
    none: None, tmp_path: Path, name: str, values: dict[str, str], said: str
) -> None:
    volume = data_servers.switched_on(tmp_path, only(name, **values))
    ran = volume.skp(INIT[name])
    assert ran.code == 1, ran.all
    assert said in ran.err
    assert data_servers.accepted(name) == ""


@pytest.mark.parametrize(
    ("name", "values", "given", "said"),
    [
        ("s3", {}, "STRICT:wrong", "Invalid Credentials"),
        ("s3", {"S3_ACCOUNT": "nowhere"}, f"STRICT:{S3_KEY}", "not found"),
        ("s3", {}, "", "./skp.py s3fs.init"),
        ("blob", {}, f"{ACCOUNT}:{OTHER_BLOB}", "403"),
        ("blob", {"BLOB_CONTAINER_NAME": "nowhere"}, f"{ACCOUNT}:{KEY}", "no container nowhere"),
        ("blob", {}, "", "./skp.py blobfs.init"),
    ],
)
def test_what_is_wrong_at_the_first_apply_is_told_soon(
    none: None, tmp_path: Path, name: str, values: dict[str, str], given: str, said: str
) -> None:
    volume = data_servers.switched_on(tmp_path, only(name, **values))
    data_servers.store(**{f"{name.upper()}_ACCEPTED": given})
    begun = time.monotonic()
    ran = volume.skp("docker.apply", "volumes")
    print(f"told after {time.monotonic() - begun:.1f} s")
    assert ran.code == 1
    assert said in ran.all, ran.all
    assert time.monotonic() - begun < 60, "not after the deadline of a container getting healthy"
    assert f"/{name} " not in on("c01", "cat /proc/mounts").out
    assert not given or given.rpartition(":")[2] not in ran.all


def test_revoked_keys(none: None, tmp_path: Path) -> None:
    """An error while it lasts; gone within 30 s once the key, or a new one, is right."""
    volume = data_servers.switched_on(tmp_path, {**only("s3"), **only("blob")})
    for init in INIT.values():
        done(volume.skp(init))
    done(volume.skp("docker.apply", "volumes"))
    before = on("c01", "docker inspect -f {{.State.StartedAt}} jupyter-skp").out
    written("before")
    data_servers.accept(OTHER_S3, OTHER_BLOB)
    try:
        until(lambda: refused(volume), 60)
        # A shell's own > ignores what close(2) says.
        assert in_jupyter("dd if=/dev/zero of=/root/mnt/s3/revoked count=1 conv=fsync").code != 0
        shown = [str(row["error"]) for row in volume.rows()]
        assert all(shown), shown
        data_servers.accept(S3_KEY, KEY)
        written("again")
        data_servers.accept(OTHER_S3, OTHER_BLOB)
        until(lambda: refused(volume), 60)
        new = {"S3_ACCESS_KEY": OTHER_S3, "BLOB_ACCOUNT_KEY": OTHER_BLOB}
        renewed = data_servers.switched_on(tmp_path, {**only("s3"), **only("blob"), **new})
        for init in INIT.values():
            done(renewed.skp(init))
        done(renewed.skp("docker.apply", "volumes"))
        written("renewed")
        until(lambda: all(row["pending_bytes"] == 0 for row in renewed.rows()), 60)
    finally:
        data_servers.accept(S3_KEY, KEY)
    assert on("c01", "docker inspect -f {{.State.StartedAt}} jupyter-skp").out == before
    secrets = (S3_KEY, OTHER_S3, KEY, OTHER_BLOB)
    shown_now = on(
        "c01",
        "docker inspect $(docker ps -aq); ps axww; cat /proc/mounts; "
        "for c in $(docker ps -q -f name=volume-skp); do docker logs $c 2>&1; done",
    ).out
    assert "s3fs" in shown_now
    assert "rclone" in shown_now
    assert not any(secret in shown_now for secret in secrets)


def refused(volume: Volume) -> bool:
    """Whether no volume answers any more; says how each one is."""
    rows = volume.rows()
    print([(row["volume"], row["state"], row["error"]) for row in rows])
    return not any(row["alive"] for row in rows)


def written(text: str) -> None:
    """Each volume can be written and read again in time."""
    begun = time.monotonic()
    for name in INIT:
        path = f"/root/mnt/{name}/{text}"
        until(lambda path=path: in_jupyter(f"echo {text} > {path} && cat {path}").code == 0, BACK)  # type: ignore[misc]
        print(f"{name}: {text}: {time.monotonic() - begun:.1f} s")


def test_read_only(none: None, tmp_path: Path) -> None:
    done(skp("docker.apply", "-q", "--yes", "volumes"))
    volume = data_servers.switched_on(tmp_path, SETTINGS)
    data_servers.initialise(volume)
    done(volume.skp("docker.apply", "volumes"))
    for name in NAMES:
        done(in_jupyter(f"echo kept > /root/mnt/{name}/kept"))
    until(lambda: all(row["pending_bytes"] == 0 for row in volume.rows()), 60)
    flags = {f"{name.upper()}_READ_ONLY": "TRUE" for name in NAMES}
    reading = data_servers.switched_on(tmp_path, {**SETTINGS, **flags})
    done(reading.skp("docker.apply", "volumes"))
    for name in NAMES:
        until(lambda name=name: in_jupyter(f"cat /root/mnt/{name}/kept").out == "kept\n", BACK)  # type: ignore[misc]
        for command in ("touch {}/new", "rm {}/kept", "mkdir {}/d", "sh -c 'echo x >> {}/kept'"):
            ran = in_jupyter(command.format(f"/root/mnt/{name}"))
            assert ran.code != 0
            assert "Read-only file system" in ran.err, (name, command, ran.all)
    assert [row["ok"] for row in reading.rows("status")] == [True] * 3


@pytest.mark.parametrize("server", ["moto", "s3rver"])
def test_other_s3_servers(platform: None, tmp_path: Path, server: str) -> None:
    """The same, with the same result, as test_volume_backends says of SeaweedFS."""
    data_servers.start(server)
    try:
        volume = data_servers.switched_on(tmp_path, {**only("s3"), **S3_SERVERS[server]})
        done(volume.skp("docker.image-build-fuse"))
        done(volume.skp("s3fs.init"))
        done(volume.skp("docker.apply", "volumes"))
        check(volume)
    finally:
        done(skp("docker.apply", "-q", "--yes", "volumes"))
        data_servers.forget()
        data_servers.stop()


def check(volume: Volume) -> None:
    """Write, change and read as a consumer."""
    assert python("c01", CHANGES, "/root/mnt/s3/changes").startswith("01XX456789appe deep ")
    assert python("c01", PARQUET.replace("{folder}", "/root/mnt/s3/set")) == "4999950000 100000"
    code = f"""
import os
os.makedirs('/root/mnt/s3/odd')
for name in {ODD!r}:
    open('/root/mnt/s3/odd/' + name, 'w').write(name)
print(all(open('/root/mnt/s3/odd/' + n).read() == n for n in os.listdir('/root/mnt/s3/odd')))
print(len(os.listdir('/root/mnt/s3/odd')))
"""
    assert python("c01", code).split() == ["True", str(len(ODD))]
    assert [row["ok"] for row in volume.rows("check")] == [True]
