"""Airflow's store: where it is, and what MySQL is told of it."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from cluster.config.secrets import Secret
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster

_URL = "AIRFLOW__CORE__SQL_ALCHEMY_CONN"
SETTINGS = (
    Setting("AIRFLOW_DB", "name", "airflow", "Airflow's database"),
    Setting("AIRFLOW_DB_USER", "user", "airflow", "its user there"),
    Setting("AIRFLOW_DB_PASSWORD", "password", "", "and that user's password; generated"),
    Setting(_URL, "credential", "", "the store's URL, if it is not in our MySQL"),
)
_DRIVERS = ("mysql", "mysql+mysqldb", "mysql+pymysql")


def elsewhere(cluster: Cluster) -> str:
    """Return the URL of a store that is not in our MySQL; "" for ours.

    The guide's own URL names our MySQL: then its database, user and password are those of the
    settings, which `docker.mysql-airflow-init` makes.

    Raises:
        ConfigError: it is no URL of MySQL.
    """
    given = cluster.settings.password(_URL)
    if not given or _is_ours(given, cluster.settings.text("MYSQL_NAME")):
        return ""
    if not _is_whole(given):
        raise ConfigError(
            f"{cluster.settings.place(_URL)}: {_URL}: a value found that is not shown; allowed: "
            'mysql+mysqldb://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @ and the like, or "" '
            "for our MySQL"
        )
    return re.sub(r"^[^:]*", "mysql+mysqldb", given)


def _is_ours(given: str, name: str) -> bool:
    try:
        return urlsplit(given).hostname == name
    except ValueError:
        return False


def _is_whole(given: str) -> bool:
    """Whether all parts are where they belong, which a / or @ in a password would shift."""
    try:
        parts = urlsplit(given)
        named = parts.hostname and parts.username and parts.port != 0
    except ValueError:  # a port that is none, a bracket
        return False
    place = re.fullmatch(r"/[^/@]+", parts.path) and not parts.fragment
    return bool(parts.scheme in _DRIVERS and named and place)


def url(cluster: Cluster) -> Secret:
    """Return the store's URL as SQLAlchemy reads it."""
    if given := elsewhere(cluster):
        return Secret(given)
    text = cluster.settings.text
    password = quote(cluster.secrets["AIRFLOW_DB_PASSWORD"].reveal(), safe="")
    return Secret(
        f"mysql+mysqldb://{text('AIRFLOW_DB_USER')}:{password}@{text('MYSQL_NAME')}:3306/"
        f"{quote(text('AIRFLOW_DB'))}?charset=utf8mb4"
    )


def place(cluster: Cluster) -> str:
    """Return where the store is, without secrets: HOST:PORT/DATABASE."""
    parts = urlsplit(url(cluster).reveal())
    return f"{parts.hostname}:{parts.port or 3306}{parts.path}"


def mark(cluster: Cluster) -> str:
    """Return the path, on Airflow's node, of the file that says which store was made."""
    return f"{cluster.settings.text('AIRFLOW_VOLUME')}/var/airflow/store"


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
