"""The benchmark's service: one sleeping container on every labelled node, on the overlay."""

from __future__ import annotations

from collections.abc import Iterator

from bench.apply import work
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.service import Service
from cluster.model.spec import Container, Image, Source
from cluster.model.state import State


class Sleeper(Service):
    """See the module."""

    name = work.LABEL
    title = "a container that sleeps"
    settings = (Setting(work.VARIABLE, "name", "first", "what a redeploy changes"),)

    def images(self, cluster: Cluster) -> tuple[Image, ...]:  # noqa: ARG002
        """It is on every node before the clock starts."""
        repository, _, tag = work.IMAGE.partition(":")
        return (Image(repository, tag, Source.STREAM),)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:  # noqa: ARG002
        """One per labelled node."""
        (image,) = self.images(cluster)
        for host in self.hosts(cluster):
            yield Container(
                node=host.name,
                name=work.container_name(host.name),
                service=self.name,
                image=image,
                environment=((work.VARIABLE, cluster.settings.text(work.VARIABLE)),),
                network=cluster.settings.text("SKP_NET"),
                aliases=(work.ALIAS,),
                stop_timeout=work.STOP_SECONDS,
            )


SERVICE = Sleeper()
