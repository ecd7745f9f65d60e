"""What is put into a node before it starts: keys, and how this machine reaches its registries."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.config import UID, USER, LabConfig
from lab.errors import LabError
from lab.state import KeyPair

OWN_CERTIFICATES = Path("/usr/local/share/ca-certificates")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class File:
    """One file in a node, or a folder if it has no content; `path` is from where it is unpacked."""

    path: str
    content: bytes | None
    mode: int = 0o644
    uid: int = 0


def archive(files: list[File]) -> bytes:
    """Return the files as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            content = file.content or b""
            info = tarfile.TarInfo(file.path.lstrip("/"))
            info.type = tarfile.DIRTYPE if file.content is None else tarfile.REGTYPE
            info.mtime = time.time()  # people see it in JupyterLab's file list
            info.size, info.mode, info.uid, info.gid = len(content), file.mode, file.uid, file.uid
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def keys(host: KeyPair, user_public: str) -> list[File]:
    """Return a node's host key and who may log in."""
    return [
        File("/etc/ssh/ssh_host_ed25519_key", host.private, 0o600),
        File("/etc/ssh/ssh_host_ed25519_key.pub", f"{host.public}\n".encode()),
        File(f"/home/{USER}/.ssh/authorized_keys", user_public.encode(), 0o600, UID),
    ]


def host_settings(config: LabConfig) -> list[File]:
    """Return this machine's CA certificates, mirrors and proxies as a node's own configuration.

    They are gathered exactly as for an image build (images/host/gather), so that a build inside
    a node reaches the registries as one on this machine does.

    Raises:
        LabError: when they can't be gathered.
    """
    with tempfile.TemporaryDirectory(prefix="skp-lab.") as folder:
        gathered = Path(folder) / "host"
        done = subprocess.run(
            [str(config.checkout / "images" / "host" / "gather"), str(gathered)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"images/host/gather failed: {done.stderr.strip()[-500:]}")
        return [*_certificates(gathered), *_apt(gathered), *_clients(gathered), *_proxies(config)]


def _certificates(gathered: Path) -> Iterator[File]:
    for path in sorted(OWN_CERTIFICATES.rglob("*.crt")):
        yield File(str(path), path.read_bytes())
    if (gathered / "ca.crt").is_file():
        # The system's bundle as update-ca-certificates(8) would make it, without its half second.
        bundle = (gathered / "ca.crt").read_bytes()
        yield File("/etc/ssl/certs/ca-certificates.crt", bundle)


def _apt(gathered: Path) -> Iterator[File]:
    if (gathered / "sources.list").is_file():
        yield File("/etc/apt/sources.list", (gathered / "sources.list").read_bytes())
        note = b"# This machine's mirrors are in /etc/apt/sources.list.\n"
        yield File("/etc/apt/sources.list.d/debian.sources", note)
    if (gathered / "apt.conf").is_file():
        lines = (gathered / "apt.conf").read_text().splitlines(keepends=True)
        paths = ("Dir::", "Acquire::https::CAInfo")  # those of a build; a node has its own
        own = "".join(line for line in lines if not line.startswith(paths))
        yield File("/etc/apt/apt.conf.d/90-lab-host", own.encode())


def _clients(gathered: Path) -> Iterator[File]:
    for name in ("pip.conf", "npmrc"):
        if (gathered / name).is_file():
            yield File(f"/etc/{name}", (gathered / name).read_bytes())


def _proxies(config: LabConfig) -> Iterator[File]:
    given = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    if any(name.lower() != "no_proxy" for name in given):
        for name in ("no_proxy", "NO_PROXY"):
            given[name] = ",".join(filter(None, [given.get(name), "localhost", config.subnet]))
        lines = "".join(f'{name}="{value}"\n' for name, value in sorted(given.items()))
        yield File("/etc/environment", lines.encode())


def shared_tree(config: LabConfig) -> list[File]:
    """Return the checkout's volume/ as it is put into the shared volume: what git tracks of it.

    Without git (an unpacked archive) that is everything but var/ and hidden files.
    """
    root = config.checkout / "volume"
    if not root.is_dir():
        return []
    names = [name for name in _tracked(config, root) if _is_shared(root, name)]
    folders = {parent for name in names for parent in name.parents if parent != Path()}
    return [
        *(File(str(folder), None, 0o755, UID) for folder in sorted(folders)),
        *(_shared_file(root, name) for name in names),
    ]


def _tracked(config: LabConfig, root: Path) -> list[Path]:
    command = ["git", "-c", f"safe.directory={config.checkout}", "ls-files", "-z"]
    if shutil.which("git"):
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=60, check=False)
        if done.returncode == 0:
            return [Path(os.fsdecode(name)) for name in done.stdout.split(b"\0") if name]
    paths = (path.relative_to(root) for path in sorted(root.rglob("*")))
    return [path for path in paths if not any(part.startswith(".") for part in path.parts)]


def _is_shared(root: Path, name: Path) -> bool:
    if name.parts[0] == "var" or name.name in {".gitkeep", ".gitignore"}:
        return False
    return (root / name).is_file() and not (root / name).is_symlink()


def _shared_file(root: Path, name: Path) -> File:
    path = root / name
    mode = 0o755 if os.access(path, os.X_OK) else 0o644
    return File(str(name), path.read_bytes(), mode, UID)
