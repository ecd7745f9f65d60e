"""What operations on containers are made of: make, name, start, write files, take down."""

from __future__ import annotations

import io
import shlex
import tarfile
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import docker.errors

from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.policy import Progress
from cluster.model.spec import (
    FILES_ROOT,
    LIVE,
    MARKS_ROOT,
    ConfigFile,
    Container,
    SecretFile,
    mark_file,
)
from cluster.model.state import HALF_MADE
from cluster.operations.folders import handing_over, ids, preparing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.connectors.engine import Engine

_START_TRIES = 3
# What an engine passes on when runc lost the process that was to become the container, before it
# began (seen a few times in a thousand starts, on a busy machine; any next one succeeded).
_NEVER_BEGAN = "waiting for init preliminary setup"
# What an engine says when a container that was to be stopped ended by itself in between: one that
# fails at once and is started again by its policy, for example.
_ENDED_BY_ITSELF = "is not running"


def take_down(node: Node, identity: str, stop_timeout: int) -> None:
    """Stop and remove a container; one that is gone already is what was wanted."""
    seconds = stop_timeout + node.deadlines.stop
    with node.talking("removing a container", seconds) as engine:
        try:
            _stop(engine, identity, stop_timeout)
            engine.remove_container(identity, v=True, force=True)
        except docker.errors.NotFound:
            return


def _stop(engine: Engine, identity: str, stop_timeout: int) -> None:
    try:
        engine.stop(identity, timeout=stop_timeout)
    except docker.errors.APIError as error:
        _raise_unless_ended(error)


def restart(engine: Engine, identity: str, stop_timeout: int) -> None:
    """Stop a container and start it again; one that ended by itself meanwhile is only started."""
    try:
        engine.restart(identity, timeout=stop_timeout)
    except docker.errors.APIError as error:
        _raise_unless_ended(error)
        engine.start(identity)


def _raise_unless_ended(error: docker.errors.APIError) -> None:
    if _ENDED_BY_ITSELF not in str(error):
        raise error


def make(node: Node, container: Container, body: dict[str, Any]) -> str:
    """Create the container under a name of its own and return its id; nothing runs yet."""
    name = f"{container.name}{HALF_MADE}"
    with node.talking(f"creating {container.name}") as engine:
        with suppress(docker.errors.NotFound):  # there is one if a command was killed here before
            engine.remove_container(name, v=True, force=True)
        return str(engine.create_container_from_config(body, name)["Id"])


def give_up(node: Node, container: Container, made: str) -> None:
    """Remove a container that was made and is not to replace anything after all.

    Why it is given up is what a person has to know. One that can't be removed now is harmless, and
    the next command removes it.
    """
    doing = f"removing {container.name}{HALF_MADE}"
    with suppress(NodeError), node.talking(doing) as engine:
        engine.remove_container(made, v=True, force=True)


def take_name(node: Node, container: Container, made: str) -> None:
    """Give a container that was made the name that it is to have."""
    with node.talking(f"naming {container.name}") as engine:
        engine.rename(made, container.name)


def start_new(node: Node, container: Container, made: str, body: dict[str, Any]) -> str:
    """Start a new container; make it anew when network or runtime failed it once, and say so.

    On a node that has just joined, the engine may give up the attachment after 20 s; the created
    container can't be started any more then.
    """
    attempt = 1
    while True:
        with node.talking(f"starting {container.name}", node.deadlines.start) as engine:
            try:
                engine.start(made)
                return f"started at attempt {attempt}" if attempt > 1 else ""
            except docker.errors.APIError as error:
                may_pass = container.on_overlay or _NEVER_BEGAN in str(error)
                final = attempt == _START_TRIES or not may_pass
                if not _removed(engine, made) or final:
                    raise  # why it does not start, and not why it can't be removed
            made = engine.create_container_from_config(body, container.name)["Id"]
        attempt += 1


def _removed(engine: Engine, identity: str) -> bool:
    """Remove a container that can't be started, and tell whether it is gone."""
    try:
        engine.remove_container(identity, v=True, force=True)
    except docker.errors.APIError:
        return False
    return True


def own_progress(progress: Progress, container: Container) -> Progress:
    """Return `progress` that hides the secrets in the container's files too."""
    all_files = (*container.files, *container.live)
    files = [file.content for file in all_files if isinstance(file, SecretFile)]
    return replace(progress, mask=progress.mask.and_also(files))


def make_folders(node: Node, container: Container) -> None:
    """Make the folders that the container mounts, and the one for its files."""
    uid, gid = ids(container.user)
    commands = [preparing(container)] if any(m.create for m in container.mounts) else []
    if container.has_files:
        commands.append(f"install -d -m 0711 {FILES_ROOT}")
        commands.append(f"install -d -m 0500 -o {uid} -g {gid} {_folder(container.name)}")
    if commands:
        node.sudo(" && ".join(commands))


