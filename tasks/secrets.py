"""secrets.*: the generated passwords and tokens."""

from __future__ import annotations

from invoke import Collection

import services
from cli.command import command
from cli.confirmation import confirm
from cli.renewal import renewable
from cli.session import Session
from cluster.plan.parts import FORM

ns = Collection("secrets")
_KEY = {"key": "The password's setting, e.g. JUPYTER_PASSWORD; also as a word after the name."}


@command(help=_KEY)
def show(s: Session, key: str = "") -> None:
    """Show a password that the cluster has; without one, which there are."""
    from cli.renewal import shown

    s.show(*shown(s, key))


@command(help=_KEY)
def rotate(s: Session, key: str = "") -> None:
    """Generate a password anew, or all that may be, and replace what uses them."""
    keys = renewable(s.settings, key)
    if not s.options.dry:
        confirm(
            f"{', '.join(keys)}: generated anew; what uses them is replaced, and the old ones open "
            "nothing any more.",
            s.options,
        )
    s.converge(FORM, tuple(services.catalogue().values()), renewed=frozenset(keys))


for _task in (show, rotate):
    ns.add_task(_task)
