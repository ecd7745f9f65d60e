"""Telling TANGO's manager how what it had started has ended, by its /status_report.

The gate is asked how the operation is; nothing is kept. What ends while the server of the API is
down is not told: the manager's next status_request says it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from api.facade_answers import Style
from api.facade_status import UNDER_WAY

_MOST = 200  # operations that are followed at the same time
_PAUSE, _LONGEST = 2.0, 7200.0  # seconds between two questions, and of all of them
_TRIES = (0.0, 2.0, 4.0, 8.0, 16.0)  # seconds before each
_SECONDS = 5.0  # for one answer
_IDS = {Style.TEXT: "cloud_deploy", Style.JSON: "kube_deploy"}  # what the manager calls its targets
_ENDS = {"succeeded": "success", "failed": "failed"}
_log = logging.getLogger(__name__)

Asking = Callable[[], Awaitable[Mapping[str, Any] | None]]
"""Returns an operation as it is now; None where the gate can't say."""


class Reporter:
    """Follows operations, and reports how each has ended."""

    def __init__(self, url: str, style: Style) -> None:
        """Report to this URL, of the manager's status_report."""
        self._url, self._style = url, style
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def watch(self, user: str, project: str, operation: str, asking: Asking) -> None:
        """Report the end of an operation, by its id; one that is followed already is left so."""
        if operation in self._tasks or len(self._tasks) >= _MOST:
            return
        task = asyncio.create_task(self._followed(user, project, asking))
        self._tasks[operation] = task
        task.add_done_callback(lambda _: self._tasks.pop(operation, None))

    async def settled(self) -> None:
        """Wait until nothing is followed any more."""
        await asyncio.gather(*self._tasks.values())

    async def end(self) -> None:
        """Follow nothing any more."""
        for task in (tasks := list(self._tasks.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _followed(self, user: str, project: str, asking: Asking) -> None:
        deadline = time.monotonic() + _LONGEST
        while time.monotonic() < deadline:
            operation = await asking()
            if operation and operation["state"] not in UNDER_WAY:
                # (What was cancelled was so by the manager itself, which was told.)
                if how := _ENDS.get(operation["state"]):
                    await self._report(user, project, how)
                return
            await asyncio.sleep(_PAUSE)

    async def _report(self, user: str, project: str, how: str) -> None:
        said = {"container_id": _IDS[self._style], "user_id": user, "project_id": project}
        url, why = f"{self._url}?{urlencode(said | {'status': how})}", ""
        for pause in _TRIES:
            await asyncio.sleep(pause)
            if not (why := await asyncio.to_thread(_told, url)):
                return
        _log.warning("%s: not taken after %d tries: %s", url, len(_TRIES), why)


class _Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect: the manager is where the setting says."""


def _told(url: str) -> str:
    """Ask for a URL; returns why it was not answered well, or ""."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Straight)
    try:
        with opener.open(url, timeout=_SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