def write_files(node: Node, container: Container) -> None:
    """Hand its own folders to its user, and write its files where only that user can read them."""
    commands = [handing_over(container)]
    if container.files:
        commands.append(_unpacking(_folder(container.name)))
    if script := " && ".join(filter(None, commands)):
        archive = _archive(container, container.files)
        node.sudo(script, stdin=archive, deadline=node.deadlines.move)
    renew_live_files(node, container)


def join_networks(node: Node, container: Container) -> None:
    """Connect a running container with the overlays that it joins."""
    if not container.joins:
        return
    with node.talking(f"connecting {container.name}", node.deadlines.start) as engine:
        there = engine.inspect_container(container.name)["NetworkSettings"]["Networks"]
        for name in container.joins:
            if name not in there:
                engine.connect_container_to_network(container.name, name)


def joined(node: Node, found: str, container: Container) -> list[str]:
    """Return the overlays that a container is on which its successor joins while it runs.

    Args:
        found: the id of the one that is there.
    """
    if not container.joined_by:
        return []
    with node.talking(f"looking at {container.name}") as engine:
        there = engine.inspect_container(found)["NetworkSettings"]["Networks"]
    return [name for name in there if name.startswith(container.joined_by)]


def settle_networks(node: Node, container: Container) -> None:
    """Part a running container from overlays that it is not to be on, after its files are written.

    Where those are of a later state, that may need them: nothing is done. What somebody with an
    earlier state has parted it from meanwhile it joins again.
    """
    if not container.joined_by:
        return
    join_networks(node, container)
    with node.talking(f"connecting {container.name}", node.deadlines.start) as engine:
        there = engine.inspect_container(container.name)["NetworkSettings"]["Networks"]
        strays = container.strays(there)
        if not strays or _has_later(node, container):
            return
        for name in strays:
            engine.disconnect_container_from_network(container.name, name)


def renew_live_files(node: Node, container: Container) -> None:
    """Put each of the files that may change in the place of the one that is there, as a whole.

    Others are removed. The mark is written last: what broke off before is done again. Where the
    node has what somebody made from a later state, that stays.
    """
    if not container.live:
        return
    uid, gid = ids(container.user)
    folder, marks = _folder(container.name), shlex.quote(mark_file(container.name))
    new, live = f"{folder}/{LIVE}{HALF_MADE}", f"{folder}/{LIVE}"
    others = " ".join(f"! -name {shlex.quote(file.name)}" for file in container.live)
    remembered = f"{container.live_mark} {container.live_version}".strip()
    commands = [
        f"rm -rf {new} {marks}",
        f"install -d -m 0500 -o {uid} -g {gid} {new} {live}",
        _unpacking(new),
        f"mv -f {new}/* {live}/",
        f"rmdir {new}",
        f"find {live} -mindepth 1 {others} -delete",
        f"install -d -m 0755 {MARKS_ROOT}",
        f"(umask 022; echo {remembered} >{marks})",
    ]
    script = _unless_later(" && ".join(commands), container.live_version, marks)
    node.sudo(script, stdin=_archive(container, container.live))


def _unless_later(script: str, version: str, marks: str) -> str:
    """Return a script that does nothing where a node has what was made from a later version.

    Only one of several at once looks and writes: else the earlier one could come last.
    """
    count, _, number = version.partition(":")
    if not number:
        return script
    is_later = _is_later(count, number, marks)
    alone = f"install -d -m 0755 {MARKS_ROOT} && exec 9>>{MARKS_ROOT}/.lock && flock -w 30 9"
    return f"{alone} && if {is_later}; then cat >/dev/null; else {script}; fi"


def _is_later(count: str, number: str, marks: str) -> str:
    """Return a shell's condition: a node has what was made from a later version."""
    seen = f"sed -n 's/^[^ ]* {count}://p' {marks} 2>/dev/null"
    return f'[ "$({seen})" -gt {number} ] 2>/dev/null'


def _has_later(node: Node, container: Container) -> bool:
    count, _, number = container.live_version.partition(":")
    if not number:
        return False
    marks = shlex.quote(mark_file(container.name))
    asked = f"if {_is_later(count, number, marks)}; then echo later; fi"
    return bool(node.sudo(asked).text)


def remove_live_files(node: Node, name: str) -> None:
    """Remove the files that may change of a container that is to have none any more."""
    node.sudo(f"rm -rf {_folder(name)}/{LIVE} {shlex.quote(mark_file(name))}")


def _unpacking(folder: str) -> str:
    return f"tar -xf - -C {folder} --numeric-owner --same-owner -p"


def remove_files(node: Node, name: str) -> None:
    """Remove the files that were written for the container `name`."""
    node.sudo(f"rm -rf {shlex.quote(mark_file(name))} {_folder(name)}")


def _folder(name: str) -> str:
    return shlex.quote(f"{FILES_ROOT}/{name}")


def _archive(container: Container, files: Sequence[SecretFile | ConfigFile]) -> bytes:
    uid, gid = ids(container.user)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            content = file.content.reveal() if isinstance(file, SecretFile) else file.content
            entry = tarfile.TarInfo(file.name)
            entry.uid, entry.gid, entry.mode = uid, gid, 0o400
            entry.size = len(content.encode())
            entry.mtime = int(time.time())
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()
