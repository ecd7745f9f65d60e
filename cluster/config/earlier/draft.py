"""What has been translated so far, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.config.document import Document, Location
from cluster.config.earlier import script
from cluster.config.earlier.hosts_2018 import Left
from cluster.config.earlier.names import Earlier

_PUBLISHED = frozenset(
    {"jupyter-pw", "jupyter_pw", "mysql-pw", "mysql", "airflow-pw", "airflow_pw", "admin_pw"}
)
"""The passwords of the published templates."""
_PLACEHOLDER = "YOUR_"


@dataclass
class Draft:
    """What has been translated so far.

    Attributes:
        services: what today's services say of earlier files.
        labels: the labels of today's services.
        secrets: the keys of settings that hold one.
        variables: those that a value may use: of the caller's shell, and of the scripts.
        hosts: today's hosts.json; None where no file says anything of it.
        settings: by key the value, and where that comes from.
        left: what could not be translated: where it stands, and why.
        shared: by volume of volumes.json, its type. mounted: the volumes that services mount.
    """

    services: Mapping[str, Earlier]
    labels: frozenset[str]
    secrets: frozenset[str]
    variables: dict[str, str]
    hosts: dict[str, Any] | None = None
    settings: dict[str, tuple[str, str]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    shared: dict[str, str] = field(default_factory=dict)
    mounted: set[str] = field(default_factory=set)

    def leave(self, place: str, why: str) -> None:
        """Note that what stands at `place` is not translated."""
        self.left.append((place, why))

    def put(self, key: str, value: str, place: str) -> None:
        """Note a setting, unless its value is a template's own or another file gives another.

        Args:
            place: where it stands, as a message names it: file, line and key.
        """
        expanded = script.expand(value, self.variables)
        if expanded is None:
            self.leave(place, "it uses a variable that none of the files set: give bin/skp.sh too")
        elif expanded.startswith(_PLACEHOLDER):
            self.leave(place, f"the template's placeholder: set {key} if you use it")
        elif key in self.secrets and expanded in _PUBLISHED:
            self.leave(place, f"the template's own, which everybody knows: {key} is generated anew")
        elif self.settings.get(key, (expanded,))[0] != expanded:
            self.leave(place, f"{key} has a value already, from {self.settings[key][1]}")
        else:
            self.settings.setdefault(key, (expanded, place))

    def texts(self, document: Document, location: Location, value: object) -> list[tuple[str, str]]:
        """Return a text, or the texts of a list, each with its place; whatever else is left."""
        listed = value if isinstance(value, list) else [value]
        found = []
        for at, text in enumerate(listed):
            where = (*location, at) if isinstance(value, list) else location
            if isinstance(text, str):
                found.append((text, document.place(where)))
            else:
                self.leave(document.place(where), "no text")
        return found
