"""TANGO's deployment.yaml, in the forms that its own generator and its samples have.

docs/deployments.md lists what is read. What means nothing here is told as a warning, with its line.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from cluster.config.document import Document, Location
from cluster.config.ports import NAMED
from cluster.errors import nearest
from workloads.form import Form
from workloads.readers.reader import DocumentReader

_PART = "main"
# Of the builder, of another target's, or for its own use.
_UNUSED = {
    "build": {"architecture", "accelerator", "os", "components", "target_name", "image_uri"},
    "deploy": {
        "type",
        "k8s",
        "awsvpc",
        "model_service",
        "cluster_size",
        "cluster_mode",
        "open_to_public",
    },
}
_READ = {
    "name", "service_name", "work_dir", "workdir", "pre_exec", "entrypoint", "network",
    "resources", "replicas",
}  # fmt: skip
_NETWORK = ("service_host_ip", "service_host_port", "service_container_port")
_SILENT = {"type", "image_uri", "target_name"}


class Reader(DocumentReader):
    """Brings one document into our own form."""

    def __init__(self, document: Document) -> None:
        """Begin with a document that has `deploy` or `build`."""
        super().__init__(document)
        self.deploy = self._object(document.value, ("deploy",))
        self.build = self._object(document.value, ("build",))

    def form(self) -> Form:
        """Return the form.

        Raises:
            ConfigErrors: with all that is wrong.
        """
        at = ("containers", _PART)
        self._image(at)
        self._name()
        self._copy(("deploy", "replicas"), ("replicas",))
        self._workdir(at)
        self._program(at)
        self._ports(at)
        self._resources(at)
        self._warn()
        return self.draft.form()

    def _object(self, value: Any, location: Location) -> Mapping[str, Any]:
        found = value.get(location[-1], {}) if isinstance(value, dict) else {}
        if isinstance(found, dict):
            return found
        self._wrong(location, "an object is needed")
        return {}

    def _copy(self, source: Location, target: tuple[str, ...]) -> None:
        if (value := self._at(source)) is not None:
            self._put(source, target, value)

    def _image(self, at: tuple[str, ...]) -> None:
        for key in ("image_uri", "target_name"):  # (Generated files have either.)
            if key in self.build:
                return self._copy(("build", key), (*at, "image"))
        hint = "Write it there: image_uri: registry.example/team/app:1.0"
        return self._wrong(("build",), "image_uri missing: the image that is to run", hint)

    def _name(self) -> None:
        for key in ("service_name", "name"):
            if key in self.deploy:
                return self._copy(("deploy", key), ("name",))
        return self._wrong(("deploy",), "service_name missing", "Write it: service_name: my-app")

    def _workdir(self, at: tuple[str, ...]) -> None:
        for key in ("workdir", "work_dir"):
            if key in self.deploy:
                return self._copy(("deploy", key), (*at, "workdir"))
        return None

    def _program(self, at: tuple[str, ...]) -> None:
        """Say what runs: the entry point; with commands before it, a shell that runs all."""
        words = self._words(("deploy", "entrypoint"), self.deploy.get("entrypoint", []))
        before = self.deploy.get("pre_exec") or []
        if not isinstance(before, list):
            self._wrong(("deploy", "pre_exec"), "a list of commands is needed")
        elif before:
            if not words:
                self._wrong(("deploy", "pre_exec"), "there is no entrypoint after it")
            steps = [
                shlex.join(self._words(("deploy", "pre_exec", n), step))
                for n, step in enumerate(before)
            ]
            script = " && ".join([*steps, f"exec {shlex.join(words)}"])
            self._put(("deploy", "pre_exec"), (*at, "command"), ["sh", "-c", script])
        elif words:
            self._put(("deploy", "entrypoint"), (*at, "command"), words)

    def _words(self, location: Location, value: Any) -> list[str]:
        if isinstance(value, str):
            try:
                return shlex.split(value)
            except ValueError as error:
                self._wrong(location, f"{value} can't be parted into words: {error}")
                return []
        if isinstance(value, list) and all(isinstance(word, str | int) for word in value):
            return [str(word) for word in value]
        self._wrong(location, "a list of words is needed")
        return []

    def _ports(self, at: tuple[str, ...]) -> None:
        location: Location = ("deploy", "network")
        network = self._object(self.deploy, location)
        outside = network.get("service_host_port")
        inside = network.get("service_container_port", outside)
        if inside is None:
            return
        key = "service_container_port" if "service_container_port" in network else _NETWORK[1]
        port: dict[str, Any] = {"port": inside}
        if outside in NAMED:
            port["publish"] = outside
        elif outside is not None:
            place = self.document.place((*location, _NETWORK[1]))
            self.draft.warnings.append(f"{place}: {outside}: a port is chosen, and told")
        self._put((*location, key), (*at, "ports"), [port])

    def _resources(self, at: tuple[str, ...]) -> None:
        location: Location = ("deploy", "resources")
        asked = self._object(self.deploy, location)
        for key, ours in (("cpu", "cpus"), ("gpu", "gpus")):
            self._copy((*location, key), (*at, "resources", ours))
        memory = asked.get("memory")
        if isinstance(memory, int) and not isinstance(memory, bool):
            memory = f"{memory}m"  # (MB)
        if memory is not None:
            self._put((*location, "memory"), (*at, "resources", "memory"), memory)
        for key in set(asked) - {"cpu", "gpu", "memory"}:
            self._unused((*location, key), nearest(key, ("cpu", "gpu", "memory")))

    def _warn(self) -> None:
        """Tell what was read and means nothing here."""
        for key in self.document.value:
            if key not in ("build", "deploy", "optional"):
                self._unused((key,), nearest(key, ("build", "deploy")))
        for key in set(self.build) - _SILENT:
            known = key in _UNUSED["build"]
            self._unused(("build", key), "" if known else nearest(key, _UNUSED["build"]))
        for key in set(self.deploy) - _READ - _SILENT:
            known = key in _UNUSED["deploy"]
            self._unused(("deploy", key), "" if known else nearest(key, _READ))
        network = self._object(self.deploy, ("deploy", "network"))
        for key in set(network) - set(_NETWORK[1:]):
            self._unused(("deploy", "network", key), "")
        self.draft.warnings.sort(key=_line)

    def _unused(self, location: Location, guess: str) -> None:
        self.draft.warnings.append(f"{self.document.place(location)}: not used{guess}")


def _line(warning: str) -> tuple[int, str]:
    number = warning.split(":")[1]
    return int(number) if number.isdecimal() else 0, warning
