"""Starting, stopping and asking for services of TANGO's manager, by way of the gate.

All state is the gate's: what is told of a service comes from its operations and its containers.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from api import facade_answers, facade_file, facade_names, facade_status
from api.facade_answers import Answer, Style
from api.facade_report import Reporter
from api.facade_status import UNDER_WAY, Seen, Word
from api.facade_who import Whose
from api.files import archive
from api.gate_client import Gate
from api.problems import ProblemError, away

_READING, _AT_ONCE = 10.0, 4  # seconds that the shared folder has to answer; readers of it
_STOPPING, _LOOKING = 60.0, 10.0  # seconds that a stop is waited for, and a look
_PAUSE = 0.3  # seconds between two questions
_AWAY, _UNKNOWN, _USED = 503, 404, 409  # statuses: of no gate, no project, and a used key
_CLUSTER = "the cluster"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """A service of the manager's: what it calls it, and whose it is here."""

    whose: Whose
    user: str
    project: str

    @property
    def name(self) -> str:
        """The deployment's."""
        return facade_names.deployment(self.user, self.project)

    def key(self, verb: str, seen: Seen) -> str:
        """Return by which key something is asked for, of a service as it was seen."""
        return f"{verb}:{self.name}:{seen.newest['id'] if seen.newest else 'first'}"

    def request(self, action: str, **more: Any) -> dict[str, Any]:
        """Return a request to the gate."""
        return {
            "account": self.whose.account,
            "project": self.whose.project,
            "action": action,
            **more,
        }


