"""A cluster that is only described: what services make of settings and an inventory."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import services
from cluster.config import inventory, settings
from cluster.config.secrets import SPEC_KEY, Secret
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose
from cluster.model.state import State

NOTHING = State({}, {}, None)
NETWORKS = dict.fromkeys(("net-skp", *(f"net-skp-{purpose}" for purpose in Purpose)), "")
"""The networks of a Swarm as the settings say; the engine chose their addresses."""


def described(
    folder: Path, listed: Mapping[str, Any], values: Mapping[str, str] = MappingProxyType({})
) -> Cluster:
    """Return a cluster of these hosts and settings; each secret is "the-secret-KEY".

    But for a certificate of one's own and a webhook: there is none.
    """
    env, hosts = folder / "env.sh", folder / "hosts.json"
    lines = [f"export {key}={shlex.quote(value)}\n" for key, value in values.items()]
    env.write_text("".join(["export SKP_USER=skp\n", *lines]))
    hosts.write_text(json.dumps(listed))
    read = settings.read(env, services.declared_settings(), {})
    secrets = {key: Secret(f"the-secret-{key}") for key in (*read.password_keys, SPEC_KEY)}
    secrets |= dict.fromkeys(("GATEWAY_CERTIFICATE", "ALERT_WEBHOOK"), Secret(""))
    return Cluster(read, inventory.read(hosts, services.labels()), secrets)
