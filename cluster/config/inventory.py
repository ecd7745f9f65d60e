"""The inventory, hosts.json, as typed values: which node does what."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.config import documents, schema
from cluster.config.document import Document, Location
from cluster.config.earlier import hosts_2018
from cluster.errors import ConfigError, ConfigErrors, nearest

_NAMED = "SKP_HOSTS names the inventory, in bin/env.sh or in your environment."
_OWN = "ipv4 is the node's own address on the private network."
_SWITCH = ("enable", "disable")
SCHEMA = Path(__file__).parent.parent.parent / "etc" / "hosts.schema.json"


@dataclass(frozen=True)
class Host:
    """One machine of hosts.json.

    Attributes:
        name: its name in the Swarm and on the command line.
        ipv4: its address on the private network.
        labels: label to value; a service runs where its label's value is "enable".
        groups: master, manager, worker.
        user: the SSH user; None for SKP_USER.
        port: the SSH port; None for that of the SSH configuration.
    """

    name: str
    ipv4: str
    labels: tuple[tuple[str, str], ...]
    groups: frozenset[str]
    user: str | None = None
    port: int | None = None

    @property
    def is_manager(self) -> bool:
        """Whether the node takes part in Swarm's consensus."""
        return "manager" in self.groups

    def has(self, label: str) -> bool:
        """Whether `label` is enabled here."""
        return (label, "enable") in self.labels


@dataclass(frozen=True)
class Inventory:
    """All hosts in the order of the file, one of them the master."""

    path: Path
    hosts: tuple[Host, ...]
    warnings: tuple[str, ...] = ()

    @property
    def master(self) -> Host:
        """The one host of the group master."""
        return next(host for host in self.hosts if "master" in host.groups)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all hosts."""
        return tuple(host.name for host in self.hosts)

    @property
    def managers(self) -> tuple[Host, ...]:
        """The hosts that take part in Swarm's consensus."""
        return tuple(host for host in self.hosts if host.is_manager)

    def host(self, name: str) -> Host:
        """Return the host of that name; raises KeyError."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def labelled(self, label: str) -> tuple[Host, ...]:
        """Return the hosts on which `label` is enabled."""
        return tuple(host for host in self.hosts if host.has(label))


def read(path: Path, services: Collection[str] = ()) -> Inventory:
    """Read and check hosts.json.

    Args:
        services: the labels that services have; any other label is the user's own.

    Raises:
        ConfigErrors: with everything that is wrong, each with its line.
    """
    document = documents.read(path, _NAMED)
    hosts_2018.check(document)
    wrong = sorted(
        schema.violations(schema.load(SCHEMA), document.value),
        key=lambda violation: document.line(violation.location),
    )
    if wrong:
        raise ConfigErrors(document.error(found.location, found.what) for found in wrong)
    hosts = tuple(_host(name, entry) for name, entry in document.value.items())
    errors = [
        *_name_errors(document, hosts),
        *_group_errors(document, hosts),
        *_address_errors(document, hosts),
        *_label_errors(document, services),
    ]
    if errors:
        raise ConfigErrors(errors)
    return Inventory(path, hosts, (*_warnings(hosts), *_misspelt(document, services)))


def _host(name: str, entry: dict[str, object]) -> Host:
    labels = entry.get("labels", [])
    groups = entry["groups"]
    assert isinstance(labels, list) and isinstance(groups, list)  # by the schema
    port = entry.get("port")
    return Host(
        name=name,
        ipv4=str(entry["ipv4"]),
        labels=tuple((key, value) for label in labels for key, value in label.items()),
        groups=frozenset(groups),
        user=str(entry["user"]) if "user" in entry else None,
        port=int(port) if isinstance(port, int | float) else None,  # 22.0 is an integer in JSON
    )


def _name_errors(document: Document, hosts: tuple[Host, ...]) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for host in hosts:
        first = seen.setdefault(host.name.lower(), host.name)
        if first != host.name:
            yield document.error((host.name,), f"the same host name as {first}", "Rename one.")


def _group_errors(document: Document, hosts: tuple[Host, ...]) -> Iterator[ConfigError]:
    masters = [host for host in hosts if "master" in host.groups]
    if not masters:
        yield document.error(
            (), "no node is in the group master", 'One has to be: "groups": ["master", "manager"]'
        )
    for extra in masters[1:]:
        yield document.error(
            (extra.name, "groups"),
            f"a second master; {masters[0].name} is one already, and exactly one is allowed",
            "Make it a manager: a Swarm has several managers, SKP one node that builds and stores.",
        )
    for host in hosts:
        if "master" in host.groups and not host.is_manager:
            yield document.error(
                (host.name, "groups"),
                "a master that is no manager",
                'Write ["master", "manager"].',
            )
        if {"manager", "worker"} <= host.groups:
            yield document.error(
                (host.name, "groups"),
                "a manager and a worker",
                "Take worker out: a manager runs services too.",
            )


def _address_errors(document: Document, hosts: tuple[Host, ...]) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for host in hosts:
        location: Location = (host.name, "ipv4")
        address = ipaddress.IPv4Address(host.ipv4)
        if host.ipv4 in seen:
            yield document.error(
                location, f"{host.ipv4} is {seen[host.ipv4]}'s address already", _OWN
            )
        elif _is_nobodys(address):
            yield document.error(
                location, f"{host.ipv4} is not an address that other nodes can reach", _OWN
            )
        seen.setdefault(host.ipv4, host.name)


def _is_nobodys(address: ipaddress.IPv4Address) -> bool:
    """Whether no node can have the address: 0.0.0.0/8, loopback, multicast, reserved."""
    this_host = address in ipaddress.IPv4Network("0.0.0.0/8")
    return this_host or address.is_loopback or address.is_multicast or address.is_reserved


def _label_errors(document: Document, services: Collection[str]) -> Iterator[ConfigError]:
    for name, entry in document.value.items():
        seen: set[str] = set()
        for index, label in enumerate(entry.get("labels", [])):
            key, value = next(iter(label.items()))
            if key in services and value not in _SWITCH:
                yield document.error(
                    (name, "labels", index, key), f'"{value}" found; allowed: "enable" or "disable"'
                )
            if key in seen:
                yield document.error(
                    (name, "labels", index), f"{key} stands here twice", "Keep one."
                )
            seen.add(key)


def _misspelt(document: Document, services: Collection[str]) -> Iterator[str]:
    for name, entry in document.value.items():
        for index, label in enumerate(entry.get("labels", [])):
            key = next(iter(label))
            if key not in services and (hint := nearest(key, services, cutoff=0.8)):
                where = document.line((name, "labels", index, key))
                yield (
                    f"{document.path}:{where}: {name}: the label {key} is no service's and is put "
                    f"on the node as it is{hint}"
                )


def _warnings(hosts: tuple[Host, ...]) -> Iterator[str]:
    managers = sum(host.is_manager for host in hosts)
    if managers % 2 == 0:
        yield (
            f"{managers} managers: an even number survives no more losses than {managers - 1} "
            "would, and one more machine can break the quorum; use 1 or 3"
        )
