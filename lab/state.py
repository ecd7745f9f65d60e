"""The lab's folder: keys, pinned host keys, SSH configuration, inventory, state."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.config import MOST_NODES, STABLE, USER, LabConfig

FILES = ("id_ed25519", "id_ed25519.pub", "known_hosts", "ssh_config", "hosts.json", "state.json")


@dataclass(frozen=True)
class State:
    """What the lab remembers beside the engine.

    Attributes:
        engine: the id of the engine that carries it.
        version: the lab's version.
        count: how many nodes it has.
        publish: whether the services' ports are on this machine's loopback.
        nodes: which engine the nodes have, STABLE or NEWEST.
        odd: whether its nodes are unlike each other.
    """

    engine: str
    checkout: str
    version: str
    count: int
    publish: bool
    nodes: str = STABLE
    odd: bool = False


@dataclass(frozen=True)
class KeyPair:
    """An Ed25519 key pair in OpenSSH's formats (sshd(8), ssh-keygen(1))."""

    private: bytes
    public: str


def new_key() -> KeyPair:
    """Generate a key pair."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return KeyPair(private, public.decode())


def read(config: LabConfig) -> State | None:
    """Return the remembered state; None when the folder is not whole."""
    if not all((config.state / name).is_file() for name in FILES):
        return None
    try:
        return State(**json.loads((config.state / "state.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(config: LabConfig, state: State) -> None:
    """Remember the state."""
    _replace(config.state / "state.json", json.dumps(asdict(state), indent=2) + "\n")


def start(config: LabConfig) -> None:
    """Make the folder anew, with a new user key and no known host."""
    clear(config)
    config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = new_key()
    _replace(config.state / "id_ed25519", key.private.decode(), 0o600)
    _replace(config.state / "id_ed25519.pub", f"{key.public} {config.name}\n")
    _replace(config.state / "known_hosts", "")
    _replace(config.state / "ssh_config", _ssh_config(config))


def public_key(config: LabConfig) -> str:
    """Return the user's public key, as a line of authorized_keys."""
    return (config.state / "id_ed25519.pub").read_text()


def pin(config: LabConfig, keys: dict[str, str]) -> None:
    """Pin host keys by address; an address pinned before gets the new key only."""
    pinned = _pinned(config) | keys
    _write_pinned(config, pinned)


def unpin(config: LabConfig, addresses: set[str]) -> None:
    """Forget the host keys of nodes that are gone."""
    _write_pinned(config, {a: k for a, k in _pinned(config).items() if a not in addresses})


def write_inventory(config: LabConfig, hosts: object) -> None:
    """Write hosts.json."""
    _replace(config.state / "hosts.json", json.dumps(hosts, indent=2) + "\n")


def read_inventory(config: LabConfig) -> object:
    """Return what hosts.json holds; None when it is missing or not JSON."""
    try:
        return json.loads((config.state / "hosts.json").read_text())
    except (OSError, ValueError):
        return None


def keep_inventory(config: LabConfig) -> Path:
    """Save a hosts.json that its user has changed, before it is written again."""
    saved = config.state / "hosts.json.old"
    shutil.copy2(config.state / "hosts.json", saved)
    return saved


def clear(config: LabConfig) -> bool:
    """Remove the lab's files, and the folder if nothing else is in it; say if any was there."""
    if not config.state.is_dir():
        return False
    for name in (*FILES, "hosts.json.old"):
        (config.state / name).unlink(missing_ok=True)
    if not any(config.state.iterdir()):
        config.state.rmdir()
    return True


def _pinned(config: LabConfig) -> dict[str, str]:
    lines = (config.state / "known_hosts").read_text().splitlines()
    return {address: key for address, _, key in (line.partition(" ") for line in lines) if key}


def _write_pinned(config: LabConfig, pinned: dict[str, str]) -> None:
    lines = "".join(f"{address} {key}\n" for address, key in sorted(pinned.items()))
    _replace(config.state / "known_hosts", lines)


def _ssh_config(config: LabConfig) -> str:
    names = config.names(MOST_NODES)
    addresses = "".join(f"Host {name}\n  HostName {config.address(name)}\n" for name in names)
    return (
        f"# For example: ssh -F {config.state.name}/ssh_config {names[0]}\n"
        f"Host {' '.join(names)} {config.subnet.rpartition('.')[0]}.*\n"
        f"  User {USER}\n"
        f'  IdentityFile "{config.state / "id_ed25519"}"\n'
        "  IdentitiesOnly yes\n"
        f'  UserKnownHostsFile "{config.state / "known_hosts"}"\n'
        "  StrictHostKeyChecking yes\n"
        f"{addresses}"
    )


def _replace(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file whole or not at all; nobody else ever sees it with a wider mode."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=mode)
    new.write_text(text)
    new.replace(path)
