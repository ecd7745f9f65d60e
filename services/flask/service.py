"""Accounts and tokens: a web service on each labelled node, with all of its state in our MySQL.

MySQL makes the database and its user when it starts; the service makes its tables, its first key
and its first account when the database first answers (decision 110).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

from cluster.config.earlier.names import Earlier
from cluster.config.secrets import Secret
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import OWN_USERS, Cluster
from cluster.model.database import Database
from cluster.model.networks import Purpose, beside, network
from cluster.model.page import Asks, Page
from cluster.model.spec import (
    ConfigFile,
    Container,
    Port,
    Probe,
    SecretFile,
)
from cluster.model.state import State
from services.common import FLASK_USER, SCRATCH, check_memory, cpus, memory, name_on, own_user
from services.doors import ACCOUNTS, LOGIN, aliases, alone, names_of_deployments, origins
from services.mysql import SERVICE as MYSQL
from services.once_built import OnceBuilt

PORT = 8060
"""Its port inside the container, and so on its networks."""
PROJECTS = "FLASK_PROJECT_SECRET"
"""The stored secret that the credentials of projects' containers are made with."""
_LEAST_MEMORY = 384 << 20  # bytes: four passwords that are hashed at once, and room


class Flask(OnceBuilt):
    """The service flask: one container on each labelled node, all with the same accounts."""

    name = "flask"
    title = "the account service"
    recipe = "docker-flask"
    needs = MYSQL
    shell = ("bash",)
    settings = (
        Setting("FLASK_NAME", "name", "flask-skp", "container name; also the tokens' issuer"),
        Setting("FLASK_PORT", "port", "8060", "its port"),
        Setting(
            "FLASK_VOLUME", "path", "$SKP_HOME/volume", "the guide's -v; it sees nothing of it"
        ),
        Setting("FLASK_DB", "name", "flask", "its database in our MySQL"),
        Setting("FLASK_DB_USER", "user", "flask", "its user there"),
        Setting("FLASK_DB_PASSWORD", "password", "", "and that user's password; generated"),
        Setting("FLASK_SECRET", "password", "", "encrypts the keys that sign tokens; generated"),
        Setting("FLASK_DOOR_SECRET", "password", "", "shared with the front door; generated"),
        Setting(
            "FLASK_SERVICE_SECRET", "password", "", "shared with our other services; generated"
        ),
        Setting(PROJECTS, "password", "", "makes what projects' containers show it; generated"),
        Setting("FLASK_ADMIN_PASSWORD", "lasting-password", "", "admin's first password"),
        Setting("FLASK_IMAGE", "image", "skp/docker-flask", "image"),
        Setting("FLASK_TAG", "tag", "latest", "image tag"),
        Setting("FLASK_MEMORY", "memory", "", "memory limit; at least 384m"),
        Setting("FLASK_CPUS", "cpus", "", "CPU limit"),
    )
    earlier = Earlier(containers={"flask": "FLASK_NAME"}, image="FLASK")

    def database(self, cluster: Cluster) -> Database:
        """Return its database, which MySQL's start makes."""
        text, password = cluster.settings.text, cluster.secrets["FLASK_DB_PASSWORD"]
        return Database(text("FLASK_DB"), text("FLASK_DB_USER"), password, at_start=True)

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return the page of its API, which asks for tokens."""
        if not self.hosts(cluster):
            return ()
        name, port = cluster.settings.text("FLASK_NAME"), cluster.settings.number("FLASK_PORT")
        return (Page(ACCOUNTS, "Accounts", name, PORT, port, Asks.OWN, "/docs"),)

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:
        """Return what nodes remember of the list of pages that it was given."""
        return self.marks(cluster, cluster.settings.text("FLASK_NAME"))

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield a container for each node; the first has the plain name, an alias of them all."""
        check_memory(cluster, "FLASK_MEMORY", _LEAST_MEMORY)
        settings, (image,) = cluster.settings, self.images(cluster)
        alias = settings.text("FLASK_NAME")
        hosts = self.hosts(cluster)
        for index, host in enumerate(hosts):
            yield Container(
                node=host.name,
                name=name_on(host, index, alias),
                service=self.name,
                image=image,
                environment=(
                    ("FLASK_ISSUER", alias),
                    ("FLASK_UID_RANGE", _range(cluster)),
                ),
                ports=(Port(settings.number("FLASK_PORT"), PORT),),
                files=_files(cluster),
                live=_pages(cluster),
                network=network(cluster, Purpose.USERS),
                also_on=beside(cluster, Purpose.DATABASES),
                aliases=aliases(hosts, index, alias),
                user=own_user(cluster, facts, host.name, FLASK_USER),
                memory=memory(cluster, "FLASK_MEMORY"),
                cpus=cpus(cluster, "FLASK_CPUS"),
                read_only=True,
                scratch=SCRATCH,
                probe=Probe(("flask-health",), timeout=6),
                stop_timeout=15,
                after=("registry", MYSQL.name),
                rolling_order=index + 1,
            )


