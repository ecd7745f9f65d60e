"""The folders that a node needs before a container is created; the engine makes none. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from cluster.model.spec import Container, Mount


def preparing(container: Container) -> str:
    """Return a shell command for root that makes the container's missing folders.

    It also makes mountpoints inside folders that are mounted read-only, since the engine can't; and
    it makes a folder whose mounts are to be shared a shared mount, where it is not on one already,
    as under systemd the root is (mount_namespaces(7)).
    """
    return " && ".join(_commands(container))


def _commands(container: Container) -> Iterator[str]:
    for outer in container.mounts:
        if not outer.create:
            continue
        owner = outer.owner or container.user
        yield _folder(outer.source, owner)
        for inner in container.mounts:
            if inner.target.startswith(f"{outer.target}/"):
                yield _folder(outer.source + inner.target.removeprefix(outer.target), owner)
        if outer.propagation != Mount.propagation:
            path = shlex.quote(outer.source)
            yield (
                f"{{ findmnt -no PROPAGATION -T {path} | grep -q shared || "
                f"{{ mount --bind {path} {path} && mount --make-rshared {path}; }}; }}"
            )


def _folder(path: str, owner: str) -> str:
    (uid, gid), quoted = ids(owner), shlex.quote(path)
    return f"{{ test -d {quoted} || install -d -o {uid} -g {gid} {quoted}; }}"


def ids(user: str) -> tuple[int, int]:
    """Return user and group id of "UID" or "UID:GID"."""
    uid, _, gid = user.partition(":")
    return int(uid), int(gid or uid)
