"""Servers of remote data that no one here wrote, on the practice cluster's network."""

from __future__ import annotations

import json
from pathlib import Path

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import BlobServiceClient

from lab import LabConfig, image
from tests.support import data_volumes
from tests.support.data_volumes import Volume, done, until
from tests.support.lab import Ran, host_docker, inventory, on, run

NAMES = ("sshfs", "s3", "blob")
ADDRESSES = {"sshfs": "10.99.0.62", "s3": "10.99.0.60", "blob": "10.99.0.61"}
CONTAINERS = {name: f"skp-test-{name}" for name in NAMES}
PASSWORD = "files pw"
# Azurite's account and key, which its documentation names.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
S3_KEY = "Strict/secret+key0123456789"
SETTINGS = {
    "SSHFS_ID": "files",
    "SSHFS_HOST": ADDRESSES["sshfs"],
    "SSHFS_VOLUME": "/srv/files",
    "S3_ACCOUNT": "data",
    "S3_ACCESS_ID": "STRICT",
    "S3_ACCESS_KEY": S3_KEY,
    "S3_URL": f"http://{ADDRESSES['s3']}:8333",
    "BLOB_ACCOUNT_NAME": ACCOUNT,
    "BLOB_ACCOUNT_KEY": KEY,
    "BLOB_CONTAINER_NAME": "data",
    "BLOB_URL": f"http://{ADDRESSES['blob']}:10000/{ACCOUNT}",
}
# The settings that differ with each S3 server. SeaweedFS checks every signature; s3rver takes any
# secret, and moto any key at all.
S3_SERVERS = {
    "seaweedfs": {},
    "s3rver": {
        "S3_ACCESS_ID": "S3RVER",
        "S3_ACCESS_KEY": "S3RVER",
        "S3_URL": f"http://{ADDRESSES['s3']}:4568",
    },
    "moto": {"S3_URL": f"http://{ADDRESSES['s3']}:5000"},
}
_IMAGE = "skp-lab/servers:latest"
_S3 = {
    "s3rver": f"exec s3rver -d /srv -a {ADDRESSES['s3']} -p 4568 --configure-bucket data",
    "moto": f"exec moto_server -H {ADDRESSES['s3']} -p 5000",
    "seaweedfs": f"exec weed mini -dir=/srv -ip={ADDRESSES['s3']} -bucket=data -admin.ui=false "
    "-s3.autoCreateBucket=false -s3.config=/etc/s3.json",
}
_SSHD = (
    "id files || useradd -m files; install -d -o files /srv/files; mkdir -p /run/sshd; "
    "[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -A; "
    f"echo 'files:{PASSWORD}' | chpasswd; "
    "exec /usr/sbin/sshd -D -e -o PasswordAuthentication=yes -o AllowUsers=files"
)


def start(s3: str = "seaweedfs") -> None:
    """Start an OpenSSH server, Azurite, and the S3 server of that name."""
    done(run("images/build.sh", "lab-servers", _IMAGE, seconds=1800))
    stop()
    forget()
    _serve("sshfs", image.reference(LabConfig()), "sh", "-c", _SSHD)
    _serve("s3", _IMAGE, "sh", "-c", f"{_written(S3_KEY)}; {_S3[s3]}")
    blob = f"azurite-blob --blobHost {ADDRESSES['blob']} -l /srv --skipApiVersionCheck"
    key = f"[ ! -s /etc/key ] || export AZURITE_ACCOUNTS={ACCOUNT}:$(cat /etc/key)"
    _serve("blob", _IMAGE, "sh", "-c", f"{key}; exec {blob} --disableTelemetry")
    until(_has_container, 60)
    if s3 == "moto":
        until(_has_bucket, 60)


def _written(key: str) -> str:
    """Return a command that has SeaweedFS know one user with this key, unless it knows one."""
    user = {"accessKey": "STRICT", "secretKey": key}
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    known = {"identities": [{"name": "skp", "credentials": [user], "actions": rights}]}
    return f"[ -s /etc/s3.json ] || echo '{json.dumps(known)}' >/etc/s3.json"


