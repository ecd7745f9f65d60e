"""`up` and `down`: the lab is brought to what was asked for, or taken away without a trace."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import image, layout, material, nodes, state
from lab.config import SHARED, STABLE, VERSION, LabConfig, check_count, check_engine
from lab.engine import MTU, Say, connect, explained
from lab.errors import LabError
from lab.status import NodeStatus, statuses
from lab.survey import STARTED, Survey, reason_to_replace, refuse_foreign, survey

if TYPE_CHECKING:
    from docker import DockerClient

LOCK_DEADLINE = 300


@dataclass(frozen=True)
class Outcome:
    """What `up` or `down` did: whether anything changed, and the nodes there are now."""

    changed: bool
    nodes: tuple[NodeStatus, ...]


def up(
    count: int,
    publish: bool | None = None,
    odd: bool | None = None,
    *,
    config: LabConfig | None = None,
    say: Say = print,
) -> Outcome:
    """Bring up a lab of `count` nodes (1 to 16); a second time nothing changes.

    Stopped nodes are started, missing ones made anew, surplus ones removed. A lab of another
    checkout, of an older version or of an engine that is gone is replaced.

    Args:
        publish: whether the services' ports of the first node are on this machine's loopback;
            None leaves that as it is (not, for a new lab).
        odd: whether the nodes are unlike each other, as machines are that people have; None
            leaves that as it is, else a lab of the other kind is replaced.

    Raises:
        LabError: with exit code 2 for a bad number; 1 when something foreign is in the way
            (nothing was touched) or a node does not answer within its deadline.
    """
    check_count(count)
    config = config or LabConfig()
    check_engine(config.engine)
    with _alone(config), explained():
        engine = connect()
        started = time.monotonic()
        found = survey(engine, config)
        refuse_foreign(engine, config, config.names(count))
        if odd is None:
            odd = bool(found.remembered and found.remembered.odd)
        config = replace(config, engine=_engine(config, found), odd=odd)
        if publish is None:
            publish = bool(found.remembered and found.remembered.publish)
        if publish and not found.runs(config.publisher):
            _refuse_busy_ports(config.ports)
        image.ensure(engine, config, say)
        found, replaced = _replace_unfit(engine, config, found, say)
        target = state.State(
            found.engine, str(config.checkout), VERSION, count, publish, config.engine, odd
        )
        changed = _converge(engine, config, found, target, say)
        reached = statuses(engine, config)
        if changed or replaced:
            say(f"{count} node{'s' * (count > 1)} up in {time.monotonic() - started:.1f} s")
        else:
            say(f"already up: {', '.join(config.names(count))}")
        return Outcome(changed or replaced, reached)


def down(*, config: LabConfig | None = None, say: Say = print) -> Outcome:
    """Remove the lab, of whichever checkout it is: containers, volumes, network, keys.

    The nodes' image stays. Nothing that is not the lab's is touched.

    Raises:
        LabError: when this machine's engine does not answer, or refuses.
    """
    config = config or LabConfig()
    with _alone(config), explained():
        engine = connect()
        found = survey(engine, config)
        for checkout in sorted({f.checkout for f in found.found} - {str(config.checkout)}):
            say(f"the lab was brought up from another checkout, {checkout}")
        changed = _raze(engine, config, found)
        say("the lab is removed" if changed else "there is no lab")
        return Outcome(changed, ())


def _engine(config: LabConfig, found: Survey) -> str:
    """Return which engine the nodes are to have: that of the lab, where nobody says."""
    return config.engine or (found.remembered.nodes if found.remembered else STABLE)


def _replace_unfit(
    engine: DockerClient, config: LabConfig, found: Survey, say: Say
) -> tuple[Survey, bool]:
    for bridge in found.bridges:
        say(f"the bridge {bridge} is left from an engine that is gone; it is removed")
        _remove_bridge(bridge)
    specs = {name: nodes.spec(config, name) for name in found.nodes}
    reason = reason_to_replace(found, config, specs)
    if not reason:
        return found, bool(found.bridges)
    say(f"{reason}; it is replaced")
    _raze(engine, config, found)
    return survey(engine, config), True


def _converge(
    engine: DockerClient, config: LabConfig, found: Survey, target: state.State, say: Say
) -> bool:
    names = config.names(target.count)
    usable = {name: node for name, node in found.nodes.items() if node.state in STARTED}
    missing = [name for name in names if name not in usable]
    asleep = [name for name in names if name in usable and usable[name].state != "running"]
    surplus = sorted(set(found.nodes) - set(names))
    if surplus:
        say(f"removing {', '.join(surplus)}")
        _remove_surplus(engine, config, found, surplus, say)
    before = found.remembered
    if not usable:
        _begin(engine, config, found.mtu)
    if target != before:
        _write_inventory(config, before.count if before and usable else None, target.count, say)
        state.write(config, target)
    if missing:
        say(f"making {', '.join(missing)}")
        nodes.remove(engine, [f for f in found.found if f.node in missing])
        nodes.make(engine, config, missing, material.host_settings(config))
        if not usable:
            nodes.share(engine, config, material.shared_tree(config))
    if asleep:
        say(f"starting {', '.join(asleep)}")
    if missing or asleep:
        nodes.start(engine, [*missing, *asleep])
    # All of them: one that was started by other hands a moment ago may not answer yet.
    nodes.wait(engine, config, list(names))
    if names[0] in missing:  # the master, which builds the images
        image.carry_base(engine, names[0])
    published = _converge_publisher(engine, config, found, target.publish, say)
    return bool(missing or asleep or surplus) or published


def _begin(engine: DockerClient, config: LabConfig, mtu: int) -> None:
    """Make what all nodes of a new lab share."""
    from docker.types import IPAMConfig, IPAMPool

    state.start(config)
    for key in SHARED:
        engine.volumes.create(config.shared_volume(key), labels=config.labels)
    pool = IPAMPool(subnet=config.subnet, gateway=config.gateway)
    engine.networks.create(
        config.name,
        driver="bridge",
        options={MTU: str(mtu)},
        ipam=IPAMConfig(pool_configs=[pool]),
        labels=config.labels,
    )


def _remove_surplus(
    engine: DockerClient, config: LabConfig, found: Survey, surplus: list[str], say: Say
) -> None:
    nodes.forget_in_swarm(engine, config.names(1)[0], surplus, say)
    nodes.remove(engine, [f for f in found.found if f.node in surplus])
    state.unpin(config, {config.address(name) for name in surplus})


def _write_inventory(config: LabConfig, before: int | None, count: int, say: Say) -> None:
    """Write hosts.json for `count` nodes; what its user changed is saved, and kept if it fits."""
    if before == count:
        return
    if before is not None and state.read_inventory(config) != layout.inventory(config, before):
        say(f"hosts.json was changed by hand; it is kept as {state.keep_inventory(config)}")
    state.write_inventory(config, layout.inventory(config, count))


def _converge_publisher(
    engine: DockerClient, config: LabConfig, found: Survey, wanted: bool, say: Say
) -> bool:
    there = found.named("container", config.publisher)
    if found.runs(config.publisher) if wanted else there is None:
        return False
    if there is not None:
        nodes.remove(engine, [there])
    if wanted:
        nodes.publish(engine, config)
        ports = ", ".join(str(port) for port in config.ports)
        say(f"published on 127.0.0.1: {ports}")
    else:
        say("no longer published on 127.0.0.1")
    return True


def _raze(engine: DockerClient, config: LabConfig, found: Survey) -> bool:
    nodes.remove(engine, list(found.found))
    for bridge in found.bridges:
        _remove_bridge(bridge)
    had_files = state.clear(config)
    return bool(found.found) or bool(found.bridges) or had_files


def _remove_bridge(name: str) -> None:
    done = subprocess.run(
        ["ip", "link", "delete", name], capture_output=True, text=True, timeout=10, check=False
    )
    if done.returncode != 0 and Path("/sys/class/net", name).exists():
        raise LabError(
            f"the bridge {name} is left from an engine that is gone and can't be removed: "
            f"{done.stderr.strip()}",
            f"Type: sudo ip link delete {name}",
        )


def _refuse_busy_ports(ports: tuple[int, ...]) -> None:
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise LabError(
                    f"port {port} of 127.0.0.1 is in use by something else; nothing was touched",
                    f"See what it is: ss -ltnp sport = :{port}   Or leave --publish out.",
                ) from error


@contextmanager
def _alone(config: LabConfig) -> Iterator[None]:
    """Let one command at a time work on the labs of a checkout: a lock that needs no file."""
    folder = os.open(config.state.parent, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + LOCK_DEADLINE
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LabError(
                        f"another command has worked on the lab of {config.state.parent} "
                        f"for more than {LOCK_DEADLINE} s",
                        "Wait for it, or end it, and try again.",
                    ) from None
                time.sleep(0.2)
        yield
    finally:
        os.close(folder)
