"""The HTTP API: what deploys for programs that show an account's token. Decision 126."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, network
from cluster.model.page import Asks, Page
from cluster.model.spec import ConfigFile, Container, Mount, Port, Probe, SecretFile
from cluster.model.state import State
from services import facade
from services.common import API_USER, SCRATCH, check_memory, cpus, memory, own_user
from services.flask.service import PORT as ACCOUNTS_PORT
from services.gate.service import API_FOLDER
from services.gate.service import SERVICE as GATE
from services.once_built import OnceBuilt

PAGE = "api"
_PORT = 8890  # inside the container
_LEAST_MEMORY = 256 << 20  # bytes: four large bodies at a time, and room


class Api(OnceBuilt):
    """The service api: one container on the master, without any state."""

    name = "api"
    title = "the HTTP API"
    recipe = "docker-api"
    needs = GATE
    shell = ("bash",)
    settings = (
        Setting("API_NAME", "name", "api-skp", "container name"),
        Setting("API_PORT", "port", "8890", "its port"),
        Setting("API_IMAGE", "image", "skp/docker-api", "image"),
        Setting("API_TAG", "tag", "latest", "image tag"),
        Setting("API_MEMORY", "memory", "512m", "memory limit; at least 256m"),
        Setting("API_CPUS", "cpus", "", "CPU limit"),
        *facade.SETTINGS,
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the master, beside the gate, once its image was built."""
        return (cluster.inventory.master,) if super().hosts(cluster) else ()

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return its page, which asks for tokens."""
        if not self.hosts(cluster):
            return ()
        name, port = cluster.settings.text("API_NAME"), cluster.settings.number("API_PORT")
        return (Page(PAGE, "API", name, _PORT, port, Asks.OWN, "/docs"),)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield its container."""
        check_memory(cluster, "API_MEMORY", _LEAST_MEMORY)
        facade.check(cluster)
        settings, accounts = cluster.settings, cluster.settings.text("FLASK_NAME")
        for host in self.hosts(cluster):
            (image,) = self.images(cluster)
            yield Container(
                node=host.name,
                name=settings.text("API_NAME"),
                service=self.name,
                image=image,
                mounts=(
                    Mount(API_FOLDER, "/run/gate", read_only=True),
                    *facade.mounts(cluster),
                ),
                ports=(Port(settings.number("API_PORT"), _PORT),),
                files=(
                    SecretFile("accounts-secret", cluster.secrets["FLASK_SERVICE_SECRET"]),
                    ConfigFile("accounts-url", f"http://{accounts}:{ACCOUNTS_PORT}\n"),
                    ConfigFile("issuer", f"{accounts}\n"),
                    facade.given(cluster),
                ),
                network=network(cluster, Purpose.USERS),
                user=own_user(cluster, facts, host.name, API_USER),
                memory=memory(cluster, "API_MEMORY"),
                cpus=cpus(cluster, "API_CPUS"),
                read_only=True,
                scratch=SCRATCH,
                probe=Probe(("api-health",), timeout=6),
                stop_timeout=15,
                after=("registry", GATE.name),
            )


SERVICE = Api()
