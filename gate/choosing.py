"""Which folders of what was pushed are brought, and what is told of the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gate.records import State


@dataclass(frozen=True)
class Choice:
    """What is done of a push.

    Attributes:
        changed: folders that are brought, in order. kept: those that are as they were deployed.
        left: deployments whose folders the push does not have, and that run on.
    """

    changed: tuple[str, ...]
    kept: tuple[str, ...]
    left: tuple[str, ...]


def choose(trees: Mapping[str, str], before: State, present: Mapping[str, int]) -> Choice:
    """Return what is done of a push.

    A folder is brought when its content is another than what was deployed of it last, or when its
    deployment is another now: an older revision, one that was brought by hand, or none.

    Args:
        trees: by folder, what tells its content. present: by deployment the revision that it is.
    """
    changed, kept = list[str](), list[str]()
    for name, tree in sorted(trees.items()):
        was = before.folders.get(name)
        same = was and was.tree == tree and present.get(was.of) == was.revision
        (kept if same else changed).append(name)
    here = {before.folders[name].of for name in trees if name in before.folders}
    gone = (each.of for name, each in before.folders.items() if name not in trees)
    left = sorted({of for of in gone if of not in here and present.get(of)})
    return Choice(tuple(changed), tuple(kept), tuple(left))


def lines(choice: Choice) -> list[str]:
    """Return what a person is told of the choice."""
    told = [f"unchanged: {', '.join(choice.kept)}"] if choice.kept else []
    if choice.left:
        told.append(f"not in this push, and running on: {', '.join(choice.left)}")
        told.append("  (deploy.rm removes a deployment; its folder's end does not.)")
    return told
