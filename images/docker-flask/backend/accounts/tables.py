"""Makes the tables, or brings them to this version, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, text

_LOCK, _SECONDS = "flask-skp-tables", 120


@contextmanager
def alone(url: URL) -> Iterator[Connection]:
    """Give a connection on which a statement may take long, while no other process has one."""
    patience = {"connect_timeout": 5, "read_timeout": _SECONDS + 10, "write_timeout": _SECONDS}
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=patience)
    with engine.connect() as connection:
        asked = {"lock": _LOCK, "seconds": _SECONDS}
        connection.execute(text("SELECT GET_LOCK(:lock, :seconds)"), asked)
        yield connection  # (the lock ends with the connection)


def upgrade(connection: Connection) -> str:
    """Make the tables, or bring them to this version; return the version that they have.

    Tables of a later version stay as they are: an image that a rollback brought works with them.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None or found in known:
        command.upgrade(config, "head")
        connection.commit()
        found = MigrationContext.configure(connection).get_current_revision()
    return str(found)
