"""What is kept of builds: a record of each, and its log, on the platform's folder."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from cluster.errors import ConfigError
from cluster.model.digests import DIGEST

if TYPE_CHECKING:
    from cluster.connectors.node import Node

_ID = re.compile(r"bld_[0-9a-z]{20}")
_LOGS, _RECORDS = 50, 1000  # of a project
_MOST_LOG = 8 << 20  # bytes of a log that are shown


class State(StrEnum):
    """How a build is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    ERROR = "error"


@dataclass(frozen=True)
class Build:
    """A build.

    Attributes:
        ident: sortable by when it was made.
        image: repository and tag. account: whose it is; "" for the operator.
        created, until: when it was asked for, and when it is over at the latest; seconds.
        input: the digest of all that it is made from. digest: the image's; "" while there is none.
        error: why there will be none.
    """

    ident: str
    project: str
    image: str
    account: str
    state: State
    created: float
    until: float
    input: str
    ended: float = 0
    node: str = ""
    digest: str = ""
    error: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The record as it is stored and shown."""
        return asdict(self)

    def seen(self, now: float) -> Build:
        """Return it as it is: one that nobody carries out any more has failed."""
        if self.state in (State.COMPLETE, State.ERROR) or now < self.until:
            return self
        why = "what asked for it was ended"
        return Build(**{**asdict(self), "state": State.ERROR, "error": why, "ended": self.until})


class Records:
    """The builds of one project."""

    def __init__(self, master: Node, platform: str, project: str) -> None:
        """Begin with where they are kept."""
        self._master = master
        self.folder = f"{platform}/builds/{project}"

    def keep(self, build: Build, log: Iterable[str] | None = None) -> None:
        """Store a record, and its log when it has ended; the oldest go.

        Raises:
            NodeError: the master can't.
        """
        folder, name = shlex.quote(self.folder), build.ident
        text = json.dumps(build.document, ensure_ascii=False, sort_keys=True)
        parent = shlex.quote(str(PurePosixPath(self.folder).parent))
        script = f"umask 077; install -d -m 0711 {parent} {folder} && cd {folder} || exit 1\n"
        script += f"printf '%s\\n' {shlex.quote(text)} >{name}.new && mv {name}.new {name}.json\n"
        if log is not None:
            script += f"cat >{name}.log\n"
            # (What commands left that were killed.)
            script += "find . -maxdepth 1 -name 'bld_*.image' -mtime +1 -exec rm -rf {} +\n"
            for end, most in (("log", _LOGS), ("json", _RECORDS)):
                script += f"ls -r bld_*.{end} 2>/dev/null | tail -n +{most + 1} | xargs -r rm -f\n"
        said = "\n".join(log or ()).encode(errors="replace")
        self._master.sudo(script, stdin=said, deadline=self._master.deadlines.transfer)

    def read(self, now: float) -> list[Build]:
        """Return all, the newest first; a file that is no record is left out.

        Raises:
            NodeError: the master can't be asked.
        """
        folder = shlex.quote(self.folder)
        told = self._master.sudo(
            f"cd {folder} 2>/dev/null || exit 0; cat bld_*.json 2>/dev/null; true"
        )
        found = [_parsed(line) for line in told.text.splitlines()]
        known = [build.seen(now) for build in found if build]
        return sorted(known, key=lambda build: build.ident, reverse=True)

    def log(self, ident: str) -> list[str]:
        """Return the lines of a build's log.

        Raises:
            ConfigError: there is none of that name.
        """
        path = f"{shlex.quote(self.folder)}/{ident}.log"
        if not _ID.fullmatch(ident):
            raise ConfigError(f"{ident}: no name of a build", "./skp.py deploy.builds shows them.")
        done = self._master.run(f"sudo -n head -c {_MOST_LOG} -- {path}")
        if done.exit_code:
            what = f"{ident}: no log of it is kept"
            raise ConfigError(what, f"The last {_LOGS} of a project are, when they have ended.")
        return done.text.splitlines()


def same(builds: Iterable[Build], made_from: str) -> Build | None:
    """Return the newest build that made an image of the same input; None where none did."""
    for build in builds:
        if build.input == made_from and build.state is State.COMPLETE:
            return build
    return None


def _parsed(line: str) -> Build | None:
    try:
        read: Mapping[str, Any] = json.loads(line)
        found = Build(**{**read, "state": State(read["state"])})
        fine = bool(_ID.fullmatch(found.ident)) and isinstance(found.image, str)
        fine = fine and (not found.digest or bool(DIGEST.fullmatch(found.digest)))
        return found if fine else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
