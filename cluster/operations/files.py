"""Steps that write files: those of the nodes' own, and credentials on the shared folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath

from cluster.errors import NodeError
from cluster.model.step import Action, Step
from cluster.operations.dispatch import Context, Performer


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


def _remove(context: Context, step: Step) -> str:
    """Remove a file of the node's own, what leads to it, and its folder if that is empty then."""
    file = step.file
    assert file is not None
    folder, *paths = _quoted(
        str(PurePosixPath(file.path).parent), file.path, file.link or file.path
    )
    commands = [f"rm -f -- {' '.join(paths)}", f"rmdir --ignore-fail-on-non-empty {folder}"]
    if file.then:
        commands.append(file.then)
    context.fleet.nodes[step.node].sudo(" && ".join(commands))
    return ""


def _save(context: Context, step: Step) -> str:
    """Write a credential as the SSH user, whom the shared folder is: root may not write there."""
    credential = step.credential
    assert credential is not None
    node = context.fleet.nodes[step.node]
    path, folder = credential.path, str(PurePosixPath(credential.path).parent)
    folder, path, new = _quoted(folder, path, f"{path}.new")
    done = node.run(
        f"mkdir -p {folder} && umask 077 && cat >{new} && sync {new} && mv -f {new} {path}",
        stdin=credential.content.reveal().encode(),
    )
    if done.exit_code != 0:
        raise NodeError(step.node, f"{credential.path} can't be written: {done.complaint()}")
    return ""


def _quoted(*words: str) -> tuple[str, ...]:
    return tuple(shlex.quote(word) for word in words)


CREDENTIALS: Mapping[str, Performer] = {Action.SAVE: _save}
PERFORMERS: Mapping[str, Performer] = {Action.INSTALL: _install, Action.REMOVE: _remove}
