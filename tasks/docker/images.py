"""docker.image-*: building images, listing them, and removing them from registry and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import services
from cli.command import Command, command
from cli.session import Session
from cluster.model.service import Service
from services.images import build_task, own_image

if TYPE_CHECKING:
    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet
    from cluster.model.cluster import Cluster


@command(
    help={
        "locale": "The image's locale, e.g. ko_KR.UTF-8.",
        "gpu": "TRUE for the image with CUDA libraries.",
        "tag": "The image's tag.",
    }
)
def image_build_ds(
    s: Session, locale: str = "en_US.UTF-8", gpu: str = "FALSE", tag: str = "latest"
) -> None:
    """Build the data-science image on the master and push it to the registry."""
    from services.images import data_science

    image, arguments = data_science(s.settings, locale, gpu, tag)
    s.build(image, arguments)


@command(help={"tag": "The image's tag."})
def image_build_sshd(s: Session, tag: str = "latest") -> None:
    """Build the image with sshd, for deployments, and push it to the registry."""
    from services.images import sshd

    s.build(sshd(tag), {})


@command()
def image_list(s: Session) -> None:
    """List the images of the registry: digests, size and age on every node."""
    from cli import rendering

    with s.fleet() as fleet:  # the managers too: they know which digests count
        rendering.show_images(s, fleet)


@command(help={"reference": "Image and tag, e.g. skp/docker-ds:latest; @sha256:... checks it."})
def image_admit(s: Session, reference: str = "") -> None:
    """Have an image that was pushed by hand run: record its digest in the registry."""
    from cluster.commands.image_admit import parse, plan_image_admission

    image, expected = parse(reference)
    s.change(lambda _, fleet: plan_image_admission(s.inventory, fleet, image, expected))


@command(help={"image": "The image's name, e.g. skp/docker-ds.", "tag": "Its tag, e.g. 1.0."})
def image_rm(s: Session, image: str = "", tag: str = "") -> None:
    """Remove an image that no container uses, from the registry and every node."""
    from cluster.commands.image_rm import parse, plan_image_removal

    chosen = parse(image, tag)
    nodes = [host.name for host in s.hosts]

    def find(cluster: Cluster, fleet: Fleet) -> Change:
        needed_by = [service.name for service in services.needing(cluster, chosen)]
        return plan_image_removal(s.inventory, fleet, chosen, nodes, needed_by)

    s.change(find)


@command(help={"build-cache": "Prune the master's build cache too; the next build takes longer."})
def image_prune(s: Session, build_cache: bool = False) -> None:
    """Remove images of ours, on every node, that are superseded and not in use."""
    from cluster.commands.image_prune import plan_image_prune, with_build_cache

    nodes = [host.name for host in s.hosts]
    if build_cache:
        s.change(
            lambda _, fleet: with_build_cache(
                plan_image_prune(s.inventory, fleet, nodes), s.inventory
            )
        )
    else:
        s.change(lambda _, fleet: plan_image_prune(s.inventory, fleet, nodes))


def _build(service: Service) -> Command:
    def build(s: Session, tag: str = "latest") -> None:
        s.build(own_image(service, s.settings, tag), {})

    build.__doc__ = f"Build the image of {service.title} and push it to the registry."
    return Command(build, name=build_task(service), help={"tag": "The image's tag."})


_BUILD = (_build(service) for service in services.catalogue().values() if service.recipe)
TASKS = (image_build_ds, *_BUILD, image_build_sshd, image_list, image_admit, image_rm, image_prune)
