"""Services that nobody gets unasked: without a label they wait until somebody built their image."""

from __future__ import annotations

from cluster.config.inventory import Host
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.service import Service
from cluster.model.spec import Image, mark_file
from services.common import name_on
from services.images import build_task, own_image


class OnceBuilt(Service):
    """A service with one image of its own, which needs another service.

    It runs on the nodes with its label. Without one it runs on the master, where the other has a
    node and the image was built: an apply of a later version brings nobody what he did not ask for.

    Attributes:
        needs: the service without which it is of no use.
    """

    needs: Service

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the nodes with its label; else the master, with what it needs and its image."""
        labelled = super().hosts(cluster)
        implied = self.needs.hosts(cluster) and self._is_built(cluster)
        return labelled or ((cluster.inventory.master,) if implied else ())

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return its own image."""
        tag = cluster.settings.text(f"{self.name.upper()}_TAG")
        return (own_image(self, cluster.settings, tag),)

    def marks(self, cluster: Cluster, name: str) -> tuple[str, ...]:
        """Return where nodes remember the files of its containers that may change.

        They are those of all nodes that it may be on, whether its image was built or not: what is
        asked of nodes must not depend on the answer, or each command would look twice.

        Args:
            name: the plain name of its containers.
        """
        hosts = super().hosts(cluster) or (cluster.inventory.master,)
        return tuple(mark_file(name_on(host, index, name)) for index, host in enumerate(hosts))

    def no_host_error(self, cluster: Cluster) -> ConfigError:
        """Return the error: its image was not built, or what it needs has no node."""
        if not self.needs.hosts(cluster):
            lacking = self.needs.no_host_error(cluster)
            return ConfigError(f"{self.name} needs {self.needs.name}: {lacking.what}", lacking.hint)
        if not self._is_built(cluster):
            (image,) = self.images(cluster)
            what = f"the image {image.name} was not built yet"
            return ConfigError(what, f"./skp.py docker.{build_task(self)}")
        return super().no_host_error(cluster)

    def _is_built(self, cluster: Cluster) -> bool:
        (image,) = self.images(cluster)
        return cluster.may_have(image)
