"""What a project's containers are told of the account service: where it is, and how to ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from cluster.config.secrets import Secret
from cluster.errors import ConfigError, NodeError
from workloads.accounts import People
from workloads.model import Deployment
from workloads.secrets import Secrets, Stored

NAME = "_accounts"
"""The name of the project's secret that says so; people's own begin with no underscore."""
FILE = "/run/skp/accounts.json"
"""Where a container has it: in memory, root's alone."""


@dataclass(frozen=True)
class AccountService:
    """Where it is, for containers of deployments.

    Attributes:
        urls: addresses that lead to it; each is enough.
        authority: PEM certificates that sign for it; "" for those that an image knows.
        key: what credentials of projects are made with.
    """

    urls: tuple[str, ...]
    authority: str
    key: Secret = field(repr=False)

    def told(self, project: str, gid: int) -> Secret:
        """Return what a project's containers are told.

        The credential counts for this project alone, and not for one that has its name later.
        """
        said = {
            "urls": self.urls,
            "authority": self.authority,
            "project": project,
            "gid": gid,
            "credential": f"{gid}.{Secret(f'{project}:{gid}').fingerprint(self.key)}",
        }
        return Secret(json.dumps(said, sort_keys=True))


def unknown() -> AccountService:
    """Say that nothing is known of an account service; raises ConfigError."""
    raise ConfigError("accounts: this cluster has no account service", "docs/accounts.md")


def check(wanted: Deployment, project: str, people: People) -> None:
    """Refuse containers that no account could log in to, as far as that can be asked.

    Raises:
        ConfigError: the account service does not know the project.
    """
    if any(part.accounts for part in wanted.parts):
        with suppress(NodeError):
            people.group(project)


def secrets_for(
    wanted: Deployment,
    project: str,
    people: People,
    secrets: Secrets,
    service: Callable[[], AccountService],
) -> Stored:
    """Return the secret of the containers that let accounts log in; {} where none does.

    Where the account service does not answer, what the project's containers were told counts on.

    Raises:
        ConfigError: it does not know the project, or there is no account service.
        NodeError: it does not answer, and the project's containers were told nothing yet.
    """
    if not any(part.accounts for part in wanted.parts):
        return {}
    try:
        gid = people.group(project)
    except NodeError:
        if NAME not in (known := secrets.of(project)):
            raise
        return {NAME: known[NAME]}
    return {NAME: secrets.kept(project, NAME, service().told(project, gid))}
