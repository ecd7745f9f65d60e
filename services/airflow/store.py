"""Airflow's store: where it is, and what it needs of MySQL."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from cluster.config.secrets import Secret
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.database import Database
from cluster.model.layout import Layout

MARK = "store"
"""The name of the file that says which store was made."""
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

    A URL that names our MySQL, as the guide's does, counts as ours: its database, user and password
    are then those of the settings, which `docker.mysql-airflow-init` makes.

    Raises:
        ConfigError: it is not a URL of MySQL.
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
    """Whether the URL has all its parts; an unquoted / or @ in the password would shift them."""
    try:
        parts = urlsplit(given)
        named = parts.hostname and parts.username and parts.port != 0
    except ValueError:  # the port is not a number, or a bracket is open
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
    """Return the store's place, HOST:PORT/DATABASE, which holds no secret."""
    parts = urlsplit(url(cluster).reveal())
    return f"{parts.hostname}:{parts.port or 3306}{parts.path}"


def folder(cluster: Cluster) -> str:
    """Return the path of the folder with Airflow's logs and its mark."""
    if cluster.layout is Layout.TWO_TREES:
        return f"{cluster.platform}/airflow"
    return f"{cluster.settings.text('AIRFLOW_VOLUME')}/var/airflow"


def mark(cluster: Cluster) -> str:
    """Return the path, on Airflow's node, of the file that says which store was made."""
    return f"{folder(cluster)}/{MARK}"


def database(cluster: Cluster) -> Database:
    """Return the database that Airflow wants in our MySQL."""
    text = cluster.settings.text
    return Database(
        text("AIRFLOW_DB"), text("AIRFLOW_DB_USER"), cluster.secrets["AIRFLOW_DB_PASSWORD"]
    )
