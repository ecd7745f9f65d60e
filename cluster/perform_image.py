"""Steps that bring images: build on the master, pull, stream from engine to engine, push."""

from __future__ import annotations

import io
import re
import shlex
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import docker.errors

from cluster.errors import ConfigError, NodeError
from cluster.node import Node
from cluster.observe import identify
from cluster.perform import Context, Performer, Say
from cluster.settings import ROOT
from cluster.spec import Image, Source
from cluster.step import Action, Step
from cluster.transport import image_chunks

RECIPES = ROOT / "images"
_PAUSE = 0.2
_WIDTH = 76  # of a line of progress: with its indent it fits 80 columns
_ERROR_LINES = 40  # BuildKit repeats what the failed command said last
# A reader registry sees a push as soon as the shared storage shows it (NFS caches for seconds).
_LAG_SECONDS = 30


def has_recipe(repository: str) -> bool:
    """Whether images/ has a Dockerfile for an image of that name."""
    return (RECIPES / Path(repository).name / "Dockerfile").is_file()


def build(node: Node, image: Image, arguments: dict[str, str], say: Say) -> str:
    """Build `image` on `node` from its recipe in images/ and return its id.

    Args:
        arguments: build arguments by name; not for secrets, the image remembers them.
        say: takes the builder's progress, line by line.

    Raises:
        ConfigError: there is no recipe; NodeError: the build failed.
    """
    name = Path(image.repository).name
    if not has_recipe(image.repository):
        raise ConfigError(f"images/{name}/Dockerfile is not there", f"Images: {_recipes()}")
    words = [image.reference]
    for key, value in arguments.items():
        words += ["--build-arg", f"{key}={value}"]
    # The folder goes when the shell does, also when the connection breaks in between.
    script = (
        'set -e; dir=$(mktemp -d); trap \'rm -rf "$dir"\' EXIT; tar -xf - -C "$dir"; '
        f'bash "$dir/images/build.sh" {shlex.join([name, *words])}'
    )
    done = node.run(
        f"bash -c {shlex.quote(script)}",
        stdin=_context(name),
        deadline=node.deadlines.build,
        on_line=_stages(say),
    )
    if done.exit_code != 0:
        raise NodeError(
            node.name, f"building {image.reference} failed:\n{done.complaint(_ERROR_LINES)}"
        )
    return done.text.splitlines()[-1] if done.text else ""


def _stages(say: Say) -> Say:
    """Return a filter for BuildKit's plain progress: each build step once, and what went wrong."""
    seen: set[str] = set()

    def line(text: str) -> None:
        step = re.match(r"#\d+ (\[[^]]*\d+/\d+\] .*)", text)
        if step and step[1] not in seen:
            seen.add(step[1])
            say(" ".join(step[1].split())[:_WIDTH])
        elif re.match(r"(#\d+ )?(ERROR|images: )", text):
            say(text)

    return line


def push(node: Node, image: Image, say: Say) -> str:
    """Push `image` from the engine of `node` to its registry; returns the digest there."""
    doing = f"pushing {image.reference}"
    with node.talking(doing) as engine, node.patience(node.deadlines.transfer):
        for event in engine.push(image.reference, stream=True, decode=True):
            if "error" in event:
                raise NodeError(
                    node.name,
                    f"{doing}: {event['error']}",
                    "Is the registry running? ./skp.py docker.registry-run",
                )
            if event.get("status") == "Pushed":
                say(f"pushed layer {event.get('id', '')}")
    return identify(node, image)


def ensure(context: Context, node: Node, image: Image, identity: str) -> None:
    """Make `image` with that id or digest available in the engine of `node`.

    Raises:
        NodeError: it can't be brought here within the deadline.
    """
    if image.source is Source.REGISTRY:
        _pull(node, image, identity)
    elif identify(node, image) != identity:
        master = context.fleet.nodes[context.inventory.master.name]
        _stream(master, node, image)


def _pull(node: Node, image: Image, digest: str) -> None:
    name = image.reference.rsplit(":", 1)[0]
    pinned = f"{name}@{digest}"
    with node.talking(f"pulling {image.reference}") as engine:
        try:
            engine.inspect_image(pinned)
        except docker.errors.ImageNotFound:
            _pull_when_there(node, name, digest)
        engine.tag(pinned, name, image.tag)


def _pull_when_there(node: Node, name: str, digest: str) -> None:
    end = time.monotonic() + min(_LAG_SECONDS, node.deadlines.transfer)
    with node.patience(node.deadlines.transfer):
        while True:
            try:
                events = node.engine.pull(name, tag=digest, stream=True, decode=True)
                _raise_error(node, events)
                return
            except docker.errors.NotFound:
                if time.monotonic() > end:
                    raise NodeError(
                        node.name,
                        f"its registry does not have {name} at {digest[:19]}, as the master's does",
                        "Is $SKP_HOME the same shared folder? Look: ./skp.py docker.image-list",
                    ) from None
            time.sleep(_PAUSE)


def _raise_error(node: Node, events: Iterator[dict[str, str]]) -> None:
    for event in events:
        if "error" in event:
            raise NodeError(node.name, f"pulling failed: {event['error']}")


def _stream(source: Node, target: Node, image: Image) -> None:
    """Copy an image between engines through a temporary file, so each reads at its own speed."""
    with tempfile.TemporaryFile() as spool:
        doing = f"reading {image.reference}"
        with source.talking(doing), source.patience(source.deadlines.transfer):
            for chunk in image_chunks(source.engine, image.reference):
                spool.write(chunk)
        spool.seek(0)
        doing = f"loading {image.reference}"
        with target.talking(doing), target.patience(target.deadlines.transfer):
            for event in target.engine.load_image(_chunks(spool)):
                if "error" in event:
                    raise NodeError(target.name, f"{doing}: {event['error']}")


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while data := file.read(1 << 20):
        yield data


def _context(name: str) -> bytes:
    """Return a tar of what building images/NAME needs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for part in ("build.sh", "base", "host", name):
            archive.add(RECIPES / part, f"images/{part}", filter=_anonymous)
    return buffer.getvalue()


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _recipes() -> str:
    return ", ".join(sorted(p.parent.name for p in RECIPES.glob("docker-*/Dockerfile")))


def _build_step(context: Context, step: Step) -> str:
    node = context.fleet.nodes[step.node]
    repository, _, tag = step.name.rpartition(":")
    build(node, Image(repository, tag, Source.STREAM), {}, context.say)
    return ""


def _pull_step(context: Context, step: Step) -> str:
    node = context.fleet.nodes[step.node]
    repository, _, tag = step.name.rpartition(":")
    with node.talking(f"pulling {step.name}") as engine, node.patience(node.deadlines.transfer):
        _raise_error(node, engine.pull(repository, tag=tag, stream=True, decode=True))
    return ""


PERFORMERS: Mapping[str, Performer] = {Action.BUILD: _build_step, Action.PULL: _pull_step}
