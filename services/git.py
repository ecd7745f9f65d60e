"""Repositories that deploy what is pushed to them: git over SSH, and nothing else. Decision 123."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, network
from cluster.model.spec import ConfigFile, Container, Mount, Port, Probe, SecretFile
from cluster.model.state import State
from services.common import GIT_USER, NAMES, SCRATCH, cpus, memory, own_user
from services.flask.service import PORT as ACCOUNTS_PORT
from services.gate.service import SERVICE as GATE
from services.gate.service import SOCKET_FOLDER
from services.once_built import OnceBuilt
from services.volumes.key_pair import KeyPair, key_pair

_PORT = 2222  # inside the container


class Git(OnceBuilt):
    """The service git: one container on the master."""

    name = "git"
    title = "repositories that deploy"
    recipe = "docker-git"
    needs = GATE
    shell = ("bash",)
    settings = (
        Setting("GIT_NAME", "name", "git-skp", "container name"),
        Setting("GIT_PORT", "port", "2222", "port of SSH, for git alone"),
        Setting("GIT_HOST_KEY", "lasting-password", "", "makes its SSH host key; generated"),
        Setting("GIT_MOST_PUSHED", "some-memory", "256m", "how large a push may be"),
        Setting("GIT_MOST_KEPT", "some-memory", "2g", "how large a repository may become"),
        Setting("GIT_HOLDS", "flag", "FALSE", "docker.apply goes back to what was pushed last"),
        Setting("GIT_IMAGE", "image", "skp/docker-git", "image"),
        Setting("GIT_TAG", "tag", "latest", "image tag"),
        Setting("GIT_MEMORY", "memory", "512m", "memory limit"),
        Setting("GIT_CPUS", "cpus", "", "CPU limit"),
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the master, beside the gate, once its image was built."""
        return (cluster.inventory.master,) if super().hosts(cluster) else ()

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield its container."""
        settings = cluster.settings
        for host in self.hosts(cluster):
            (image,) = self.images(cluster)
            yield Container(
                node=host.name,
                name=settings.text("GIT_NAME"),
                service=self.name,
                image=image,
                mounts=(
                    # (Root alone makes a repository, and decides what its configuration is.)
                    Mount(repositories(cluster), "/srv/git", create=True, owner="0:0"),
                    Mount(SOCKET_FOLDER, "/run/gate", read_only=True),
                ),
                ports=(Port(settings.number("GIT_PORT"), _PORT),),
                files=(
                    SecretFile("host_key", host_key(cluster).private),
                    SecretFile("accounts-secret", cluster.secrets["FLASK_SERVICE_SECRET"]),
                    ConfigFile("accounts-url", _accounts(cluster)),
                    ConfigFile("limits", _limits(cluster)),
                ),
                network=network(cluster, Purpose.USERS),
                user=own_user(cluster, facts, host.name, GIT_USER),
                memory=memory(cluster, "GIT_MEMORY"),
                cpus=cpus(cluster, "GIT_CPUS"),
                pids=1024,
                read_only=True,
                scratch=(*SCRATCH, *NAMES),
                probe=Probe(("git-health",), timeout=6),
                stop_timeout=20,
                after=("registry", GATE.name),
            )


def repositories(cluster: Cluster) -> str:
    """Return the path of the folder of all repositories."""
    return f"{cluster.platform}/git"


def host_key(cluster: Cluster) -> KeyPair:
    """Return the key by which clients know the server."""
    return key_pair(cluster.secrets["GIT_HOST_KEY"])


def address(cluster: Cluster, project: str) -> str:
    """Return what a project's repository is cloned from, and pushed to."""
    port, host = cluster.settings.number("GIT_PORT"), cluster.inventory.master.ipv4
    return f"ssh://git@{host}:{port}/{project}.git"


def _accounts(cluster: Cluster) -> str:
    return f"http://{cluster.settings.text('FLASK_NAME')}:{ACCOUNTS_PORT}\n"


def _limits(cluster: Cluster) -> str:
    """Return how many bytes a push, and a repository, may have."""
    return f"{memory(cluster, 'GIT_MOST_PUSHED')} {memory(cluster, 'GIT_MOST_KEPT')}\n"


SERVICE = Git()
