"""Secrets of projects, in the Swarm's store: by name, of several of a name the newest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TypeAlias

import docker.errors

from cluster.config.secrets import Secret
from cluster.connectors.engine import Engine
from cluster.connectors.managers import Managers
from cluster.errors import ConfigError, NodeError, nearest
from workloads.form import Form
from workloads.model import Deployment
from workloads.naming import StoredSecret, recognised_secret

Stored: TypeAlias = Mapping[str, tuple[StoredSecret, str]]
"""Secrets of a project by name, each with its id in the store."""


class Secrets:
    """What deployments may name in `secrets:`."""

    def __init__(self, managers: Managers, key: Secret) -> None:
        """Use these managers; `key` tells ours from others'."""
        self._managers, self._key = managers, key

    def of(self, project: str) -> dict[str, tuple[StoredSecret, str]]:
        """Return a project's secrets by name, each with its id: of several the newest."""
        found: dict[str, tuple[StoredSecret, str]] = {}
        for each, ident in self._all(project):
            if each.name not in found or found[each.name][0].number < each.number:
                found[each.name] = each, ident
        return found

    def _all(self, project: str) -> list[tuple[StoredSecret, str]]:
        listed = self._managers.ask(_listed, "asking for secrets' names")
        known = ((recognised_secret(labels, self._key), ident) for labels, ident in listed)
        return [(each, ident) for each, ident in known if each and each.project == project]

    def keep(self, project: str, name: str, content: Secret, mark: str = "") -> None:
        """Store a secret in place of one of that name; who uses that keeps it until a change.

        Args:
            mark: a keyed hash of the content, for those that are compared with what is wanted.
        """
        older = [each for each in self._all(project) if each[0].name == name]
        number = max((each.number for each, _ in older), default=0) + 1
        new = StoredSecret(project, name, number, mark)

        def make(engine: Engine) -> None:
            engine.create_secret(new.stored_as, content.reveal().encode(), new.labels(self._key))

        self._managers.ask(make, f"storing the secret {name}")
        for _, ident in older:
            self._take(ident)

    def kept(self, project: str, name: str, content: Secret) -> tuple[StoredSecret, str]:
        """Return the secret of that name with its id; it is stored anew if it has other content.

        Raises:
            NodeError: it can't be stored.
        """
        mark = content.fingerprint(self._key)
        there = self.of(project).get(name)
        if there is None or there[0].content != mark:
            try:
                self.keep(project, name, content, mark)
            except NodeError:
                # (Another deployment of the project has brought it meanwhile.)
                if name not in (now := self.of(project)) or now[name][0].content != mark:
                    raise
        return self.of(project)[name]

    def remove(self, project: str, name: str) -> bool:
        """Remove a secret, the newest last; tell whether it is gone, which nothing in use is."""
        every = [(each, ident) for each, ident in self._all(project) if each.name == name]
        every.sort(key=lambda pair: pair[0].number)
        return all(self._take(ident) for _, ident in every)

    def _take(self, ident: str) -> bool:
        def take(engine: Engine) -> bool:
            try:
                with suppress(docker.errors.NotFound):
                    engine.remove_secret(ident)
            except docker.errors.APIError as error:
                if "in use" in str(error):
                    return False
                raise
            return True

        return self._managers.ask(take, "removing a secret")


def named(wanted: Deployment, known: Stored) -> Stored:
    """Return those secrets of a project that a deployment names."""
    names = {name for part in wanted.parts for name in part.secrets}
    return {name: known[name] for name in sorted(names) if name in known}


def lacking(form: Form, wanted: Deployment, project: str, known: Stored) -> Iterator[ConfigError]:
    """Yield an error for each secret that a deployment names and its project does not have."""
    for part in wanted.parts:
        for name in part.secrets:
            if name not in known:
                what = f"{project} has no secret {name}{nearest(name, known)}"
                hint = f"./skp.py deploy.secret {project}/{name} -f FILE stores it."
                yield form.error(("containers", part.name, "secrets"), what, hint)


def _listed(engine: Engine) -> list[tuple[Mapping[str, str], str]]:
    found = engine.of_swarm("GET", "/secrets")
    return [(each["Spec"].get("Labels") or {}, each["ID"]) for each in found]
