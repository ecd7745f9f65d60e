"""The database: connections that don't hang, and a watch that knows at once whether it answers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from accounts.errors import AwayError

_LOG = logging.getLogger("accounts")
_CONNECT, _ANSWER, _LOCK = 2, 3, 2  # deadlines in seconds
_LOOK, _STALE = 1, 3  # seconds between two looks; without one for so long it is away


class Store:
    """The database of one process.

    Attributes:
        engine: SQLAlchemy's. Its errors show no values: a hash or a token may be among them.
    """

    def __init__(self, url: URL) -> None:
        # (What breaks while nobody asks is seen by the watch, which then ends all connections.)
        self.engine = create_engine(
            url,
            pool_size=10,
            max_overflow=6,
            pool_timeout=_ANSWER,
            pool_recycle=1800,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
            connect_args={
                "connect_timeout": _CONNECT,
                "read_timeout": _ANSWER,
                "write_timeout": _ANSWER,
                "init_command": f"SET SESSION innodb_lock_wait_timeout={_LOCK}",
            },
        )
        self._answered = 0.0
        self._said = ""

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a transaction: kept at the end of the block, undone if that raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def check(self) -> None:
        """Raise AwayError unless the database answered a moment ago."""
        if time.monotonic() - self._answered > _STALE:
            raise AwayError

    def watch(self, prepare: Callable[[], None], tidy: Callable[[], None]) -> None:
        """Begin to look whether it answers, in a thread of its own.

        No request waits for that: a name that can't be resolved, which no deadline of the driver is
        for, keeps only this thread waiting.

        Args:
            prepare: called when it answers for the first time; it counts as away until that ends.
            tidy: called now and then.
        """
        threading.Thread(target=self._look, args=(prepare, tidy), daemon=True).start()

    def _look(self, prepare: Callable[[], None], tidy: Callable[[], None]) -> None:
        is_prepared, due = False, time.monotonic() + 60
        while True:
            try:
                with self.engine.connect() as connection:
                    connection.execute(text("DO 1"))
                if not is_prepared:
                    prepare()
                    is_prepared = True
                self._answered = time.monotonic()
                self._say("it answers")
                if time.monotonic() > due:
                    due = time.monotonic() + 600
                    tidy()
            except SQLAlchemyError as error:
                self._answered = 0.0
                self._say(_reason(error))
                with suppress(SQLAlchemyError):
                    self.engine.dispose()
            except Exception:  # noqa: BLE001 - whatever it is, the next look may be well
                self._answered = 0.0
                _LOG.exception("the database can't be prepared")
                time.sleep(5)
            time.sleep(_LOOK)

    def _say(self, news: str) -> None:
        """Log how the database is, when that has changed."""
        if news != self._said:
            self._said = news
            _LOG.info("database: %s", news)


def _reason(error: SQLAlchemyError) -> str:
    """Return what the driver said, without SQL."""
    return str(getattr(error, "orig", None) or type(error).__name__)
