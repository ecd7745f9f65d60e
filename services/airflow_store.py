"""Airflow's database and its user: what MySQL is told of them."""

from __future__ import annotations

from cluster.secrets import Secret
from cluster.service import Cluster
from cluster.settings import Setting

SETTINGS = (
    Setting("AIRFLOW_DB", "name", "airflow", "Airflow's database"),
    Setting("AIRFLOW_DB_USER", "user", "airflow", "its user there"),
    Setting("AIRFLOW_DB_PASSWORD", "password", "", "and that user's password; generated"),
)


def quoted(text: str) -> str:
    """Return `text` as a string of SQL (MySQL's manual, "String Literals")."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def account(cluster: Cluster) -> str:
    """Return the user as SQL names it: from any address of the overlay."""
    return f"{quoted(cluster.settings.text('AIRFLOW_DB_USER'))}@'%'"


def creation(cluster: Cluster) -> Secret:
    """Return the SQL that makes what is missing, and leaves what is there as it is."""
    database, user = cluster.settings.text("AIRFLOW_DB"), account(cluster)
    # In GRANT, _ stands for any character.
    granted = database.replace("_", "\\_")
    lines = (
        f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4;",
        f"CREATE USER IF NOT EXISTS {user} {_identified(cluster)};",
        f"GRANT ALL ON `{granted}`.* TO {user};",
    )
    return Secret("\n".join((*lines, "")))


def password(cluster: Cluster) -> str:
    """Return the SQL that gives the user, if it is there, the password of the settings."""
    return f"ALTER USER IF EXISTS {account(cluster)} {_identified(cluster)};"


def removal(cluster: Cluster) -> str:
    """Return the SQL that takes away the database, with all that is in it, and its user."""
    database = cluster.settings.text("AIRFLOW_DB")
    return f"DROP DATABASE IF EXISTS `{database}`; DROP USER IF EXISTS {account(cluster)};"


def question(cluster: Cluster) -> str:
    """Return the SQL that answers with a line for each that is there: the database, its user."""
    database = quoted(cluster.settings.text("AIRFLOW_DB"))
    user = quoted(cluster.settings.text("AIRFLOW_DB_USER"))
    asked = {
        "database": f"information_schema.schemata WHERE schema_name = {database}",
        "user": f"mysql.user WHERE user = {user} AND host = '%'",
    }
    return " UNION ALL ".join(
        f"(SELECT '{word}' FROM {rest})"  # noqa: S608 - all of it is ours, or quoted
        for word, rest in asked.items()
    )


def _identified(cluster: Cluster) -> str:
    return f"IDENTIFIED BY {quoted(cluster.secrets['AIRFLOW_DB_PASSWORD'].reveal())}"
