"""What one look at the cluster has found, and what of it an account is told. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workloads.needs import GPU, Needs
from workloads.places import places

UNKNOWN = "Unknown"
_OWN = "skp."  # labels by which SKP knows its own
_MOST_TOLD = 32  # answers that are kept, each for those who see the same


@dataclass(frozen=True)
class Look:
    """What was found.

    Attributes:
        deployments: their containers, as `deploy.list --json` tells them.
        nodes: as protocol.py says. as_of: when it was read, in seconds since 1970.
        unknown: why nothing could be read since; "" where this is how it is.
    """

    deployments: Sequence[Mapping[str, Any]]
    nodes: Sequence[Mapping[str, Any]]
    as_of: float
    unknown: str = ""
    _told: dict[tuple[object, ...], bytes] = field(default_factory=dict, compare=False)

    def told(self, projects: Collection[str], name: str = "") -> bytes:
        """Return what somebody is told, as JSON.

        Args:
            projects: those that they see. name: of one deployment; "" for all.
        """
        key = (frozenset(projects), name)
        found = self._told.get(key)
        if found is None:
            found = json.dumps(self._document(projects, name), ensure_ascii=False).encode()
            if len(self._told) < _MOST_TOLD:
                self._told[key] = found
        return found

    def _document(self, projects: Collection[str], name: str) -> dict[str, Any]:
        rows = [
            row
            for row in self.deployments
            if row["project"] in projects and name in ("", row["deployment"])
        ]
        return {
            "deployments": [{**row, "id": number} for number, row in enumerate(rows)],
            "nodes": self.nodes,
            "as_of": self.as_of,
            "unknown": self.unknown,
        }

    def unread(self, why: str) -> Look:
        """Return it as what is known when nothing can be read any more."""
        rows = [{**row, "phase": UNKNOWN, "reasons": [why]} for row in self.deployments]
        nodes = [{**node, "state": UNKNOWN} for node in self.nodes]
        return replace(self, deployments=rows, nodes=nodes, unknown=why, _told={})


def nodes(
    found: Sequence[Mapping[str, Any]],
    tasks: Iterable[Mapping[str, Any]],
    names: Iterable[str],
) -> list[dict[str, Any]]:
    """Return the nodes as clients are told of them, from the engine's answers.

    Args:
        names: the inventory's.
    """
    by_id = {each["ID"]: each for each in found}
    told = []
    for place in places(found, tasks, names).values():
        entry = by_id[place.id]
        spec = entry["Spec"]
        told.append(
            {
                "name": place.name,
                "role": spec.get("Role", ""),
                "state": entry["Status"].get("State", UNKNOWN),
                "availability": spec.get("Availability", ""),
                "labels": {k: v for k, v in place.labels.items() if not k.startswith(_OWN)},
                "gpus": _gpus(entry),
                "has": _amounts(place.has),
                "reserved": _amounts(place.used),
            }
        )
    return told


def _amounts(needs: Needs) -> dict[str, float | int]:
    return {"cpus": needs.cpus, "memory": needs.memory, "gpus": needs.gpus}


def _gpus(entry: Mapping[str, Any]) -> list[str]:
    resources = (entry.get("Description") or {}).get("Resources") or {}
    said = [one.get("NamedResourceSpec") for one in resources.get("GenericResources") or []]
    return [str(each["Value"]) for each in said if each and each.get("Kind") == GPU]