class Facade:
    """What the manager can ask for."""

    def __init__(
        self, gate: Gate, style: Style, shared: Path | None, reporter: Reporter | None
    ) -> None:
        """Answer in a style.

        Args:
            shared: the folder that has common/; None where nothing can be started.
            reporter: tells the manager how things end; None where nobody is told.
        """
        self._gate, self._style = gate, style
        self._shared, self._reporter = shared, reporter
        self._readers: anyio.CapacityLimiter | None = None

    async def start(self, service: Service) -> Answer:
        """Have a service started; raises ProblemError."""
        if self._shared is None:
            what = "start is off: API_SHARED in bin/env.sh names no folder with common/"
            return facade_answers.refused(400, what)
        seen = await self._seen(service)
        if (word := seen.word) in facade_status.THERE:
            return facade_answers.exists(word)
        if word is Word.UNKNOWN:
            raise away(_CLUSTER)
        try:
            spec = await self._spec(self._shared, service)
        except TimeoutError:
            _log.warning("%s: the shared folder does not answer", service.name)
            return facade_answers.missing()
        except facade_file.MissingError as error:
            _log.warning("%s: %s", service.name, facade_answers.shown(str(error)))
            return facade_answers.missing()
        except facade_file.InvalidError as error:
            _log.warning("%s: %s", service.name, facade_answers.shown(str(error)))
            return facade_answers.refused(400, "Invalid deployment YAML spec")
        return await self._started(service, spec, seen)

    async def _spec(self, shared: Path, service: Service) -> facade_file.Spec:
        """Return what is to be started; raises MissingError, InvalidError, TimeoutError."""
        self._readers = self._readers or anyio.CapacityLimiter(_AT_ONCE)
        with anyio.fail_after(_READING):
            return await anyio.to_thread.run_sync(
                facade_file.spec, shared, service.user, service.project, service.name,
                limiter=self._readers, abandon_on_cancel=True,
            )  # fmt: skip

    async def _started(self, service: Service, spec: facade_file.Spec, seen: Seen) -> Answer:
        # Of several that have seen the same, one alone gets through: they ask by the same key, and
        # for something else each.
        text = f"# Request {secrets.token_hex(8)}.\n{spec.text}"
        asked = service.request("submit", verb="apply", name=service.name)
        files = archive(service.name, {facade_file.NAME: text.encode()})
        try:
            operation = await self._gate.ask({**asked, "key": service.key("start", seen)}, files)
        except ProblemError as error:
            if error.status != _USED:
                raise
            return facade_answers.exists(Word.STARTED)
        for each in spec.told:
            _log.warning("%s: %s", service.name, facade_answers.shown(each))
        self._report(service, operation)
        return facade_answers.started(self._style, spec.told)

    async def status(self, service: Service) -> Answer:
        """Tell how a service is."""
        try:
            seen = await self._seen(service)
        except ProblemError as error:
            if error.status == _AWAY:
                return facade_answers.status(self._style, Word.UNKNOWN)
            return Answer(400, error.problem.detail)
        # (One that was begun before this server was is reported, too.)
        if seen.under_way:
            self._report(service, seen.under_way)
        return facade_answers.status(self._style, seen.word)

    async def stop(self, service: Service) -> Answer:
        """Have a service stopped, and wait until it is; raises ProblemError."""
        deadline = time.monotonic() + _STOPPING
        try:
            return await self._stopped(service, deadline)
        except TimeoutError:
            what = "it is still being stopped: /status_request tells when it is"
            return facade_answers.refused(504, what)

    async def _stopped(self, service: Service, deadline: float) -> Answer:
        seen = await self._seen(service)
        removal = seen.under_way
        if removal and removal["verb"] != "remove":
            await self._gate.ask(service.request("cancel", id=removal["id"]))
            await self._ended(service, removal, deadline)
            seen, removal = await self._seen(service), None
            if not seen.rows:
                return facade_answers.finished(self._style)
        if not removal and not seen.rows:
            if seen.unknown:
                raise away(_CLUSTER)
            return facade_answers.nothing_to_stop(self._style)
        if not removal:
            asked = service.request("submit", verb="remove", name=service.name)
            removal = await self._gate.ask({**asked, "key": service.key("stop", seen)})
        ended = await self._ended(service, removal, deadline)
        if ended["state"] != "succeeded" and (await self._seen(service)).rows:
            return facade_answers.refused(500, ended["reason"] or "it could not be stopped")
        return facade_answers.finished(self._style)

    async def _seen(self, service: Service) -> Seen:
        try:
            told = await self._gate.ask(service.request("operations", name=service.name))
        except ProblemError as error:
            raise (_not_in(service.whose) if error.status == _UNKNOWN else error) from None
        newest: Mapping[str, Any] | None = next(iter(told["operations"]), None)
        since = (newest and newest["ended"]) or 0.0
        deadline = time.monotonic() + _LOOKING
        # (What was seen before an operation ended is not how it ended.)
        while True:
            look = await self._gate.ask(service.request("look", name=service.name))
            # (At the deadline it is the clock that went back: a look is a second old at most.)
            if look["unknown"] or look["as_of"] >= since or time.monotonic() > deadline:
                return Seen(newest, look["deployments"], look["unknown"])
            await asyncio.sleep(_PAUSE)

    async def _ended(
        self, service: Service, operation: Mapping[str, Any], deadline: float
    ) -> Mapping[str, Any]:
        """Return an operation when it has ended; raises TimeoutError."""
        while operation["state"] in UNDER_WAY:
            await _pause(deadline)
            operation = await self._gate.ask(service.request("operation", id=operation["id"]))
        return operation

    def _report(self, service: Service, operation: Mapping[str, Any]) -> None:
        if self._reporter is None or operation["verb"] == "remove":
            return

        async def asking() -> Mapping[str, Any] | None:
            try:
                asked = service.request("operation", id=operation["id"])
                return await self._gate.ask(asked)
            except ProblemError:
                return None

        self._reporter.watch(service.user, service.project, operation["id"], asking)


def _not_in(whose: Whose) -> ProblemError:
    """Return the error about an account that is not in the project: as settings can say it."""
    what = f"the account {whose.account} is not in a project {whose.project}"
    return ProblemError(404, what, "./skp.py project.member-set PROJECT -a ACCOUNT -r member")


async def _pause(deadline: float) -> None:
    """Wait a moment; raises TimeoutError at the deadline."""
    if time.monotonic() > deadline:
        raise TimeoutError
    await asyncio.sleep(_PAUSE)
