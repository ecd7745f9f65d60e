"""The containers and images of a fake engine, which change as a real one's do."""

from __future__ import annotations

import io
import itertools
import re
import shlex
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from cluster.connectors.base import Completed
from tests.support.fake_connection import FakeConnection, Ran, Request, done
from tests.support.fake_http import Reply, content, frames, refusal, reply

_GONE = refusal(404, "No such container")


class FakeContainers:
    """A node's containers, and the files that were written for them.

    Attributes:
        objects: what the engine would return on inspection, by id.
        files: the content of the files below a folder, by the folder's name and theirs.
        ends: the exit code with which a container ends once it was started; None: it runs on.
    """

    def __init__(self, connection: FakeConnection) -> None:
        """Have the node answer for its containers; shell commands as root end well."""
        self.objects: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, str]] = {}
        self.ends: int | None = None
        self._number = itertools.count(1)
        connection.on("GET /containers/json", self._list)
        connection.on("GET /containers/*/json", self._inspect)
        connection.on("GET /containers/*/logs", content(frames("the last line\n")))
        connection.on("POST /containers/create", self._create)
        connection.on("POST /containers/*/rename", self._rename)
        for verb in ("start", "restart", "unpause"):
            connection.on(f"POST /containers/*/{verb}", self.start)
        connection.on("POST /containers/*/stop", self._stop)
        connection.on("DELETE /containers/*", self._remove)
        connection.on_run("sudo -n sh -c", done())
        connection.on_run("tar -xf - -C", self._unpack)
        connection.on_run("rm -rf", self.wipe)

    @property
    def there(self) -> dict[str, str]:
        """The status of every container, by its name."""
        return {found["Name"][1:]: found["State"]["Status"] for found in self.objects.values()}

    def add(
        self,
        name: str,
        identity: str,
        labels: Mapping[str, str] | None = None,
        status: str = "running",
    ) -> None:
        """Have a container as if it had been made before."""
        self.objects[identity] = {
            "Id": identity,
            "Name": f"/{name}",
            "Config": {"Labels": dict(labels or {}), "Image": "image", "Tty": False},
            "RestartCount": 0,
            "State": {"ExitCode": 0, "StartedAt": ""},
            "NetworkSettings": {"Networks": {}},
        }
        self._set(identity, status)

    def ids(self, name: str) -> list[str]:
        """Return the ids of the containers of that name: one or none."""
        return [ident for ident, found in self.objects.items() if found["Name"] == f"/{name}"]

    def _set(self, identity: str, status: str) -> None:
        self.objects[identity]["State"] |= {"Status": status, "Running": status == "running"}

    def _find(self, request: Request) -> str:
        key = request.path.partition("?")[0].split("/")[2]
        return key if key in self.objects else next(iter(self.ids(key)), "")

    def _list(self, _request: Request) -> Reply:
        return reply([{"Id": ident, "Ports": []} for ident in self.objects])

    def _inspect(self, request: Request) -> Reply:
        found = self._find(request)
        return reply(self.objects[found]) if found else _GONE

    def _create(self, request: Request) -> Reply:
        name = request.path.partition("?name=")[2]
        if self.ids(name):
            return refusal(409, f"Conflict. The container name {name} is already in use")
        identity = f"made-{next(self._number)}"
        self.add(name, identity, request.body["Labels"], "created")
        return reply({"Id": identity, "Warnings": []}, 201)

    def _rename(self, request: Request) -> Reply:
        found, name = self._find(request), request.path.partition("?name=")[2]
        if not found:
            return _GONE
        if self.ids(name):
            return refusal(409, f"Conflict. The container name {name} is already in use")
        self.objects[found]["Name"] = f"/{name}"
        return reply(status=204)

    def start(self, request: Request) -> Reply:
        """Answer POST .../start, /restart, /unpause."""
        if not (found := self._find(request)):
            return _GONE
        self._set(found, "running" if self.ends is None else "exited")
        self.objects[found]["State"]["ExitCode"] = self.ends or 0
        return reply(status=204)

    def _stop(self, request: Request) -> Reply:
        if not (found := self._find(request)):
            return _GONE
        self._set(found, "exited")
        return reply(status=204)

    def _remove(self, request: Request) -> Reply:
        return reply(status=204) if self.objects.pop(self._find(request), None) else _GONE

    def _unpack(self, ran: Ran) -> Completed:
        assert isinstance(ran.stdin, bytes)
        folder = re.search(r"-C (\S+)", ran.command)
        assert folder is not None
        with tarfile.open(fileobj=io.BytesIO(ran.stdin)) as archive:
            read = {entry.name: archive.extractfile(entry) for entry in archive}
            texts = {name: file.read().decode() for name, file in read.items() if file}
        self.files[PurePosixPath(folder[1]).name] = texts
        return done()

    def wipe(self, ran: Ran) -> Completed:
        """Remove a folder of files; or unpack some, where the command begins with a clean place."""
        if "tar -xf" in ran.command:
            return self._unpack(ran)
        script = shlex.split(ran.command)[-1]
        self.files.pop(PurePosixPath(shlex.split(script)[-1]).name, None)
        return done()
