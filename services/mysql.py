"""MySQL: one server, for the services that want a database and for the cluster's users.

At every start the server sets its passwords to those of the settings: it runs `init.sql` before it
answers anybody (decision 53). A changed password replaces the container.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cluster.config.earlier.names import Earlier
from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.database import Database
from cluster.model.layout import Folder, Move
from cluster.model.networks import Purpose, beside
from cluster.model.service import Service
from cluster.model.spec import (
    SECRETS_TARGET,
    ConfigFile,
    Container,
    Image,
    Port,
    Probe,
    SecretFile,
    Source,
)
from cluster.model.state import State
from services import databases
from services.common import (
    DISK,
    MYSQL_USER,
    check_memory,
    cpus,
    kept,
    memory,
    moved,
    old_default,
    own_folder,
    own_user,
)
from services.images import is_ours, own_image

_DATA = "/var/lib/mysql"
# Our image's entry point. It takes the place of the public image's, which logs in as root without a
# password after `init.sql` has set one.
_ENTRYPOINT = Path(__file__).parent.parent / "images" / "docker-mysql" / "bin" / "mysql-skp"
_PORT = 3306
_LEAST_MEMORY = 512 << 20  # bytes; with less, the kernel kills it under a few clients
ROOT = ("mysql", f"--defaults-extra-file={SECRETS_TARGET}/root.cnf")
"""The client, logged in as root by an option file: the password is on no command line."""


def create_command(service: Service) -> tuple[str, ...]:
    """Return the command that creates a service's database and user where they are missing.

    It runs in MySQL's container. With --reset added, it drops both first.
    """
    return ("sh", f"{SECRETS_TARGET}/{service.name}-init")


class MySQL(Service):
    """The service mysql: one container, on the first labelled node."""

    name = "mysql"
    title = "MySQL"
    recipe = "docker-mysql"
    shell = ("bash",)
    client = ROOT
    settings = (
        Setting("MYSQL_NAME", "name", "mysql-skp", "container name"),
        Setting("MYSQL_PORT", "port", "3306", "port on its node"),
        Setting("MYSQL_VOLUME", "path", "$SKP_PLATFORM/mysql", "its data"),
        Setting("MYSQL_ROOT_PASSWORD", "password", "", "root's password; generated"),
        Setting("MYSQL_IMAGE", "public-image", "skp/docker-mysql", "image"),
        Setting("MYSQL_TAG", "tag", "latest", "image tag"),
        Setting("MYSQL_MEMORY", "memory", "", "memory limit; at least 512m"),
        Setting("MYSQL_CPUS", "cpus", "", "CPU limit"),
    )
    earlier = Earlier(
        containers={"mysql": "MYSQL_NAME"},
        ports={"3306": "MYSQL_PORT"},
        environment={"MYSQL_ROOT_PASSWORD": "MYSQL_ROOT_PASSWORD", "MYSQL_ROOT_HOST": ""},
        image="MYSQL",
        gone={"mysql/mysql-server": "its last version is 8.0.32; SKP builds an image of its own"},
        data={"/var/lib/mysql": "MYSQL_VOLUME"},
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the first node with its label."""
        return super().hosts(cluster)[:1]

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return its image: ours from the registry; the master pulls and streams any other."""
        repository, tag = cluster.settings.text("MYSQL_IMAGE"), cluster.settings.text("MYSQL_TAG")
        if is_ours(repository):
            return (own_image(self, cluster.settings, tag),)
        return (Image(repository, tag, Source.STREAM),)

    def folders(self, cluster: Cluster) -> tuple[Folder, ...]:
        """Return its data's folder, where that is the platform's."""
        (move,) = moved(cluster, self.name)
        own = own_folder(cluster, "MYSQL_VOLUME", self.name) == move.new
        return (Folder(move.new, cluster.own_user(MYSQL_USER), 0o750),) if own else ()

    def warnings(self, cluster: Cluster) -> tuple[str, ...]:
        """Return that a setting says where an earlier version kept its data, if it does."""
        return old_default(cluster, "MYSQL_VOLUME", self.name)

    def moves(self, cluster: Cluster) -> tuple[Move, ...]:
        """Return where its data was."""
        return moved(cluster, self.name) if self.folders(cluster) else ()

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield the server's container."""
        check_memory(cluster, "MYSQL_MEMORY", _LEAST_MEMORY)
        text, (image,) = cluster.settings.text, self.images(cluster)
        entrypoint = (
            () if is_ours(image.repository) else ("bash", f"{SECRETS_TARGET}/{_ENTRYPOINT.name}")
        )
        for host in self.hosts(cluster):
            yield Container(
                node=host.name,
                name=text("MYSQL_NAME"),
                service=self.name,
                image=image,
                command=(
                    *entrypoint, "mysqld", f"--init-file={SECRETS_TARGET}/init.sql",
                    "--skip-log-bin", "--character-set-server=utf8mb4",
                ),
                environment=(("MYSQL_ROOT_PASSWORD_FILE", f"{SECRETS_TARGET}/root-password"),),
                mounts=(
                    kept(
                        cluster, own_folder(cluster, "MYSQL_VOLUME", self.name), _DATA, MYSQL_USER
                    ),
                ),
                ports=(Port(cluster.settings.number("MYSQL_PORT"), _PORT),),
                files=(*_files(cluster), *([_entrypoint_file()] if entrypoint else [])),
                network=text("SKP_NET"),
                also_on=beside(cluster, Purpose.DATABASES),
                user=own_user(cluster, facts, host.name, MYSQL_USER),
                memory=memory(cluster, "MYSQL_MEMORY"),
                cpus=cpus(cluster, "MYSQL_CPUS"),
                read_only=True,
                scratch=("/run/mysqld",),
                disk=DISK,
                probe=Probe((*ROOT, "--host=127.0.0.1", "--execute=DO 1"), timeout=5),
                stop_timeout=120,
                sole=True,
                after=("registry",),
            )  # fmt: skip


