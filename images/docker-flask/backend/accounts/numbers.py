"""User and group ids, of which each is given once and never again."""

from __future__ import annotations

import time

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accounts.config import Config
from accounts.errors import ConflictError
from accounts.models import Number, Turn


def give(session: Session, config: Config, kind: str, name: str) -> int:
    """Return a new id for an account or a project of that name, which it has from now on.

    Raises:
        ConflictError: somebody has the name, or all ids have been given.
    """
    session.get_one(Turn, 1, with_for_update=True)  # one at a time, and in their order
    last = session.scalar(
        select(func.max(Number.number)).where(Number.number.between(config.first, config.last))
    )
    number = config.first if last is None else last + 1
    if number > config.last:
        raise ConflictError(
            f"all ids of SKP_UID_RANGE ({config.first}-{config.last}) have been given",
            "Give it a larger range in bin/env.sh, then ./skp.py docker.flask-run.",
        )
    session.add(Number(number=number, kind=kind, name=name, held=name, given_at=int(time.time())))
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError(f"there is an account or a project {name}") from None
    return number


def free_name(session: Session, number: int) -> None:
    """Let others have the name of what had this id; the id itself stays given."""
    found = session.get_one(Number, number)
    found.held = None
