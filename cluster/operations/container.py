"""Steps that change containers: create, replace, start, remove, and waiting until they work."""

from __future__ import annotations

import io
import shlex
import tarfile
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import docker.errors

from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.spec import Container, SecretFile
from cluster.model.state import HALF_MADE, FoundContainer
from cluster.model.step import Action, Step
from cluster.operations.busy import leave_if_busy
from cluster.operations.container_body import FILES_ROOT, config, labels
from cluster.operations.dispatch import Context, Performer
from cluster.operations.folders import ids, preparing
from cluster.operations.health import wait_ended, wait_healthy
from cluster.operations.image_transfer import ensure
from cluster.operations.rolling import may_go, wait_settled

_START_TRIES = 3


def _create(context: Context, step: Step) -> str:
    """Create a container, in place of the one that is there.

    The new one is created under another name first: what the engine refuses (a path that is not
    there, more cores than there are) is refused while the old one still serves.
    """
    container, node = step.container, context.fleet.nodes[step.node]
    assert container is not None
    _leave_if_busy(context, step)
    master = context.fleet.nodes.get(context.inventory.master.name)
    ensure(node, container.image, step.identity, master, context.spool)
    _make_folders(node, container)
    body = config(container, labels(step, context.key))
    made = _make(node, container, body)
    if step.found is not None:
        try:
            _leave_if_busy(context, step)  # bringing the image may have taken minutes
            _wait_settled(context, step, step.found.settled)
            context.check()
        except Exception:
            with node.talking(f"removing {container.name}.new") as engine:
                engine.remove_container(made, v=True, force=True)
            raise
        _take_down(node, step.found.id, container.stop_timeout)
    _write_files(node, container)
    with node.talking(f"naming {container.name}") as engine:
        engine.rename(made, container.name)
    detail = _start_new(node, container, made, body)
    _wait_healthy(context, container)
    if step.found is not None:
        _wait_settled(context, step, container.settled)
    return detail


def _start(context: Context, step: Step) -> str:
    container, node = step.container, context.fleet.nodes[step.node]
    assert container is not None and step.found is not None
    _make_folders(node, container)
    with node.talking(f"starting {step.name}", node.deadlines.start) as engine:
        if step.found.status == "paused":
            engine.unpause(step.found.id)
        else:
            engine.start(step.found.id)
    return _wait_healthy(context, container)


def _wait(context: Context, step: Step) -> str:
    assert step.container is not None
    return _wait_healthy(context, step.container)


def _restart(context: Context, step: Step) -> str:
    node, found = context.fleet.nodes[step.node], step.found
    assert found is not None
    # The SDK adds the time that the container has to stop.
    seconds = node.deadlines.stop + node.deadlines.start
    _leave_if_busy(context, step)
    _wait_settled(context, step, found.settled)
    with node.talking(f"restarting {step.name}", seconds) as engine:
        if found.status == "paused":
            engine.unpause(found.id)  # what is frozen can't end by itself
        engine.restart(found.id, timeout=_stop_timeout(found))
    wait_healthy(node, step.name, context.mask)
    _wait_settled(context, step, found.settled)
    return ""


def _run(context: Context, step: Step) -> str:
    """Run a command in a container; its standard error is told, and its last line the detail."""
    node, seconds = context.fleet.nodes[step.node], step.seconds

    def hidden(text: str) -> str:
        return context.mask.hide(text.encode()).decode()

    done = node.run(
        shlex.join(
            ["timeout", "-k2", f"{seconds:.0f}", "docker", "exec", step.name, *step.command]
        ),
        deadline=seconds + 5,
        on_line=lambda line: context.say(f"{step.node}: {hidden(line)}"),
    )
    if done.exit_code != 0:
        raise NodeError(step.node, f"{shlex.join(step.command)}: {hidden(done.complaint(3))}")
    return hidden(done.complaint(1)) if done.stderr.strip() else ""


def _job(context: Context, step: Step) -> str:
    """Run a container to its end; when that is not well, say what it said last."""
    container, node = step.container, context.fleet.nodes[step.node]
    assert container is not None
    master = context.fleet.nodes.get(context.inventory.master.name)
    ensure(node, container.image, step.identity, master, context.spool)
    _make_folders(node, container)
    body = config(container, labels(step, context.key))
    made = _make(node, container, body)
    _write_files(node, container)
    try:
        with node.talking(f"naming {container.name}") as engine:
            with suppress(docker.errors.NotFound):  # of a command that was killed here before
                engine.remove_container(container.name, v=True, force=True)
            engine.rename(made, container.name)
        detail = _start_new(node, container, made, body)
        files = [f.content for f in container.files if isinstance(f, SecretFile)]
        wait_ended(node, container.name, step.seconds, context.mask.and_also(files))
    finally:
        with (
            node.talking(f"removing {container.name}") as engine,
            suppress(docker.errors.NotFound),
        ):
            engine.remove_container(container.name, v=True, force=True)
        node.sudo(f"rm -rf {_folder(container)}")
    return detail


