"""A fake node with a memory: what its engine is told to make is there when it is asked next."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs

from cluster.config import secrets
from cluster.connectors.base import Completed
from hosts.boot import files as boot
from tests.support.fake_registry import digests
from tests.support.fakes import (
    FakeConnection,
    Ran,
    Reply,
    Request,
    UnscriptedError,
    done,
    events,
    frames,
    refusal,
    reply,
)

STARTED = "2026-11-28T10:00:00.000000001Z"
_TRAIL = "/var/lib/skp/audit.jsonl"


class FakeMachine:
    """A node's engine and shell, as far as SKP uses them; a test may script more on `connection`.

    Attributes:
        containers: by name, as the engine inspects them.
        images: what its engine has: references to ids. pushed: what all registries have: references
            to digests; a registry answers while a container of that service runs on its node.
        installed: the files of its own that are as SKP has them, by path.
        markers: the small files that services ask for, by path.
        folders: the shared folders that it has, as a probe finds them, by path.
        left: the old places of data that hold some.
        remains: files that an earlier version may have left, on this machine's own disk.
        secrets: the text of its copy of the generated secrets; "" for none.
        shared: small files on the shared file system, by path.
        trail: its copy of the audit trail.
        swarm: its membership, as the engine tells it.
        job_done: called with a container that ran to its end.
        execs: how commands in containers end, by a part of them; the last that fits counts.
    """

    def __init__(
        self,
        name: str,
        address: str,
        pushed: dict[str, str],
        wire: list[str],
        shared: dict[str, str] | None = None,
    ) -> None:
        self.shared = {} if shared is None else shared
        self.name, self.address = name, address
        self.connection = FakeConnection(name, wire)
        self.containers: dict[str, dict[str, Any]] = {}
        self.images: dict[str, str] = {}
        self.pushed = pushed
        self.installed: set[str] = set()
        self.markers: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        self.left: set[str] = set()
        self.remains: set[str] = set()
        self.secrets = ""
        self.trail = b""
        self.job_done: Callable[[Mapping[str, Any]], None] = lambda _: None
        self.execs = {"": done(), "-busy": done(1)}
        self.swarm: dict[str, Any] = {"LocalNodeState": "inactive", "NodeID": ""}
        self.swarm |= {"ControlAvailable": False, "NodeAddr": ""}
        self._count = itertools.count(1)
        self.connection.on_run("", self._shell)
        self._answer(
            {
                "GET /info": self._info,
                "GET /containers/json": self._listed,
                "GET /containers/*/json": self._inspected,
                "POST /containers/create": self.created,
                "POST /containers/*/start": self.started,
                "POST /containers/*/restart": self.started,
                "POST /containers/*/stop": self._stopped,
                "POST /containers/*/rename": self._renamed,
                "DELETE /containers/*": self._removed,
                "POST /containers/*/exec": self._exec,
                "GET /images/*/json": self._image,
                "POST /images/*/tag": self._tagged,
                "POST /images/create": self._pulled,
                "GET /distribution/*/json": self._distribution,
            }
        )

    def _answer(self, answers: Mapping[str, Callable[[Request], Reply]]) -> None:
        for pattern, answer in answers.items():
            self.connection.on(pattern, answer)

    def changes(self) -> list[str]:
        """Return the lines of its wire that may change something, in their order.

        How long what it was given is, which differs from run to run, is cut.
        """
        return [
            re.sub(r" < (\d+ bytes|stream)$", " < ...", line)
            for line in self.connection.wire
            if not line.startswith(("GET ", "HEAD "))
            and not line.startswith("run: timeout -s KILL 5 stat -c owner:")
            and not line.startswith("run: sudo -n sh -c 'tail -qn")
            and "/dev/tcp/localhost/5000 && { cat" not in line
        ]

    def of_service(self, service: str) -> dict[str, dict[str, Any]]:
        """Return its containers of a service by name."""
        return {
            name: found
            for name, found in self.containers.items()
            if found["Config"]["Labels"].get("skp.service") == service
        }

    def _info(self, _: Request) -> Reply:
        now = datetime.now(UTC).isoformat()
        told = {"Name": self.name, "ServerVersion": "26.1", "SystemTime": now, "Runtimes": {}}
        return reply({**told, "Swarm": self.swarm})

    def _listed(self, _: Request) -> Reply:
        return reply([{"Id": c["Id"], "Ports": _ports(c)} for c in self.containers.values()])

    def _find(self, request: Request) -> dict[str, Any] | None:
        said = request.path.partition("?")[0].split("/")[2]
        matches = (c for n, c in self.containers.items() if said in (n, c["Id"]))
        return next(matches, None)

    def _inspected(self, request: Request) -> Reply:
        return reply(found) if (found := self._find(request)) else refusal(404, "No such")

    def created(self, request: Request) -> Reply:
        """Answer POST /containers/create."""
        name = request.path.partition("name=")[2]
        found = self.add(name, request.body)
        return reply({"Id": found["Id"], "Warnings": []}, 201)

    def add(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have a container that was created with `body` and never started."""
        state: dict[str, Any] = {"Status": "created", "Running": False, "ExitCode": 0}
        found: dict[str, Any] = {
            "Id": f"{self.name}-{next(self._count)}",
            "Name": f"/{name}",
            "Config": {**body, "Tty": False},
            "HostConfig": body.get("HostConfig", {}),
            "Image": self.images.get(body["Image"], "sha256:unknown"),
            "State": {**state, "StartedAt": STARTED},
            "NetworkSettings": {"Networks": {}},
            "RestartCount": 0,
        }
        self.containers[name] = found
        return found

    def started(self, request: Request) -> Reply:
        """Answer POST /containers/ID/start."""
        found = self._find(request)
        if found is None:
            return refusal(404, "No such container")
        found["State"] |= {"Status": "running", "Running": True}
        if "Healthcheck" in found["Config"]:
            found["State"]["Health"] = {"Status": "healthy", "Log": []}
        if found["HostConfig"].get("RestartPolicy", {}).get("Name") == "no":  # a job
            found["State"] |= {"Status": "exited", "Running": False}
            self.job_done(found)
        return reply(status=204)

    def _stopped(self, request: Request) -> Reply:
        if (found := self._find(request)) is None:
            return refusal(404, "No such container")
        found["State"] |= {"Status": "exited", "Running": False}
        return reply(status=204)

    def _renamed(self, request: Request) -> Reply:
        found, name = self._find(request), request.path.partition("name=")[2]
        if found is None:
            return refusal(404, "No such container")
        del self.containers[found["Name"].lstrip("/")]
        found["Name"] = f"/{name}"
        self.containers[name] = found
        return reply(status=204)

    def _removed(self, request: Request) -> Reply:
        found = self._find(request)
        if found is None:
            return refusal(404, "No such container")
        del self.containers[found["Name"].lstrip("/")]
        return reply(status=204)

    def _exec(self, request: Request) -> Reply:
        if self._find(request) is None:
            return refusal(404, "No such container")
        ended = self._ended(" ".join(request.body["Cmd"]))
        ident = f"exec-{next(self._count)}"
        said = (frames(ended.text),) if ended.stdout else ()
        self.connection.on(f"POST /exec/{ident}/start", Reply(101, said, raw=True))
        self.connection.on(f"GET /exec/{ident}/json", reply({"ExitCode": ended.exit_code}))
        return reply({"Id": ident}, 201)

    def _executed(self, name: str, command: str) -> Completed:
        if name not in self.containers:
            return done(1, stderr=f"Error response from daemon: No such container: {name}\n")
        return self._ended(command)

    def _ended(self, command: str) -> Completed:
        return next(end for part, end in reversed(self.execs.items()) if part in command)

    def _image(self, request: Request) -> Reply:
        reference = request.path.removeprefix("/images/").removesuffix("/json")
        found = self.images.get(reference)
        return reply({"Id": found}) if found else refusal(404, f"No such image: {reference}")

    def _tagged(self, request: Request) -> Reply:
        pinned = request.path.removeprefix("/images/").partition("/tag?")[0]
        query = parse_qs(request.path.partition("?")[2])
        self.images[f"{query['repo'][0]}:{query['tag'][0]}"] = self.images[pinned]
        return reply(status=201)

    def _pulled(self, request: Request) -> Reply:
        query = parse_qs(request.path.partition("?")[2])
        name, tag = query["fromImage"][0], query["tag"][0]
        self.images[f"{name}{'@' if ':' in tag else ':'}{tag}"] = f"id-of-{tag}"
        return events({"status": "Pull complete"})

    def _serves(self) -> bool:
        return any(c["State"]["Running"] for c in self.of_service("registry").values())

    def _registry(self, ran: Ran) -> Completed:
        """Answer requests for the digests of tags, sent at once."""
        if not self._serves():
            return done(1, stderr="Connection refused\n")
        return digests(self.pushed, ran)

    def _distribution(self, request: Request) -> Reply:
        name = request.path.removeprefix("/distribution/").removesuffix("/json")
        if not self._serves():
            return refusal(500, "connection refused")
        digest = self.pushed.get(name) or name.partition("@")[2]
        if digest in self.pushed.values():
            return reply({"Descriptor": {"digest": digest}})
        return refusal(404, "manifest unknown")

    def _shell(self, ran: Ran) -> Completed:
        command = ran.command
        if "stat -c owner:" in command:
            return done(0, self._disk(command))
        if _TRAIL in command:
            return self._audit(ran)
        if "/dev/tcp/localhost/5000 && { cat" in command:
            return self._registry(ran)
        if "flock" in command:
            return _keep(ran)
        return self._other(ran)

    def _other(self, ran: Ran) -> Completed:
        command = ran.command
        if found := re.search(r"docker exec (?:-i )?(\S+) (.*)", command):
            return self._executed(found[1], found[2])
        if command == "sudo -n sh -s":
            return self._arranged(ran)
        if command.startswith("sudo -n sh -c"):
            self._as_root(ran)
            return done()
        raise UnscriptedError(f"{self.name}: no outcome is scripted of: {command}")

    def _audit(self, ran: Ran) -> Completed:
        if not ran.stdin:
            return done(0, self.trail.decode())
        assert isinstance(ran.stdin, bytes)
        self.trail += ran.stdin
        return done()

    def _as_root(self, ran: Ran) -> None:
        if "cat >/var/lib/skp/secrets.env.new" in ran.command:
            assert isinstance(ran.stdin, bytes)
            self.secrets = ran.stdin.decode()
        for mark, path in re.findall(r"echo (\w+) >(/var/lib/skp/live/\S+?)\)", ran.command):
            self.markers[path] = f"{mark}\n"
        self.installed |= {
            path for path in (boot.PROGRAM, boot.UNIT) if f"/dev/stdin {path}.new" in ran.command
        }

    def _arranged(self, ran: Ran) -> Completed:
        """Carry out the calls of the script that arranges shared folders."""
        assert isinstance(ran.stdin, bytes)
        calls = ran.stdin.decode().rpartition("}\n")[2].splitlines()
        for word, *values in map(shlex.split, filter(None, calls)):
            self._arrange(word, values)
        return done()

    def _arrange(self, word: str, values: Sequence[str]) -> None:
        if word in ("folder", "own"):
            path, owner, mode = values
            self.folders[path] = f"{owner} {int(mode, 8):o} directory"
        elif word == "moved":
            self.left.discard(values[0])
        elif word == "marked":
            self.shared[values[0]] = f"{values[1]}\n"

    def _disk(self, command: str) -> str:
        lines = ["owner:1000:1000"]
        for file in boot.files():
            if not file.where:  # no systemd here
                lines.append(f"file: {file.path}")
                if file.path in self.installed:
                    mode, uid, digest = file.signature.split()
                    lines += [f"mode: {mode} {uid} {file.path}", f"sum: {digest}  {file.path}"]
        lines.append("login:1000 1000 58000")
        if "folder:%u" in command:
            lines += [f"folder:{said}:{path}" for path, said in self.folders.items()]
            lines += [f"left:{path}" for path in self.left]
            lines += [f"remains:{path}" for path in self.remains if Path(path).exists()]
        every = {**self.markers, **self.shared}
        there = {path: text for path, text in every.items() if path in command}
        lines += [f"note:{path}: {text.encode().hex(' ')}" for path, text in there.items()]
        return "\n".join([*lines, "end:", *self._kept(command), ""])

    def _kept(self, command: str) -> list[str]:
        if "secrets.env" not in command:
            return []
        if not self.secrets:
            return ["end:"]
        if f'"{secrets.parse(self.secrets).mark} $(' in command:
            return ["same:"]
        return ["kept:", *self.secrets.splitlines(), "end:"]


def _ports(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    bindings = found["HostConfig"].get("PortBindings") or {}
    return [
        {"PublicPort": int(bound[0]["HostPort"]), "Type": PurePosixPath(port).name}
        for port, bound in bindings.items()
        if found["State"]["Running"]
    ]


def _keep(ran: Ran) -> Completed:
    """Hold the lock that is a file until its input ends."""
    assert not isinstance(ran.stdin, bytes)
    assert ran.on_line is not None
    ran.on_line("skp: taken")
    while ran.stdin.read(1):
        pass
    return done()
