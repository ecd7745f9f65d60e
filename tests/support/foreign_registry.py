"""A registry that is no part of the cluster: with TLS of its own authority, and a login."""

from __future__ import annotations

import base64
import datetime as dt
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.data_volumes import until
from tests.support.lab import MINUTES, host_docker, on

NAME = "registry.example.com"
ADDRESS = "10.99.0.90"
USER, PASSWORD = "team", "a-word-of-the-team"
_CONTAINER = "skp-foreign-registry"
_IMAGE = "skp/docker-registry:latest"
_CERTS = f"/etc/docker/certs.d/{NAME}"
_CONFIG = {
    "version": 0.1,
    "storage": {"filesystem": {"rootdirectory": "/data"}},
    "http": {"addr": ":443", "tls": {"certificate": "/own/cert.pem", "key": "/own/key.pem"}},
    "auth": {"htpasswd": {"realm": "team", "path": "/own/users"}},
}


@contextmanager
def serving() -> Iterator[None]:
    """Have it run; the master knows its name and its authority, and nobody else does."""
    stop()
    handed_over(_IMAGE, ("docker", "exec", "c01"), ())
    certificate = _begin()
    quoted = base64.b64encode(certificate).decode()
    known = on(
        "c01",
        f"sudo sh -c 'mkdir -p {_CERTS}; echo {quoted} | base64 -d >{_CERTS}/ca.crt; "
        f'echo "{ADDRESS} {NAME}" >>/etc/hosts\'',
    )
    assert known.code == 0, known.all
    until(
        lambda: (
            on("c01", f"curl -s -o /dev/null --cacert {_CERTS}/ca.crt https://{NAME}/v2/").code == 0
        ),
        30,
    )
    try:
        yield
    finally:
        forget = f"sed /{NAME}/d /etc/hosts >/tmp/hosts && cat /tmp/hosts >/etc/hosts"
        on("c01", f"sudo sh -c '{forget}; rm -rf {_CERTS}'")
        stop()


def stop() -> None:
    """End it, with what it has."""
    host_docker("rm", "-f", "-v", _CONTAINER)


def push(reference: str, dockerfile: str) -> None:
    """Build an image on the master, and push it there with Docker's own client."""
    login = f"printf '%s' '{PASSWORD}' | sudo docker login -u {USER} --password-stdin {NAME}"
    # (An engine looks into /etc/hosts every five seconds.)
    until(lambda: on("c01", login).code == 0, 30)
    words = (
        f"printf '{dockerfile}' | sudo docker build -q -t {reference} - && "
        f"sudo docker push -q {reference} && sudo docker rmi {reference}"
    )
    made = on("c01", words)
    on("c01", f"sudo docker logout {NAME}")
    assert made.code == 0, made.all


def logins(path: Path, password: str = PASSWORD) -> Path:
    """Write what `docker login` would write, with a login for another host beside it."""
    words = {NAME: f"{USER}:{password}", "other.example.com": "me:a-word-for-others"}
    auths = {
        host: {"auth": base64.b64encode(each.encode()).decode()} for host, each in words.items()
    }
    path.write_text(json.dumps({"auths": auths}))
    path.chmod(0o600)
    return path


def handed_over(image: str, save: Sequence[str], load: Sequence[str]) -> None:
    """Bring an image from one engine to another.

    Args:
        save, load: the words before `docker` that lead to each; () for this machine's own.
    """
    with subprocess.Popen([*save, "docker", "save", image], stdout=subprocess.PIPE) as saved:
        loaded = subprocess.run(
            [*load, "docker", "load", "-q"], stdin=saved.stdout, capture_output=True,
            timeout=5 * MINUTES, check=False,
        )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr


def _begin() -> bytes:
    """Start it, and return its certificate."""
    certificate, key = _made()
    users = f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n"
    files = {
        "cert.pem": certificate,
        "key.pem": key,
        "users": users.encode(),
        "config.yml": json.dumps(_CONFIG).encode(),
    }
    address = ("--network", "skp-lab", "--ip", ADDRESS)
    tmpfs = ("--tmpfs", "/data:mode=1777")
    made = host_docker("create", "--name", _CONTAINER, *address, *tmpfs, _IMAGE, "/own/config.yml")
    assert made.code == 0, made.all
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
            (Path(folder) / name).chmod(0o644)
        Path(folder).chmod(0o755)
        for words in (("cp", folder, f"{_CONTAINER}:/own"), ("start", _CONTAINER)):
            done = host_docker(*words)
            assert done.code == 0, done.all
    return certificate


def _made() -> tuple[bytes, bytes]:
    """Make a certificate that signs itself, and its key: both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
