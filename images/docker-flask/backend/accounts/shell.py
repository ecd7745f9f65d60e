"""What the guide types in the container: db_create.py, db_create_tables.py, db_add_account.py."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from accounts import command, config, passwords
from accounts.errors import ServiceError
from accounts.rights import Level
from accounts.service import Service


def database() -> int:
    """Say whether the database is there; return the exit code."""

    def look() -> str:
        given = config.read()
        with Service(given).store.engine.connect():
            return (
                f"The database {given.url.database} is there, and {given.url.username} may use it."
            )

    return _told(look)


def tables() -> int:
    """Make the tables and what they begin with; return the exit code."""

    def make() -> str:
        Service(config.read()).prepare()
        return "The tables are there."

    return _told(make)


def add_account() -> int:
    """Ask for an account, and make it; return the exit code."""

    def make() -> str:
        command.log_beside_the_service()
        name = _ask("Name: ")
        level = _ask(f"Level ({', '.join(Level)}; by default {Level.USER}): ") or Level.USER
        password = _ask_password()
        made = password or passwords.generated()
        found = command.run("add", {"name": name, "level": level, "password": made})
        shown = "" if password else f" Its password is {made} - shown this once."
        return f"The account {found['name']} has the user id {found['uid']}.{shown}"

    return _told(make)


def _told(do: Callable[[], str]) -> int:
    try:
        print(do())  # noqa: T201 - it talks to a person
    except ServiceError as error:
        sys.stderr.write(f"error: {error}\n{error.hint}\n")
        return 1
    except SQLAlchemyError as error:
        said = getattr(error, "orig", None) or type(error).__name__
        sys.stderr.write(f"error: the database: {said}\n./skp.py docker.mysql-run makes it.\n")
        return 1
    except (EOFError, KeyboardInterrupt):
        sys.stderr.write("\nNothing was made.\n")
        return 1
    return 0


def _ask(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip()


def _ask_password() -> str:
    """Return the password that was typed twice, unseen; "" for one that is generated."""
    if not sys.stdin.isatty():
        return _ask("Password: ")
    while True:
        first = getpass.getpass("Password (empty: one is generated): ")
        if not first or first == getpass.getpass("Once more: "):
            return first
        sys.stderr.write("They differ.\n")
