"""Where the library `limits` counts: in the database, so that all instances count together."""

from __future__ import annotations

import time
from typing import Any

from limits.storage import Storage
from sqlalchemy import Engine, delete, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from accounts.models import Hit

# (MySQL assigns from left to right: the count is decided by when the old window ends.)
_COUNT = text(
    "INSERT INTO hits (`key`, `count`, expires_at) VALUES (:key, GREATEST(:amount, 0), :until) "
    "ON DUPLICATE KEY UPDATE "
    "`count` = GREATEST(0, IF(expires_at <= :now, :amount, `count` + :amount)), "
    "expires_at = IF(expires_at <= :now, :until, expires_at)"
)


class MySQLStorage(Storage):
    """A storage of `limits`: one row for each thing that is counted."""

    STORAGE_SCHEME = ["skp-mysql"]  # noqa: RUF012 - as the base class declares it

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may be raised when the database is away."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more, in a window of `expiry` seconds; return the count."""
        now = int(time.time())
        given = {"key": key, "amount": amount, "now": now, "until": now + expiry}
        with Session(self._engine) as session, session.begin():
            session.execute(_COUNT, given)
            return session.get_one(Hit, key).count

    def get(self, key: str) -> int:
        """Return the count in the window that is running."""
        row = self._row(key)
        return row.count if row else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends."""
        row = self._row(key)
        return row.expires_at if row else time.time()

    def clear(self, key: str) -> None:
        """Forget what was counted."""
        with Session(self._engine) as session, session.begin():
            session.execute(delete(Hit).where(Hit.key == key))

    def check(self) -> bool:
        """Return whether the database answers."""
        self.get("check")
        return True

    def reset(self) -> int | None:
        """Forget all; nothing here asks for that."""
        raise NotImplementedError

    def _row(self, key: str) -> Any:
        with Session(self._engine) as session:
            row = session.get(Hit, key)
            return row if row and row.expires_at > time.time() else None


def remove_old(session: Session) -> None:
    """Delete the windows that have ended."""
    session.execute(delete(Hit).where(Hit.expires_at < time.time()))
