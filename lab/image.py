"""The nodes' image: named after what it is made from, built when it is missing."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.config import NEWEST, STABLE, LabConfig
from lab.engine import Say, environment
from lab.errors import LabError

if TYPE_CHECKING:
    from docker import DockerClient

NAME, ODD = "lab-node", "lab-node-odd"
REPOSITORY = "skp-lab/node"
BASE = "skp/base:trixie"
"""What images/build.sh makes once per engine, and builds every image on."""
BUILD_DEADLINE = 1800
CARRY_DEADLINE = 120
SIGN_OF_LIFE = 10


def reference(config: LabConfig) -> str:
    """Return the image's name, with a hash of everything in its folder as the tag."""
    suffix = f"-{NEWEST}" if config.engine == NEWEST else ""
    plain = f"{REPOSITORY}:{_digest(config, NAME)}{suffix}"
    return f"{plain}-{_digest(config, ODD)}" if config.odd else plain


def _digest(config: LabConfig, name: str) -> str:
    folder = config.checkout / "images" / name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            executable = os.access(path, os.X_OK)
            digest.update(f"{path.relative_to(folder)} {executable} {content}\n".encode())
    return digest.hexdigest()[:12]


def ensure(engine: DockerClient, config: LabConfig, say: Say) -> None:
    """Build the nodes' image unless the engine has it.

    Raises:
        LabError: with the last lines of the build.
    """
    ref = reference(config)
    if engine.images.list(name=ref):
        return
    name, argument = NAME, f"ENGINE={config.engine or STABLE}"
    if config.odd:
        plain = replace(config, odd=False)
        ensure(engine, plain, say)
        name, argument = ODD, f"NODE={reference(plain)}"
    say("building the nodes' image (only this once; about half a minute)")
    program = str(config.checkout / "images" / "build.sh")
    command = [program, name, ref, "--build-arg", argument]
    builder = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env=environment(),
    )
    overdue = threading.Timer(BUILD_DEADLINE, _stop, [builder])
    overdue.daemon = True
    overdue.start()
    try:
        last = _follow(builder, say)
    except BaseException:
        _stop(builder)
        builder.wait(30)
        raise
    finally:
        overdue.cancel()
    if builder.wait() != 0:
        raise LabError(
            "the nodes' image could not be built:\n" + "\n".join(f"  {line}" for line in last),
            f"Correct the cause and try again, or see it all: {shlex.join(command)}",
        )


def carry_base(engine: DockerClient, node: str) -> None:
    """Give a node's engine the base of all images, if this machine's has it: made once for both.

    Raises:
        LabError: when the node's engine does not take it.
    """
    if not engine.images.list(name=BASE):
        return
    take = ["docker", "exec", "-i", node, "docker", "load", "--quiet"]
    give, env = ["docker", "save", BASE], environment()
    with subprocess.Popen(give, stdout=subprocess.PIPE, env=env) as giving:
        done = subprocess.run(
            take,
            stdin=giving.stdout,
            capture_output=True,
            timeout=CARRY_DEADLINE,
            check=False,
            env=env,
        )
    if giving.returncode or done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        raise LabError(f"{node} did not take {BASE}: {why}", "Type: lab.down, then lab.up again")


def _follow(builder: subprocess.Popen[str], say: Say) -> list[str]:
    """Pass on what build.sh itself says, and a sign of life; return the last lines."""
    last: deque[str] = deque(maxlen=25)
    spoken = time.monotonic()
    assert builder.stderr is not None
    for line in builder.stderr:
        last.append(line.rstrip())
        if line.startswith("images: "):
            say(line.removeprefix("images: ").rstrip())
        elif time.monotonic() - spoken < SIGN_OF_LIFE:
            continue
        else:
            say(f"  ... {line.strip()[:90]}")
        spoken = time.monotonic()
    return list(last)


def _stop(builder: subprocess.Popen[str]) -> None:
    """End the build and everything it started; build.sh cleans up on SIGTERM."""
    if builder.poll() is None:
        os.killpg(builder.pid, signal.SIGTERM)
