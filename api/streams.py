"""Answers that go on: server-sent events, few of each account, and no longer than its token."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from api.gate_client import Talk
from api.models import Deployment
from api.problems import ProblemError

MOST_EACH, MOST = 8, 40
"""How many streams an account, and all accounts, may have at a time."""
_TAKEN = 30  # seconds for a client to take what it is sent; then its stream ends
_HEARTBEAT, _CHECKED = 15, 15.0  # seconds between two of them, and until the token is looked at
_END = "\n"
_LOOKING = 2.0  # seconds between two looks at what there is

Check = Callable[[], Awaitable[object]]
Events = AsyncGenerator[ServerSentEvent, None]


class Streams:
    """Those that there are."""

    def __init__(self) -> None:
        """Begin with none."""
        self._of = Counter[str]()

    def take(self, account: str) -> Callable[[], None]:
        """Take a place, and return what gives it back; raises ProblemError where there is none."""
        if self._of[account] >= MOST_EACH or self._of.total() >= MOST:
            what = f"there are {MOST_EACH} streams of {account}, or {MOST} in all"
            raise ProblemError(429, what, "End one of them.", headers={"Retry-After": "10"})
        self._of[account] += 1
        return lambda: self._of.subtract([account])


class Stream(EventSourceResponse):
    """An answer of events that has a place, which it gives back in any case."""

    def __init__(self, events: Events, done: Callable[[], Awaitable[None]]) -> None:
        """Send these events; `done` is called at the end."""
        super().__init__(
            events, ping=_HEARTBEAT, sep=_END, headers={"Cache-Control": "no-store"},
            send_timeout=_TAKEN,
        )  # fmt: skip
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._done()


async def lines(
    talk: Talk, first: dict[str, Any] | None, check: Check, skip: int, ending: Callable[[Any], str]
) -> Events:
    """Yield a `line` for each that the gate tells, and at last an `end`.

    Args:
        first: what it has told already. check: raises ProblemError when the token counts no more.
        skip: how many lines the client has. ending: makes the text of the end from the result.
    """
    number, due = 0, time.monotonic() + _CHECKED
    try:
        while True:
            said, first = first or await talk.next(max(0.1, due - time.monotonic())), None
            if time.monotonic() >= due:
                await check()
                due = time.monotonic() + _CHECKED
            if said and "result" in said:
                yield _event("end", ending(said["result"]))
                return
            number += 1 if said else 0
            if said and number > skip:
                yield _event("line", str(said["line"]), str(number))
    except ProblemError as error:
        yield _error(error)


async def changes(look: Callable[[], Awaitable[list[Deployment]]], check: Check) -> Events:
    """Yield a `deployment` for each that is another than before, `removed` for those that went.

    The first ones are all that there are, then `listed` is told.

    Args:
        look: returns what there is now. check: raises ProblemError when the token counts no more.
    """
    before, due = dict[tuple[str, str], Deployment](), time.monotonic() + _CHECKED
    is_first = True
    try:
        while True:
            now = {(each.project, each.name): each for each in await look()}
            for of, each in now.items():
                if each != before.get(of):
                    yield _event("deployment", each.model_dump_json())
            for project, name in before.keys() - now.keys():
                gone = f'{{"project":"{project}","name":"{name}"}}'
                yield _event("removed", gone)
            if is_first:
                yield _event("listed", "{}")
            before, is_first = now, False
            await asyncio.sleep(_LOOKING)
            if time.monotonic() >= due:
                await check()
                due = time.monotonic() + _CHECKED
    except ProblemError as error:
        yield _error(error)


def _error(error: ProblemError) -> ServerSentEvent:
    return _event("error", error.problem.model_dump_json())


def _event(event: str, data: str, number: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(data, event=event, id=number, sep=_END)