def accept(s3_key: str, blob_key: str) -> None:
    """Have SeaweedFS and Azurite accept these keys, and no others, from now on."""
    for name, command in (
        ("s3", f"rm /etc/s3.json; {_written(s3_key)}"),
        ("blob", f"echo {blob_key} >/etc/key"),
    ):
        done(host_docker("exec", CONTAINERS[name], "sh", "-c", command))
        done(host_docker("restart", "-t", "1", CONTAINERS[name]))


def _serve(name: str, *words: str) -> None:
    address = ("--network", "skp-lab", "--ip", ADDRESSES[name])
    done(host_docker("run", "-d", "--name", CONTAINERS[name], *address, *words))


def _has_container() -> bool:
    credential = {"account_name": ACCOUNT, "account_key": KEY}
    service = BlobServiceClient(SETTINGS["BLOB_URL"], credential=credential, retry_total=0)
    try:
        service.create_container("data")
    except ResourceExistsError:
        return True
    except AzureError:
        return False
    return True


def _has_bucket() -> bool:
    """Make the bucket; moto has no option for that."""
    script = (
        "import boto3; boto3.client('s3', endpoint_url='http://%s:5000', region_name='us-east-1',"
        "aws_access_key_id='x', aws_secret_access_key='x').create_bucket(Bucket='data')"
    )
    words = ("exec", CONTAINERS["s3"], "python", "-c", script % ADDRESSES["s3"])
    return host_docker(*words).code == 0


def stop() -> None:
    """Remove them with their data."""
    host_docker("rm", "-f", "-v", *CONTAINERS.values())


def forget() -> None:
    """Remove all credentials."""
    on("c01", "cd /home/skp/skp/volume/etc && rm -rf ssh s3fs blobfs")
    store(SSHFS_ACCEPTED="", S3_ACCEPTED="", BLOB_ACCEPTED="")


def store(**values: str) -> None:
    """Have all managers store these, as if servers had accepted them."""
    path = "/var/lib/skp/secrets.env"
    lines = "".join(f"{key}='{value}'\n" for key, value in values.items())
    for node, told in inventory().items():
        if "manager" in told["groups"]:
            done(on(node, f"sudo sed -i -E '/^({'|'.join(values)})=/d' {path}"))
            done(on(node, f"sudo tee -a {path} >/dev/null <<'E'\n{lines}E"))


def accepted(name: str) -> str:
    """Return what is stored on the master of what the server of a backend accepted; "" for none."""
    path, key = "/var/lib/skp/secrets.env", f"{name.upper()}_ACCEPTED"
    return on("c01", f"sudo sed -n 's/^{key}=//p' {path}").out.strip().strip("'")


def switched_on(folder: Path, values: dict[str, str], hosts: str = "") -> Volume:
    """Return volumes with these settings; by default Jupyter's node alone has them."""
    return data_volumes.switched_on(folder, values, hosts or consumers(folder))


def on_all(folder: Path, hosts: str = "", **values: str) -> Volume:
    """Switch all three volumes on, as a person would; `values` go over SETTINGS."""
    volume = switched_on(folder, {**SETTINGS, **values}, hosts)
    done(volume.skp("docker.image-build-fuse"))
    initialise(volume)
    done(volume.skp("docker.apply"))
    return volume


def initialise(volume: Volume) -> None:
    """Write all credentials."""
    done(volume.skp("sshfs.keygen"))
    done(volume.skp("sshfs.copy-id", f"-p={PASSWORD}", "--accept-host-keys"))
    done(volume.skp("s3fs.init"))
    done(volume.skp("blobfs.init"))


def consumers(folder: Path, *more: str) -> str:
    """Return an inventory in which Jupyter runs on `more` nodes too, and no worker of Spark."""
    hosts = inventory()
    for entry in hosts.values():
        entry["labels"] = [label for label in entry["labels"] if "spark-worker" not in label]
    for name in more:
        hosts[name]["labels"].append({"jupyter": "enable"})
    path = folder / "consumers.json"
    path.write_text(json.dumps(hosts))
    return str(path)


def cut(verb: str) -> list[Ran]:
    """Cut (verb -I) or mend (-D) the network between c01 and all three servers."""
    return [
        on("c01", f"sudo iptables {verb} {chain} {end} {address} -j DROP")
        for address in ADDRESSES.values()
        for chain, end in (("OUTPUT", "-d"), ("INPUT", "-s"))
    ]
