"""What each node of a lab does: the inventory for a given number of nodes. Pure."""

from __future__ import annotations

from typing import TypedDict

from lab.config import LabConfig


class Entry(TypedDict):
    """One node in hosts.json."""

    ipv4: str
    labels: list[dict[str, str]]
    groups: list[str]


MASTER = ("registry", "jupyter", "spark-master", "portainer", "mysql")
WORKER = ("spark-worker",)


def inventory(config: LabConfig, count: int) -> dict[str, Entry]:
    """Return hosts.json for `count` nodes.

    One node does everything; small labs (2, 3) have a registry label on each node; from 4 on it
    is the guide's layout: the first node is the master, all others run Spark workers. Managers
    are 1 or 3, since an even number survives no more losses than one less would.
    """
    managers = 1 if count < 3 else 3
    return {
        name: {
            "ipv4": config.address(name),
            "labels": [{label: "enable"} for label in _labels(number, count)],
            "groups": _groups(number, managers),
        }
        for number, name in enumerate(config.names(count), start=1)
    }


def _labels(number: int, count: int) -> tuple[str, ...]:
    if count == 1:
        return MASTER + WORKER
    if number == 1:
        return MASTER
    return ("registry", *WORKER) if count <= 3 else WORKER


def _groups(number: int, managers: int) -> list[str]:
    if number == 1:
        return ["master", "manager"]
    return ["manager"] if number <= managers else ["worker"]
