"""Whom to ask, and what shows that this container may: a file of the platform, root's alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path("/run/skp/accounts.json")


class ToldError(Exception):
    """The container was not told whom to ask; says what to do."""


@dataclass(frozen=True)
class Told:
    """What the platform says.

    Attributes:
        urls: of the account service; all are the same one, and one that answers is asked.
        authority: PEM certificates that sign its own; "" for those that the system knows.
        project: the one that this container is of. gid: its group id.
        credential: shows that it is; it counts for that project alone.
    """

    urls: tuple[str, ...]
    authority: str
    project: str
    gid: int
    credential: str = field(repr=False)


def read(path: Path = FILE) -> Told:
    """Return what this container was told; raises ToldError."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ToldError(
            f"{path} is not there: nobody said who may log in.\n"
            'Write "accounts: true" and "class: root" for this container (CON_ACCOUNTS#="TRUE" in '
            "a myDeploy.py), then ./skp.py deploy.apply --update."
        ) from None
    except PermissionError:
        raise ToldError(f'{path} is root\'s: write "class: root" for this container.') from None
    except ValueError:
        raise ToldError(f"{path} is no JSON: ./skp.py deploy.apply --update") from None
    return Told(
        tuple(said["urls"]), said["authority"], said["project"], said["gid"], said["credential"]
    )
