"""docker.image-*: images of single services, and taking images away from registry and nodes."""

from __future__ import annotations

from cli.command import command
from cli.session import Session


@command(help={"image": "The image's name, e.g. skp/docker-ds.", "tag": "Its tag, e.g. 1.0."})
def image_rm(s: Session, image: str = "", tag: str = "") -> None:
    """Remove an image that no container uses, from the registry and every node."""
    import services
    from cluster.commands.image_rm import parse, plan_image_removal

    chosen = parse(image, tag)
    nodes = [host.name for host in s.hosts]
    needed_by = [service.name for service in services.needing(s.declared.alone(), chosen)]
    s.change(lambda _, fleet: plan_image_removal(s.inventory, fleet, chosen, nodes, needed_by))


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


@command(help={"tag": "The image's tag."})
def image_build_zookeeper(s: Session, tag: str = "latest") -> None:
    """Build ZooKeeper's image on the master and push it to the registry."""
    from services.images import plain

    s.build(plain(s.settings, "zookeeper", tag), {})


@command(help={"tag": "The image's tag."})
def image_build_kafka(s: Session, tag: str = "latest") -> None:
    """Build Kafka's image on the master and push it to the registry."""
    from services.images import plain

    s.build(plain(s.settings, "kafka", tag), {})


@command(help={"tag": "The image's tag."})
def image_build_mysql(s: Session, tag: str = "latest") -> None:
    """Build MySQL's image on the master and push it to the registry."""
    from services.images import plain

    s.build(plain(s.settings, "mysql", tag), {})


TASKS = (image_build_zookeeper, image_build_kafka, image_build_mysql, image_rm, image_prune)