def _files(cluster: Cluster) -> tuple[SecretFile | ConfigFile, ...]:
    password = cluster.secrets["MYSQL_ROOT_PASSWORD"]
    return (
        SecretFile("root-password", password),
        SecretFile("root.cnf", Secret(_option_file(password.reveal()))),
        SecretFile("init.sql", Secret(_init_sql(cluster, password.reveal()))),
        *(
            file
            for service, database in _databases(cluster)
            if not database.at_start
            for file in _database_files(service, database)
        ),
    )


def _databases(cluster: Cluster) -> Iterator[tuple[Service, Database]]:
    """Yield each service that wants a database, with that database (decision 62)."""
    from services import catalogue

    for service in catalogue().values():
        if database := service.database(cluster):
            yield service, database


def _database_files(service: Service, database: Database) -> tuple[SecretFile | ConfigFile, ...]:
    """Return the files that create a service's database, and drop and create it again."""
    client = " ".join(ROOT)
    what = f"{service.title}'s database and user"
    script = f"""\
# Creates {what} where they are missing; --reset drops what is there first.
set -eu
[ "${{1:-}}" != --reset ] || {client} <{SECRETS_TARGET}/{service.name}-reset.sql
exec {client} <{SECRETS_TARGET}/{service.name}.sql
"""
    return (
        SecretFile(f"{service.name}.sql", databases.creation(database)),
        ConfigFile(f"{service.name}-reset.sql", databases.removal(database)),
        ConfigFile(f"{service.name}-init", script),
    )


def _entrypoint_file() -> ConfigFile:
    return ConfigFile(_ENTRYPOINT.name, _ENTRYPOINT.read_text())


def _option_file(password: str) -> str:
    """Return the client's options (MySQL's manual, "Using Option Files")."""
    escaped = password.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
    return f'[client]\nuser = root\npassword = "{escaped}"\n'


def _init_sql(cluster: Cluster, password: str) -> str:
    """Return the SQL that the server runs at each start."""
    identified = f"IDENTIFIED BY {databases.quoted(password)}"
    # Root is for whoever is in the container. Data of an earlier version has one for everywhere: it
    # is locked, since dropping it would break the views and routines that it defined.
    lines = ["ALTER USER IF EXISTS 'root'@'%' ACCOUNT LOCK;"]
    for account in ("'root'@'localhost'", "'root'@'127.0.0.1'"):
        lines += [
            f"CREATE USER IF NOT EXISTS {account} {identified};",
            f"ALTER USER {account} {identified};",
            f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION;",
        ]
    users = (_database_sql(database) for _, database in _databases(cluster))
    return "\n".join((*lines, *users, ""))


def _database_sql(database: Database) -> str:
    """Return what each start does about a service's database: makes it, or sets the password."""
    made = databases.creation(database).reveal() if database.at_start else ""
    return f"{made}{databases.password(database)}"


SERVICE = MySQL()
