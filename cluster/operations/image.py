"""Images on the master: building, pulling and pushing them."""

from __future__ import annotations

import io
import re
import shlex
import tarfile
from dataclasses import dataclass
from pathlib import Path

from cluster.connectors.node import Node
from cluster.errors import ConfigError, NodeError
from cluster.model.digests import DIGEST
from cluster.model.item import Action, Kind
from cluster.model.policy import Amount, Progress, Say
from cluster.model.recipes import RECIPES, has_recipe, recipe, recipes
from cluster.model.spec import Image
from cluster.operations.base import Context, Operation
from cluster.operations.image_transfer import pull
from cluster.operations.layers import Layers

_WIDTH = 76  # of a line of progress: with its indent it fits 80 columns
_LONG = 5  # seconds: longer build steps are reported with their time
# What BuildKit says of a layer on its way: "#5 sha256:ab... 12.58MB / 45.10MB 3.1s".
_FETCHED = re.compile(r"#\d+ sha256:\w+ ([\d.]+)([kMG]?B) / ([\d.]+)([kMG]?B)\b")
# What both of the engine's image stores say at the end of a push: "latest: digest: ... size: 1234".
_PUSHED = re.compile(rf"\S+: digest: ({DIGEST.pattern}) size: \d+")
_ERROR_LINES = 40  # BuildKit repeats what the failed command said last


def build(node: Node, image: Image, arguments: dict[str, str], progress: Progress) -> str:
    """Build `image` on `node` from its recipe in images/ and return its id.

    Args:
        arguments: build arguments by name; not for secrets, the image remembers them.
        progress: is told the builder's steps.

    Raises:
        ConfigError: there is no recipe; NodeError: the build failed.
    """
    name = recipe(image)
    if not has_recipe(image):
        known = ", ".join(recipes())
        raise ConfigError(f"images/{name}/Dockerfile is not there", f"Images: {known}")
    words = [image.reference]
    for key, value in arguments.items():
        words += ["--build-arg", f"{key}={value}"]
    # The folder is removed when the shell ends, also when the connection breaks.
    script = (
        'set -e; dir=$(mktemp -d); trap \'rm -rf "$dir"\' EXIT; tar -xf - -C "$dir"; '
        f'bash "$dir/images/build.sh" {shlex.join([name, *words])}'
    )
    done = node.run(
        f"bash -c {shlex.quote(script)}",
        stdin=_context(name),
        deadline=node.deadlines.build,
        on_line=stages(progress),
    )
    if done.exit_code != 0:
        raise NodeError(
            node.name, f"building {image.reference} failed:\n{done.complaint(_ERROR_LINES)}"
        )
    return done.text.splitlines()[-1] if done.text else ""


def stages(progress: Progress) -> Say:
    """Return a filter for BuildKit's plain progress, which passes lines on to `progress`.

    It passes each build step once, without what all our steps have (mounts, `with`), the time of a
    long step, and errors; the number of the step, and the bytes that are fetched for one.
    """
    seen: dict[str, str] = {}
    say = progress.say

    def line(text: str) -> None:
        step = re.match(r"#(\d+) (\[[^]]*?(\d+)/(\d+)\]) (.*)", text)
        ended = re.match(r"#(\d+) DONE ([0-9]+)\.", text)
        if step and step[1] not in seen:
            seen[step[1]] = step[2]
            progress.moved(Amount("building", int(step[3]), int(step[4]), "steps"))
            done = re.sub(r"--(mount|chmod|from)=\S+|\S*/run/host/with", "", step[5])
            say(" ".join(f"{step[2]} {done}".split())[:_WIDTH])
        elif ended and ended[1] in seen and int(ended[2]) >= _LONG:
            say(f"{seen[ended[1]]} took {ended[2]} s")
        elif re.match(r"(#\d+ )?(ERROR|images: )", text):
            say(text)
        elif fetched := _FETCHED.match(text):
            here, whole = (_bytes(fetched[i], fetched[i + 1]) for i in (1, 3))
            progress.moved(Amount("fetching", here, whole))

    return line


def _bytes(number: str, unit: str) -> int:
    return int(float(number) * 1000 ** "BkMG".index(unit[0]))


def push(node: Node, image: Image, progress: Progress) -> str:
    """Push `image` from the engine of `node` to its registry, and return the digest of it.

    It is the engine's own: asked a moment later, the registry might tell that of another's push.

    Raises:
        NodeError: the push failed.
    """
    doing = f"pushing {image.reference}"
    layers, digest = Layers(progress), ""
    with node.talking(doing, seconds=node.deadlines.transfer) as engine:
        for event in engine.push_events(image.reference.rsplit(":", 1)[0], image.tag):
            if "error" in event:
                raise NodeError(
                    node.name,
                    f"{doing}: {event['error']}",
                    "Is the registry running? ./skp.py docker.registry-run",
                )
            layers.take(event)
            if event.get("status") == "Pushed":
                progress.say(f"pushed layer {event.get('id', '')}")
            if said := _PUSHED.fullmatch(event.get("status") or ""):
                digest = said[1]
    if not digest:
        raise NodeError(node.name, f"{doing}: the engine does not say which digest it pushed")
    return digest


def _context(name: str) -> bytes:
    """Return a tar of what building images/NAME needs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for part in ("build.sh", "base", "host", name):
            archive.add(RECIPES / part, f"images/{part}", filter=_anonymous)
        for part in _own_code(RECIPES / name / "source"):
            archive.add(RECIPES.parent / part, part, filter=_anonymous)
    return buffer.getvalue()


def _own_code(source: Path) -> list[str]:
    """Return what of SKP itself comes along: an image that has it names it in a file."""
    return source.read_text().split() if source.is_file() else []


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Return the entry as nobody's; None for what Python leaves beside its modules."""
    if entry.name.endswith("/__pycache__"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


@dataclass(frozen=True)
class BuildImage(Operation):
    """Build an image on the master from its recipe, to be streamed from there."""

    node: str
    image: Image
    kind, action = Kind.IMAGE, Action.BUILD

    @property
    def name(self) -> str:
        """The image's reference."""
        return self.image.reference

    def execute(self, context: Context) -> str:
        """Build it, and report the builder's steps as they come."""
        build(self.node_in(context), self.image, {}, context.progress)
        return ""


@dataclass(frozen=True)
class PullImage(Operation):
    """Pull a public image on the master, to be streamed from there."""

    node: str
    image: Image
    kind, action = Kind.IMAGE, Action.PULL

    @property
    def name(self) -> str:
        """The image's reference."""
        return self.image.reference

    def execute(self, context: Context) -> str:
        """Pull it."""
        pull(self.node_in(context), self.image.repository, self.image.tag, context.progress)
        return ""