def _range(cluster: Cluster) -> str:
    """Return the ids that accounts and projects get, FIRST-LAST.

    Raises:
        ConfigError: there are none, or the platform's own are among them.
    """
    key, settings = "SKP_UID_RANGE", cluster.settings
    text, place = settings.text(key), settings.place(key)
    first, last = map(int, text.split("-"))
    if last < first:
        raise ConfigError(
            f"{place}: {key}: {text} ends before it begins; allowed: FIRST-LAST",
            f'For example: export {key}="{last}-{first}"',
        )
    base = int(settings.text("SKP_PLATFORM_UID"))
    ours = (*map(int, cluster.users.split(":")), *range(base + 1, base + OWN_USERS + 1))
    inside = sorted({each for each in ours if first <= each <= last})
    if inside:
        raise ConfigError(
            f"{place}: {key}: {text} has a user id of the platform's own: {inside[0]}",
            "SKP_UID and SKP_PLATFORM_UID say which those are: give accounts others.",
        )
    return text


def _files(cluster: Cluster) -> tuple[SecretFile | ConfigFile, ...]:
    return (
        SecretFile("store-url", _url(cluster)),
        SecretFile("secret", cluster.secrets["FLASK_SECRET"]),
        SecretFile("door-secret", cluster.secrets["FLASK_DOOR_SECRET"]),
        SecretFile("service-secret", cluster.secrets["FLASK_SERVICE_SECRET"]),
        SecretFile("project-secret", cluster.secrets[PROJECTS]),
        SecretFile("admin-password", cluster.secrets["FLASK_ADMIN_PASSWORD"]),
        ConfigFile("reserved-names", "\n".join((*_reserved(cluster), ""))),
    )


def instances(cluster: Cluster) -> tuple[str, ...]:
    """Return the names by which each of its containers is reached."""
    hosts, alias = SERVICE.hosts(cluster), cluster.settings.text("FLASK_NAME")
    return tuple(alone(hosts, index, alias) for index, _ in enumerate(hosts))


def _pages(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """Return the list of pages that the front door leads to; none where there is no door."""
    found = origins(cluster)
    if LOGIN not in found:
        return ()
    said = {
        each.page.name: {"title": each.page.title, "url": each.url, "path": each.page.path}
        | {"asks": str(each.page.asks), "wants_token": each.page.wants_token}
        for name, each in found.items()
        if name != LOGIN
    }
    document = {"login": found[LOGIN].url, "pages": said}
    domain, port, _ = names_of_deployments(cluster)
    if domain:
        document["deployments"] = f"{domain}:{port}"
    text = json.dumps(document, indent=1, sort_keys=True)
    return (ConfigFile("pages.json", f"{text}\n"),)


def _url(cluster: Cluster) -> Secret:
    """Return the database's URL as SQLAlchemy reads it."""
    text = cluster.settings.text
    password = quote(cluster.secrets["FLASK_DB_PASSWORD"].reveal(), safe="")
    return Secret(
        f"mysql+pymysql://{quote(text('FLASK_DB_USER'), safe='')}:{password}"
        f"@{text('MYSQL_NAME')}:3306/{quote(text('FLASK_DB'))}?charset=utf8mb4"
    )


def _reserved(cluster: Cluster) -> tuple[str, ...]:
    """Return names that no account can have: the SSH user's, and the services' and containers'."""
    from services import catalogue

    services = catalogue().values()
    keys = (setting.key for service in services for setting in service.settings)
    called = (cluster.settings.text(key) for key in keys if key.endswith("NAME"))
    users = (cluster.settings.text("SKP_USER"), *(service.name for service in services))
    labels = (label for service in services for label in service.labels)
    return tuple(sorted({name.lower() for name in (*users, *labels, *called) if name}))


SERVICE = Flask()
