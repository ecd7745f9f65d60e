"""All parts of the service in one place, as its web pages and its commands use them."""

from __future__ import annotations

import logging

from flask import current_app

from accounts import keys, limits_store, program_tokens, sessions, tables, tokens
from accounts.config import Config
from accounts.keys import Keys
from accounts.login import Logins
from accounts.models import Turn
from accounts.pages import PagesFile
from accounts.passwords import Hasher
from accounts.people import People
from accounts.store import Store
from accounts.tokens import Tokens

_LOG = logging.getLogger("accounts")


class Service:
    """The parts, made once per process."""

    def __init__(self, config: Config) -> None:
        hasher = Hasher()
        self.config = config
        self.pages = PagesFile(config.pages)
        self.store = Store(config.url)
        self.keys = Keys(config.secret)
        self.tokens = Tokens(config, self.keys)
        self.people = People(config, hasher)
        self.logins = Logins(self.store.engine, hasher)

    def prepare(self) -> None:
        """Make what an empty database lacks: tables, the first key, the first account."""
        with tables.alone(self.config.url) as connection:
            version = tables.upgrade(connection)
            with self.store.session() as session:
                if session.get(Turn, 1) is None:
                    session.add(Turn(id=1))
                    session.flush()
                made = self.keys.ensure(session)
                self.people.ensure_first(session)
        _LOG.info("tables of version %s%s", version, f", new key {made}" if made else "")

    def tidy(self) -> None:
        """Delete what counts no more."""
        with self.store.session() as session:
            keys.remove_old(session)
            tokens.remove_old(session)
            sessions.remove_old(session)
            program_tokens.remove_old(session)
            limits_store.remove_old(session)


def current() -> Service:
    """Return the service of the request that is answered."""
    found = current_app.extensions["accounts"]
    assert isinstance(found, Service)
    return found
