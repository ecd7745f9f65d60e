"""SQL that creates a service's database and its user, looks for them, and drops them."""

from __future__ import annotations

from cluster.config.secrets import Secret
from cluster.model.database import Database


def quoted(text: str) -> str:
    """Return `text` as a string of SQL (MySQL's manual, "String Literals")."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def creation(database: Database) -> Secret:
    """Return the SQL that creates what is missing, and leaves what exists as it is."""
    user = _account(database)
    # In GRANT, _ stands for any character.
    granted = database.name.replace("_", "\\_")
    lines = (
        f"CREATE DATABASE IF NOT EXISTS `{database.name}` CHARACTER SET utf8mb4;",
        f"CREATE USER IF NOT EXISTS {user} {_identified(database)};",
        f"GRANT ALL ON `{granted}`.* TO {user};",
    )
    return Secret("\n".join((*lines, "")))


def password(database: Database) -> str:
    """Return the SQL that sets the user's password, if the user exists."""
    return f"ALTER USER IF EXISTS {_account(database)} {_identified(database)};"


def removal(database: Database) -> str:
    """Return the SQL that drops the database, with all its data, and its user."""
    return f"DROP DATABASE IF EXISTS `{database.name}`; DROP USER IF EXISTS {_account(database)};"


def presence_query(database: Database) -> str:
    """Return the SQL that prints "database" if the database exists, and "user" if its user does."""
    asked = {
        "database": f"information_schema.schemata WHERE schema_name = {quoted(database.name)}",
        "user": f"mysql.user WHERE user = {quoted(database.user)} AND host = '%'",
    }
    return " UNION ALL ".join(
        f"(SELECT '{word}' FROM {rest})"  # noqa: S608 - all of it is ours, or quoted
        for word, rest in asked.items()
    )


def _account(database: Database) -> str:
    """Return the user as SQL names it: from any address of the overlay."""
    return f"{quoted(database.user)}@'%'"


def _identified(database: Database) -> str:
    return f"IDENTIFIED BY {quoted(database.password.reveal())}"
