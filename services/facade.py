"""What the API is given for TANGO's project manager: its settings, its folder, and its file."""

from __future__ import annotations

import ipaddress
import json
from pathlib import PurePosixPath

from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.spec import ConfigFile, Mount

SETTINGS = (
    Setting("API_SHARED", "optional-path", "", "TANGO's shared folder on the master, with common/"),
    Setting("API_ANSWERS", "answers", "text", "as TANGO's cloud target (text) or k8s one (json)"),
    Setting("API_CORS", "flag", "FALSE", "pages of any origin may ask as TANGO's manager does"),
    Setting("API_REPORT_URL", "optional-url", "", "status_report of TANGO's manager"),
    Setting("API_OPEN_TO", "networks", "", "who needs no token to ask as TANGO's manager does"),
    Setting("API_OPEN_ACCOUNT", "optional-account", "", "TANGO's own account; in its name they do"),
    Setting("API_OPEN_PROJECT", "optional-project", "", "the project in which they do"),
)
_FEWEST = 8  # bits of a network's mask: half of all machines is no network


def check(cluster: Cluster) -> None:
    """Refuse settings that contradict each other.

    Raises:
        ConfigError: with the line of the one that can't be so.
    """
    text = cluster.settings.text
    _networks(cluster)
    needed = {
        "API_OPEN_TO": ("API_OPEN_ACCOUNT", "API_OPEN_PROJECT"),
        "API_OPEN_PROJECT": ("API_OPEN_ACCOUNT",),
    }
    examples = {"API_OPEN_ACCOUNT": "tango", "API_OPEN_PROJECT": "tango-apps"}
    for key, others in needed.items():
        lacking = [other for other in others if not text(other)]
        if text(key) and lacking:
            what = f"{key}: {text(key)} needs {' and '.join(lacking)}: whose it is"
            typed = "; ".join(f'export {other}="{examples[other]}"' for other in lacking)
            raise ConfigError(f"{cluster.settings.place(key)}: {what}", f"For example: {typed}")
    if text("API_SHARED"):
        _folder(cluster)


def mounts(cluster: Cluster) -> tuple[Mount, ...]:
    """Return the mount of TANGO's shared folder, where one is named."""
    path = cluster.settings.text("API_SHARED")
    return (Mount(path, "/shared", read_only=True),) if path else ()


def given(cluster: Cluster) -> ConfigFile:
    """Return the file that api/facade_config.py reads."""
    settings = cluster.settings
    said = {
        "answers": settings.text("API_ANSWERS"),
        "cors": settings.flag("API_CORS"),
        "open_account": settings.text("API_OPEN_ACCOUNT"),
        "open_project": settings.text("API_OPEN_PROJECT"),
        "open_to": [str(each) for each in _networks(cluster)],
        "report": settings.text("API_REPORT_URL"),
        "shared": bool(settings.text("API_SHARED")),
    }
    return ConfigFile("facade.json", f"{json.dumps(said)}\n")


def _folder(cluster: Cluster) -> None:
    key, platform = "API_SHARED", PurePosixPath(cluster.platform)
    path = PurePosixPath(cluster.settings.text(key))
    if platform.is_relative_to(path) or path.is_relative_to(platform):
        place = f"{cluster.settings.place(key)}: {key}"
        what = f"{place}: {path} has the platform's own files, {platform}"
        raise ConfigError(what, "Name the folder that TANGO's containers have as /shared.")


def _networks(cluster: Cluster) -> list[ipaddress.IPv4Network]:
    key, found = "API_OPEN_TO", list[ipaddress.IPv4Network]()
    place = f"{cluster.settings.place(key)}: {key}"
    for word in cluster.settings.text(key).split():
        try:
            network = ipaddress.IPv4Network(word)
        except ValueError as error:
            hint = "An address alone has /32, a network ends with zeros: 10.0.0.0/24."
            raise ConfigError(f"{place}: {error}", hint) from None
        if network.prefixlen < _FEWEST:
            hint = "Name the address of TANGO's manager: 10.0.0.9/32."
            what = f"{place}: {word} would let in nearly everybody without a token"
            raise ConfigError(what, hint)
        if own := _own(cluster, network):
            what = f"{place}: {word} has {own}: containers of users would need no token"
            raise ConfigError(what, "TANGO's manager needs a token there: docs/facade.md.")
        found.append(network)
    return found


def _own(cluster: Cluster, network: ipaddress.IPv4Network) -> str:
    """Return which of the cluster's own addresses a network has, which containers ask from."""
    for host in cluster.inventory.hosts:
        if ipaddress.IPv4Address(host.ipv4) in network:
            return f"the node {host.name}"
    subnet = cluster.settings.text("SKP_NET_SUBNET")
    if subnet and ipaddress.IPv4Network(subnet).overlaps(network):
        return f"SKP_NET_SUBNET ({subnet})"
    return ""
