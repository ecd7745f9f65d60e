"""Alembic's entry: migrates over the connection that tables.py gives."""

from accounts.models import Base
from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
