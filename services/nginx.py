"""The login page: a web server with files of its own, and the way to the account service."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, network
from cluster.model.page import Asks, Page
from cluster.model.spec import ConfigFile, Container, Port, Probe
from cluster.model.state import State
from services.common import NGINX_USER, SCRATCH, cpus, memory, name_on, own_user
from services.doors import LOGIN
from services.flask.service import PORT as ACCOUNTS_PORT
from services.flask.service import SERVICE as ACCOUNTS
from services.once_built import OnceBuilt

_PORT = 8070  # inside the container


class Nginx(OnceBuilt):
    """The service nginx: the login page, on each node with its label."""

    name = "nginx"
    title = "the login page"
    recipe = "docker-nginx"
    needs = ACCOUNTS
    shell = ("bash",)
    settings = (
        Setting("NGINX_NAME", "name", "nginx-skp", "container name"),
        Setting("NGINX_PORT", "port", "8070", "port of the login page"),
        Setting(
            "NGINX_VOLUME", "path", "$SKP_HOME/volume", "the guide's -v; it sees nothing there"
        ),
        Setting("NGINX_IMAGE", "image", "skp/docker-nginx", "image"),
        Setting("NGINX_TAG", "tag", "latest", "image tag"),
        Setting("NGINX_MEMORY", "memory", "128m", "memory limit"),
        Setting("NGINX_CPUS", "cpus", "", "CPU limit"),
    )

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return the login page of its first node; all have the same."""
        if not self.hosts(cluster):
            return ()
        name, port = cluster.settings.text("NGINX_NAME"), cluster.settings.number("NGINX_PORT")
        return (Page(LOGIN, "SKP", name, _PORT, port, Asks.OWN),)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield a container for each node; the first has the plain name."""
        settings, (image,) = cluster.settings, self.images(cluster)
        name = settings.text("NGINX_NAME")
        for index, host in enumerate(self.hosts(cluster)):
            yield Container(
                node=host.name,
                name=name_on(host, index, name),
                service=self.name,
                image=image,
                ports=(Port(settings.number("NGINX_PORT"), _PORT),),
                files=(_accounts(cluster),),
                network=network(cluster, Purpose.USERS),
                user=own_user(cluster, facts, host.name, NGINX_USER),
                memory=memory(cluster, "NGINX_MEMORY"),
                cpus=cpus(cluster, "NGINX_CPUS"),
                read_only=True,
                scratch=SCRATCH,
                probe=Probe(("nginx-health",), timeout=5),
                stop_timeout=10,
                after=("registry", ACCOUNTS.name),
                rolling_order=index + 1,
            )


def _accounts(cluster: Cluster) -> ConfigFile:
    """Return where tokens are had, as a variable: nginx asks for the name at each request."""
    where = f"http://{cluster.settings.text('FLASK_NAME')}:{ACCOUNTS_PORT}"
    return ConfigFile("accounts.conf", f"set $accounts {where};\n")


SERVICE = Nginx()
