"""Steps that write files of the nodes' own."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath

from cluster.perform import Context, Performer
from cluster.step import Action, Step


def _install(context: Context, step: Step) -> str:
    """Write a file beside its place and rename it: nobody ever sees half of it."""
    file = step.file
    assert file is not None
    folder, path, new = _quoted(str(PurePosixPath(file.path).parent), file.path, f"{file.path}.new")
    commands = [
        f"mkdir -p {folder}",
        f"install -m {file.mode:o} /dev/stdin {new}",
        f"mv -f {new} {path}",
    ]
    if file.link:
        folder, link = _quoted(str(PurePosixPath(file.link).parent), file.link)
        commands += [f"mkdir -p {folder}", f"ln -sfn {path} {link}"]
    if file.then:
        commands.append(file.then)
    context.fleet.nodes[step.node].sudo(" && ".join(commands), stdin=file.content.encode())
    return ""


def _quoted(*words: str) -> tuple[str, ...]:
    return tuple(shlex.quote(word) for word in words)


PERFORMERS: Mapping[str, Performer] = {Action.INSTALL: _install}
