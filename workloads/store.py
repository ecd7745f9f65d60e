"""Deployments in the Swarm's store: services, tasks, revisions, the ledger, and routes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import docker.errors

from cluster.config.secrets import Secret
from cluster.connectors.bounded import frames
from cluster.connectors.engine import Engine, is_conflict
from cluster.connectors.managers import Managers
from cluster.errors import NodeError, SkpError
from cluster.model import route
from workloads.ledger import Ledger
from workloads.naming import REVISION, Piece, recognised, revision
from workloads.placeholders import Placeholders
from workloads.records import Record
from workloads.secrets import Secrets

_OF, _NUMBER, _REMOVED, _BY = (f"skp.revision.{end}" for end in ("of", "number", "removed", "by"))
_LINES = 10  # of a log
_OPTIONS = ("com.docker.network.driver.mtu", "encrypted")


class ChangedError(SkpError):
    """Somebody else has changed an object of the Swarm since it was read."""


@dataclass(frozen=True)
class Found:
    """A service of a deployment.

    Attributes:
        version: of the object. spec: as the store has it.
        update: what the engine says of its last update, e.g. "rollback_completed"; "" for nothing.
    """

    piece: Piece
    revision: int
    id: str
    version: int
    spec: Mapping[str, Any]
    update: str = ""


@dataclass(frozen=True)
class Revision:
    """What a deployment was at a time.

    Attributes:
        document: the form, and the images by part.
        removed: when the deployment was removed, in seconds since 1970; 0 if it was not.
        made: when it was kept, as the engine says it (RFC 3339). by: the account that brought it;
            "" for the operator.
    """

    of: str
    number: int
    id: str
    version: int
    document: Mapping[str, Any]
    removed: float = 0
    made: str = ""
    by: str = ""


class Store:
    """The Swarm's store, asked and changed through managers."""

    def __init__(self, managers: Managers, key: Secret) -> None:
        """Use these managers; `key` tells our services from others'."""
        self._managers, self._key = managers, key
        self.secrets = Secrets(managers, key)
        self.placeholders = Placeholders(managers, key)
        self.ledger = Record(managers, "skp-ledger", "skp.ledger", _ledger, Ledger.text)
        self.routes = Record(managers, route.CONFIG, route.LABEL, route.parse, route.Routes.text)

    def services(self, of: str = "") -> list[Found]:
        """Return the services of a deployment; of all for ""."""

        seen = (self._found(service) for service in self._listed("/services"))
        return [found for found in seen if found and of in ("", found.piece.of)]

    def _found(self, service: Mapping[str, Any]) -> Found | None:
        spec = service["Spec"]
        labels = spec.get("Labels") or {}
        piece = recognised(labels, self._key)
        update = service.get("UpdateStatus") or {}
        if piece is None:
            return None
        return Found(
            piece,
            int(labels[REVISION]),
            service["ID"],
            service["Version"]["Index"],
            spec,
            update.get("State", ""),
        )

    def create(self, spec: Mapping[str, Any]) -> None:
        """Make a service."""

        def create(engine: Engine) -> None:
            engine.of_swarm("POST", "/services/create", spec)

        self._managers.ask(create, f"making {spec['Name']}")

    def update(self, found: Found, spec: Mapping[str, Any]) -> None:
        """Change a service, if it is still as it was found; else raises ChangedError."""
        self._write(f"/services/{found.id}", str(found.version), spec, spec["Name"])

    def remove(self, found: Found) -> None:
        """Remove a service; one that is gone is no error."""

        def remove(engine: Engine) -> None:
            with suppress(docker.errors.NotFound):
                engine.of_swarm("DELETE", f"/services/{found.id}")

        self._managers.ask(remove, f"removing {found.spec['Name']}")

    def tasks(self) -> list[Mapping[str, Any]]:
        """Return all tasks, of whatever state."""
        return self._listed("/tasks")

    def last_lines(self, task: str) -> tuple[str, ...]:
        """Return the last lines that a task wrote, oldest first; () where none can be had.

        Args:
            task: its id; "" for none.
        """
        if not task:
            return ()

        def read(engine: Engine) -> list[str]:
            options = {"stdout": "1", "stderr": "1", "tail": str(_LINES)}
            chunks = engine.log_chunks(task, options, "tasks")
            whole = b"".join(data for _, data in frames(chunks))
            return whole.decode(errors="replace").splitlines()

        try:
            return tuple(self._managers.ask(read, "reading a log"))
        except NodeError:
            return ()

    def nodes(self) -> list[Mapping[str, Any]]:
        """Return the Swarm's nodes as the engine tells them."""
        return self._listed("/nodes")

    def update_node(self, found: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Change a node's entry, if it is still as it was found; else raises ChangedError."""
        self._write(f"/nodes/{found['ID']}", str(found["Version"]["Index"]), spec, "a node's entry")

    def _write(self, path: str, version: str, spec: Mapping[str, Any], what: str) -> None:
        def update(engine: Engine) -> None:
            try:
                engine.of_swarm("POST", f"{path}/update", spec, version=version)
            except docker.errors.APIError as error:
                if is_conflict(error):
                    why = f"{what}: another command has changed it meanwhile"
                    raise ChangedError(
                        why, "./skp.py deploy.list shows it; type it again."
                    ) from None
                raise

        self._managers.ask(update, f"changing {what}")

    def _listed(self, path: str) -> list[Mapping[str, Any]]:
        def read(engine: Engine) -> list[Mapping[str, Any]]:
            found: list[Mapping[str, Any]] = engine.of_swarm("GET", path)
            return found

        return self._managers.ask(read)

    def network(self, name: str, like: str, *, attachable: bool = False) -> str:
        """Return the id of a project's network, which is made where there is none.

        Args:
            like: the network whose MTU, and encryption, it has too.
            attachable: whether plain containers can be on it.
        """

        def ensure(engine: Engine) -> str:
            there = {n["Name"]: n for n in engine.networks(names=[name, like])}
            if name in there:
                return str(there[name]["Id"])
            options = (there[like].get("Options") or {}) if like in there else {}
            kept = {key: options[key] for key in _OPTIONS if key in options}
            labels = {"skp": "project"}
            # (Plain containers can be attached: the front door is one.)
            made = engine.create_network(
                name,
                driver="overlay",
                options=kept,
                labels=labels,
                check_duplicate=True,
                attachable=attachable,
            )
            return str(made["Id"])

        return self._managers.ask(ensure, f"making the network {name}")

    def revisions(self, of: str = "") -> list[Revision]:
        """Return the revisions of a deployment, the oldest first; of all for ""."""

        def read(engine: Engine) -> list[Revision]:
            return [_revision(found) for found in engine.configs(filters={"label": [_OF]})]

        found = [r for r in self._managers.ask(read) if of in ("", r.of)]
        return sorted(found, key=lambda r: (r.of, r.number))

    def keep(self, of: str, number: int, document: Mapping[str, Any], by: str) -> None:
        """Keep a revision, which an account brought; "" for the operator."""
        name, labels = revision(of, number), {_OF: of, _NUMBER: str(number), _BY: by}
        data = json.dumps(document).encode()

        def keep(engine: Engine) -> None:
            engine.create_config(name, data, labels=labels)

        self._managers.ask(keep, f"keeping revision {number} of {of}")

    def mark_removed(self, found: Revision, when: float) -> None:
        """Note when the deployment was removed; 0 for that it is there again."""
        labels = {_OF: found.of, _NUMBER: str(found.number), _BY: found.by}
        labels |= {_REMOVED: str(when)} if when else {}

        def mark(engine: Engine) -> None:
            engine.update_config(found.id, found.version, revision(found.of, found.number), labels)

        self._managers.ask(mark)

    def forget(self, found: Revision) -> None:
        """Remove a revision; one that is gone is no error."""

        def forget(engine: Engine) -> None:
            with suppress(docker.errors.NotFound):
                engine.remove_config(found.id)

        self._managers.ask(forget)


def _ledger(text: str, _: int) -> Ledger:
    return Ledger.parse(text)


def _revision(found: Mapping[str, Any]) -> Revision:
    spec = found["Spec"]
    labels = spec["Labels"]
    return Revision(
        labels[_OF],
        int(labels[_NUMBER]),
        found["ID"],
        found["Version"]["Index"],
        json.loads(base64.b64decode(spec["Data"])),
        float(labels.get(_REMOVED, 0)),
        found.get("CreatedAt", ""),
        labels.get(_BY, ""),
    )
