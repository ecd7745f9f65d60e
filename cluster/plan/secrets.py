"""The items for the generated secrets, which every manager stores. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.secrets import StoredSecrets
from cluster.model.answer import Damaged, Unanswered
from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Item, Keep, Kind
from cluster.model.state import State
from cluster.operations.decisions import SaveSecrets


def stored_secrets(cluster: Cluster, state: State, stored: StoredSecrets) -> Iterator[Item]:
    """Yield an item for each manager: it stores the secrets already, or they are saved there."""
    for host in cluster.inventory.managers:
        if host.name not in state.nodes:
            continue
        found = state.nodes[host.name].secrets
        if isinstance(found, Unanswered) and not isinstance(found, Damaged):
            yield unknown_secrets(host.name, found.why)
        elif found == stored:
            yield Keep(Kind.SECRETS, host.name, "secrets")
        else:
            yield SaveSecrets(host.name, stored)


def unknown_secrets(node: str, why: str) -> Item:
    """Return the item for a manager whose stored secrets are unknown: they are not overwritten."""
    return Blocked(
        Kind.SECRETS,
        node,
        "secrets",
        why,
        "Look at it as root there; the SSH user needs sudo without a password. If it is damaged, "
        "and no etc/secrets.env is left, mend it, or move it away to have new secrets made.",
    )
