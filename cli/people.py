"""Who a deployment is for, as the account service says."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from cluster.errors import nearest
from workloads.accounts import Account, Membership, NoAccountError, People

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.connectors.fleet import Fleet
    from cluster.model.cluster import Cluster

SECONDS = 60  # that the account service may take


def people(cluster: Cluster, fleet: Fleet, name: str) -> People:
    """Return who it is for.

    Args:
        name: an account's; "" for the operator.

    Raises:
        NoAccountError: there is no such account, or it may not log in.
        SkpError: the account service can't be asked.
    """
    if not name:
        return People(groups=cache(partial(_groups, cluster, fleet)))
    return People(account_of(listed(cluster, fleet), name))


def listed(cluster: Cluster, fleet: Fleet, seconds: float = SECONDS) -> dict[str, dict[str, Any]]:
    """Return what the account service says of all accounts, by name.

    Args:
        seconds: its deadline.

    Raises:
        SkpError: it can't be asked.
    """
    from services.flask.commands import request

    found = request(cluster, fleet, "list", {}, seconds)
    return {each["name"]: each for each in found}


def account_of(found: Mapping[str, Mapping[str, Any]], name: str) -> Account:
    """Return an account, from what the account service said of all.

    Raises:
        NoAccountError: there is none of that name, or it may not log in.
    """
    if name not in found:
        what = f"there is no account {name}{nearest(name, list(found))}"
        raise NoAccountError(what, "./skp.py account.list")
    said = found[name]
    if said["is_disabled"]:
        raise NoAccountError(f"the account {name} is disabled", f"./skp.py account.enable {name}")
    projects = {each["name"]: Membership(each["gid"], each["role"]) for each in said["projects"]}
    return Account(name, said["uid"], projects)


def _groups(cluster: Cluster, fleet: Fleet) -> Mapping[str, int]:
    """Return the group ids of projects; none where no node is for the account service."""
    from services.flask.commands import request
    from services.flask.service import SERVICE

    if not SERVICE.hosts(cluster):
        return {}
    return {each["name"]: each["gid"] for each in request(cluster, fleet, "project-list", {})}
