"""Who a deployment is for, as the account service says."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from cluster.errors import ConfigError, nearest
from workloads.accounts import Account, Membership, People

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.connectors.fleet import Fleet
    from cluster.model.cluster import Cluster


def people(cluster: Cluster, fleet: Fleet, name: str) -> People:
    """Return who it is for.

    Args:
        name: an account's; "" for the operator.

    Raises:
        ConfigError: there is no such account, or it may not log in.
        SkpError: the account service can't be asked.
    """
    if not name:
        return People(groups=cache(partial(_groups, cluster, fleet)))
    from services.flask.commands import request

    found = {each["name"]: each for each in request(cluster, fleet, "list", {})}
    if name not in found:
        what = f"there is no account {name}{nearest(name, list(found))}"
        raise ConfigError(what, "./skp.py account.list")
    said = found[name]
    if said["is_disabled"]:
        raise ConfigError(f"the account {name} is disabled", f"./skp.py account.enable {name}")
    projects = {each["name"]: Membership(each["gid"], each["role"]) for each in said["projects"]}
    return People(Account(name, said["uid"], projects))


def _groups(cluster: Cluster, fleet: Fleet) -> Mapping[str, int]:
    """Return the group ids of projects; none where no node is for the account service."""
    from services.flask.commands import request
    from services.flask.service import SERVICE

    if not SERVICE.hosts(cluster):
        return {}
    return {each["name"]: each["gid"] for each in request(cluster, fleet, "project-list", {})}
