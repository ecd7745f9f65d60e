"""The whole cluster as a command sees it: what is wanted, what it remembers, what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeAlias

from cluster.config.secrets import Resolved, StoredSecrets
from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.facts.disk import Question, disk
from cluster.facts.nodes import observe
from cluster.model.answer import Unanswered
from cluster.model.cluster import Cluster, Declared, View, stored_copies, view
from cluster.model.decisions import Decisions
from cluster.model.layout import Layout
from cluster.model.recipes import recipes
from cluster.model.service import Service
from cluster.model.spec import Image
from cluster.model.trees import done, folders, marker, moves


def observe_cluster(
    declared: Declared,
    fleet: Fleet,
    services: Sequence[Service],
    options: Mapping[str, str] | None = None,
) -> View:
    """Observe all connected nodes, with the images that `services` need.

    Args:
        declared: what this machine's own files say.
        options: settings that a `-run` is given now.

    Raises:
        ConfigErrors: a remembered option contradicts the settings.
    """
    master = declared.inventory.master.name
    asked = _questions(declared.alone(options), declared, services)
    found = view(declared, observe(fleet, master, *asked), options, recipes())
    # Options that the Swarm remembers may name other images, and other files on nodes: ask again.
    meant = _questions(found.cluster, declared, services)
    if not _answered(meant, asked):
        found = view(declared, observe(fleet, master, *meant), options, recipes())
    return found


_Asked: TypeAlias = tuple[Question, Mapping[str, Sequence[Image]]]


def _answered(meant: _Asked, asked: _Asked) -> bool:
    """Whether who asked the one knows the other; to ask for an image too many does no harm.

    (Before it is known which images were built, those of all services that wait for theirs count.)
    """
    images = {name: set(images) for name, images in asked[1].items()}
    return meant[0] == asked[0] and all(set(m) <= images[n] for n, m in meant[1].items())


def _questions(cluster: Cluster, declared: Declared, services: Sequence[Service]) -> _Asked:
    """Return what is asked of the nodes' disks, and of which images by node."""
    run = [service for service in services if service.hosts(cluster)]
    images = dict.fromkeys(image for service in run for image in service.images(cluster))
    markers = [path for service in services for path in service.marker_files(cluster)]
    master = cluster.inventory.master.name
    managers = frozenset(host.name for host in cluster.inventory.managers)
    apart = replace(cluster, layout=Layout.TWO_TREES)  # to be seen before it is agreed to, too
    question = Question(
        cluster.home,
        cluster.files,
        declared.stored,
        [marker(cluster), done(cluster), *markers],
        managers,
        folders(apart, run),
        moves(apart, services),
        [path for service in run for path in service.remains(cluster)],
        master,
    )
    return question, {master: list(images)}


def unknown_options(found: View) -> list[str]:
    """Return a warning when no manager could say what `-run` was given; none when one could."""
    state = found.state
    if state.swarm:
        return []
    managers = [host.name for host in found.cluster.inventory.managers]
    lost = [state.unreachable[name] for name in managers if name in state.unreachable]
    return _unknown([state.leaderless] if state.leaderless else lost)


def _unknown(errors: Sequence[NodeError]) -> list[str]:
    return [f"options that -run was given are not known: {error.what}" for error in errors[:1]]


def remembered_cluster(
    declared: Declared, fleet: Fleet, options: Mapping[str, str] | None = None
) -> tuple[Cluster, list[str]]:
    """Ask the managers of `fleet` what the cluster remembers, and nothing else.

    For commands that need no more than names and settings as they are in force. Returns the
    cluster and warnings: where no manager answers, what `-run` was given is not known.

    Args:
        options: what a `-run` is given now.

    Raises:
        ConfigErrors: a remembered option contradicts the settings.
    """
    told, errors = _told(declared, fleet)
    decisions = next(iter(told.values()))[0].checked() if told else Decisions()
    cluster, _ = declared.remembering(decisions, _copies(told), options)
    return cluster, [] if told else _unknown(errors)


def known_secrets(declared: Declared, fleet: Fleet) -> Resolved:
    """Return the secrets that the managers of `fleet` have, or this machine where there is none.

    Raises:
        NodeError: no manager that could be asked can be read.
        ConfigError: what a manager stores can't be right.
    """
    told, errors = _told(declared, fleet)
    unread = [(k, v.why) for k, (_, v) in told.items() if isinstance(v, Unanswered)]
    if (errors or unread) and not _copies(told):
        raise errors[0] if errors else NodeError(*unread[0])
    return declared.remembering(Decisions(), _copies(told))[1]


_Told: TypeAlias = dict[str, tuple[Decisions, StoredSecrets | Unanswered]]


def _told(declared: Declared, fleet: Fleet) -> tuple[_Told, list[NodeError]]:
    """Return what each manager remembers, and why others could not be asked."""
    managers = [host.name for host in declared.inventory.managers]
    asked = fleet.ask(lambda node: _remembers(node, declared), managers)
    told = {name: found for name, found in asked.values.items() if found is not None}
    return told, [*asked.errors.values()]


def _copies(told: _Told) -> dict[str, StoredSecrets]:
    return stored_copies({name: stored for name, (_, stored) in told.items()})


def _remembers(
    node: Node, declared: Declared
) -> tuple[Decisions, StoredSecrets | Unanswered] | None:
    """Return what a manager remembers; None for a node that is outside of a Swarm."""
    with ThreadPoolExecutor(1) as beside:
        question = Question("/", (), declared.stored, keepers=frozenset([node.name]))
        looking = beside.submit(disk, node, question)
        with node.talking("reading what the Swarm remembers") as engine:
            if not engine.info()["Swarm"]["ControlAvailable"]:
                return None
            labels = engine.inspect_swarm()["Spec"].get("Labels") or {}
        return Decisions.parse(labels), looking.result().secrets