def _remove(context: Context, step: Step) -> str:
    node = context.fleet.nodes[step.node]
    assert step.found is not None
    _leave_if_busy(context, step)
    may_go(node, step.found, context.busy)
    _take_down(node, step.found.id, _stop_timeout(step.found))
    node.sudo(f"rm -rf {shlex.quote(f'{FILES_ROOT}/{step.name}')}")
    return ""


def _leave_if_busy(context: Context, step: Step) -> None:
    found = step.found
    if found is not None and found.status == "running" and found.busy:
        leave_if_busy(context.fleet.nodes[step.node], found, context.busy)


def _wait_settled(context: Context, step: Step, command: tuple[str, ...]) -> None:
    """Wait until the service can do without one more; what does not work is no loss."""
    found = step.found
    if found is not None and found.works:
        wait_settled(context.fleet.nodes[step.node], step.name, command, context.busy)


def _stop_timeout(found: FoundContainer) -> int:
    return int(found.fields.get("stop_timeout", 10))


def _take_down(node: Node, identity: str, stop_timeout: int) -> None:
    seconds = stop_timeout + node.deadlines.stop
    with node.talking("removing a container", seconds) as engine:
        try:
            engine.stop(identity, timeout=stop_timeout)
            engine.remove_container(identity, v=True, force=True)
        except docker.errors.NotFound:
            return  # gone already, which is what was wanted


def _make(node: Node, container: Container, body: dict[str, Any]) -> str:
    """Create the container under a name of its own and return its id; nothing runs yet."""
    name = f"{container.name}{HALF_MADE}"
    with node.talking(f"creating {container.name}") as engine:
        with suppress(docker.errors.NotFound):  # there is one if a command was killed here before
            engine.remove_container(name, v=True, force=True)
        return str(engine.create_container_from_config(body, name)["Id"])


def _start_new(node: Node, container: Container, made: str, body: dict[str, Any]) -> str:
    """Start a new container; make it anew when the network was not ready for it, and say so.

    On a node that has just joined, the engine may give up the attachment after 20 s; the created
    container can't be started any more then.
    """
    attempt = 1
    while True:
        with node.talking(f"starting {container.name}", node.deadlines.start) as engine:
            try:
                engine.start(made)
                return f"started at attempt {attempt}" if attempt > 1 else ""
            except docker.errors.APIError:
                engine.remove_container(made, v=True, force=True)
                if attempt == _START_TRIES or container.network == "host":
                    raise
            made = engine.create_container_from_config(body, container.name)["Id"]
        attempt += 1


def _wait_healthy(context: Context, container: Container) -> str:
    files = [f.content for f in container.files if isinstance(f, SecretFile)]
    wait_healthy(context.fleet.nodes[container.node], container.name, context.mask.and_also(files))
    return ""


def _make_folders(node: Node, container: Container) -> None:
    uid, gid = _owner(container)
    commands = [preparing(container)] if any(m.create for m in container.mounts) else []
    if container.files:
        commands.append(f"install -d -m 0711 {FILES_ROOT}")
        commands.append(f"install -d -m 0500 -o {uid} -g {gid} {_folder(container)}")
    if commands:
        node.sudo(" && ".join(commands))


def _write_files(node: Node, container: Container) -> None:
    """Write the container's files where only its user can read them."""
    if container.files:
        unpack = f"tar -xf - -C {_folder(container)} --numeric-owner --same-owner -p"
        node.sudo(unpack, stdin=_archive(container, *_owner(container)))


def _owner(container: Container) -> tuple[int, int]:
    return ids(container.user)


def _folder(container: Container) -> str:
    return shlex.quote(f"{FILES_ROOT}/{container.name}")


def _archive(container: Container, uid: int, gid: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in container.files:
            content = file.content.reveal() if isinstance(file, SecretFile) else file.content
            entry = tarfile.TarInfo(file.name)
            entry.uid, entry.gid, entry.mode = uid, gid, 0o400
            entry.size = len(content.encode())
            entry.mtime = int(time.time())
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


PERFORMERS: Mapping[str, Performer] = {
    Action.CREATE: _create,
    Action.REPLACE: _create,
    Action.START: _start,
    Action.RESTART: _restart,
    Action.WAIT: _wait,
    Action.RUN: _run,
    Action.JOB: _job,
    Action.REMOVE: _remove,
}
