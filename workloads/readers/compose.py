"""Compose files, a named subset: what is not supported is refused by its name.

docs/deployments.md lists what is. compose-spec's "05-services.md" names the fields' forms. All
services of a file are containers of one deployment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cluster.config.document import Location
from cluster.errors import ConfigError, nearest
from workloads.form import Form
from workloads.readers import compose_parts as parts
from workloads.readers.inside import text_of
from workloads.readers.reader import DocumentReader

_TOP = {"version", "name", "services", "volumes", "secrets"}
_DEFAULT_SIZE = "10g"
_OURS = "x-skp-size"
_ADVICE = {
    "build": "Build and push the image first; image: names it.",
    "depends_on": "All containers begin at once; a program waits for what it needs.",
    "networks": "A project has a network of its own; containers find each other by their names.",
    "network_mode": "A project has a network of its own.",
    "container_name": "Containers have the names of services.",
    "privileged": "Nothing of users' is privileged.",
    "cap_add": "class: root of our own file is for what has to be root inside.",
    "user": "The platform says the user: it is the account's.",
    "devices": "deploy: resources: reservations: devices: asks for GPUs.",
    "configs": "Put the file on a volume or into the image.",
    "extends": "Write the values themselves.",
}


class Reader(DocumentReader):
    """Brings one document, which has `services`, into our own form."""

    def form(self) -> Form:
        """Return the form.

        Raises:
            ConfigErrors: with all that is wrong.
        """
        value: Mapping[str, Any] = self.document.value
        self._only((), value, _TOP)
        name = value.get("name", re.sub("[^a-z0-9]+", "-", self._folder().lower()).strip("-"))
        self._put(("name",), ("name",), name)
        for service, said in self._object(("services",)).items():
            location: Location = ("services", service)
            if isinstance(said, dict):
                self._service(location, said)
            else:
                self._wrong(location, "an object is needed, with image")
        self._volumes()
        self._stored()
        return self.draft.form()

    def _folder(self) -> str:
        return self.document.path.absolute().parent.name

    def _service(self, location: Location, said: Mapping[str, Any]) -> None:
        at = ("containers", str(location[-1]))
        self._put((*location, "image"), (*at, "image"), said.get("image", ""))
        if "image" not in said:
            self._wrong(location, "image missing", _ADVICE["build"])
        handlers: dict[str, Callable[[Location, Any, tuple[str, ...]], None]] = {
            "command": self._args,
            "entrypoint": self._command,
            "environment": self._environment,
            "env_file": self._env_file,
            "ports": self._ports,
            "expose": self._expose,
            "volumes": self._mounts,
            "secrets": self._secrets,
            "healthcheck": self._health,
            "shm_size": self._shm,
            "stop_grace_period": self._stop,
            "working_dir": self._workdir,
            "mem_limit": self._memory,
            "cpus": self._cpus,
            "deploy": self._deploy,
            "restart": self._restart,
            "image": _nothing,
            "init": _nothing,
        }
        self._only(location, said, set(handlers))
        for key, handle in handlers.items():
            if key not in said:
                continue
            try:
                handle((*location, key), said[key], at)
            except parts.WrongError as error:
                self._wrong((*location, key, *error.at), error.what)
            except ConfigError as error:
                self.draft.errors.append(error)

    def _only(self, location: Location, value: Mapping[str, Any], known: set[str]) -> None:
        for key in value:
            if key not in known and not key.startswith("x-"):
                supported = f"Supported: {', '.join(sorted(known))}."
                what = f"not supported{nearest(key, known, 0.8)}"
                self._wrong((*location, key), what, _ADVICE.get(key, supported))

    def _object(self, location: Location) -> Mapping[str, Any]:
        value = self._at(location)
        if value is not None and not isinstance(value, dict):
            self._wrong(location, "an object is needed")
        return value if isinstance(value, dict) else {}

    def _args(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        self._put(location, (*at, "args"), parts.words(value))

    def _command(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        self._put(location, (*at, "command"), parts.words(value))

    def _environment(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        for key, text in parts.pairs(value).items():
            self._put((*location, key), (*at, "env", key), text)

    def _env_file(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        for name in [value] if isinstance(value, str) else parts.items(value):
            if not isinstance(name, str):
                raise parts.WrongError("a file's name is needed, or a list of them")
            content = text_of(self.document.path.parent, name, self.document.place(location))
            found = [line.strip() for line in content.splitlines()]
            for key, said in parts.pairs(
                [line for line in found if line and line[0] != "#"]
            ).items():
                if key not in self.draft.value["containers"][at[1]].get("env", {}):
                    self._put(location, (*at, "env", key), said.strip("\"'"))

    def _ports(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        self._add_ports(location, [parts.port(p) for p in parts.items(value)], at)

    def _expose(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        ports = [parts.port(p) | {"publish": "inside"} for p in parts.items(value)]
        self._add_ports(location, ports, at)

    def _add_ports(
        self, location: Location, ports: list[dict[str, Any]], at: tuple[str, ...]
    ) -> None:
        for port in ports:
            if other := port.pop("other", None):
                place = self.document.place(location)
                self.draft.warnings.append(f"{place}: {other}: a port is chosen, and told")
        before = self.draft.value["containers"][at[1]].get("ports", [])
        self._put(location, (*at, "ports"), [*before, *ports])

    def _mounts(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        for number, one in enumerate(parts.items(value)):
            name, path = parts.mount(one)
            self._put((*location, number), (*at, "volumes", name), path)

    def _secrets(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        names = parts.items(value)
        if not all(isinstance(name, str) for name in names):
            raise parts.WrongError("names alone are supported: - my-secret")
        self._put(location, (*at, "secrets"), names)

    def _health(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        found = parts.health(value)
        if found:
            self._put(location, (*at, "health"), found)

    def _shm(self, location: Location, value: Any, at: tuple[str, ...]) -> None:  # noqa: ARG002
        """Take the largest: the containers of a copy share it."""
        wanted = parts.memory(value)
        other = self.draft.value.get("shm", "1k")
        self._put(location, ("shm",), max(other, wanted, key=parts.bytes_of))

    def _stop(self, location: Location, value: Any, at: tuple[str, ...]) -> None:  # noqa: ARG002
        self._put(location, ("stop-time",), parts.seconds(value))

    def _workdir(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        self._put(location, (*at, "workdir"), value)

    def _memory(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        self._put(location, (*at, "resources", "memory"), parts.memory(value))

    def _cpus(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        self._put(location, (*at, "resources", "cpus"), parts.number(value))

    def _restart(self, location: Location, value: Any, at: tuple[str, ...]) -> None:  # noqa: ARG002
        if value not in ("always", "unless-stopped"):
            what = f"{value} found; allowed: always or unless-stopped, which is what is done"
            self._wrong(location, what)

    def _deploy(self, location: Location, value: Any, at: tuple[str, ...]) -> None:
        if not isinstance(value, dict):
            raise parts.WrongError("an object is needed")
        self._only(location, value, {"replicas", "resources", "placement", "update_config"})
        if "replicas" in value:
            if self.draft.value.get("replicas", value["replicas"]) != value["replicas"]:
                self._wrong((*location, "replicas"), "all services of a file have the same number")
            self._put((*location, "replicas"), ("replicas",), value["replicas"])
        for key, text in parts.resources(value.get("resources", {})).items():
            self._put((*location, "resources"), (*at, "resources", key), text)
        for key, text in parts.placement(value.get("placement", {})).items():
            self._put((*location, "placement"), (key,), text)
        for key, text in parts.update(value.get("update_config", {})).items():
            self._put((*location, "update_config"), ("update", key), text)

    def _volumes(self) -> None:
        """Declare the volumes that are used: named ones, each a folder of the project."""
        for name in self._object(("volumes",)):
            location: Location = ("volumes", name)
            said = self._object(location)
            self._only(location, said, set())
            if _OURS not in said:
                what = f"10 GB, for want of {_OURS}"
                self.draft.warnings.append(f"{self.document.place(location)}: {what}")
            self._put(location, ("volumes", name, "kind"), "nas")
            self._put(location, ("volumes", name, "size"), said.get(_OURS, _DEFAULT_SIZE))

    def _stored(self) -> None:
        """Refuse secrets that are files: those that the project has are named."""
        for name in self._object(("secrets",)):
            if self._object(("secrets", name)) != {"external": True}:
                hint = "Write external: true, and store it in the project by its name."
                self._wrong(("secrets", name), "only a secret of the project can be named", hint)


def _nothing(location: Location, value: Any, at: tuple[str, ...]) -> None:
    """Do nothing: it is read elsewhere, or so in any case."""
