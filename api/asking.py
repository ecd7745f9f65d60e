"""What every route needs: who asks, and whom the server asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import streams
from api.accounts import Accounts, refused
from api.bodies import Bodies
from api.gate_client import STREAMED, Gate
from api.people import NAME, PROJECT, Who
from api.streams import Stream, Streams

_BEARER = HTTPBearer(
    auto_error=False,
    description="a token of an account: skp_..., which lasts, or an access token of POST /tokens",
)
_FIRST = 3.0  # seconds in which what is refused is answered by its status
Shown = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
Project = Annotated[str, Path(pattern=PROJECT, description="a project's name")]
Name = Annotated[str, Path(pattern=NAME, description="a deployment's name")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9_.:-]{0,128}$",
        description="the same key again answers the same operation, and begins nothing",
    ),
]


@dataclass
class Parts:
    """Whom the server asks, and what it counts.

    Attributes:
        bodies: what is being read. streams: those that there are.
    """

    accounts: Accounts
    gate: Gate
    bodies: Bodies = field(default_factory=Bodies)
    streams: Streams = field(default_factory=Streams)


@dataclass(frozen=True)
class Asked:
    """A request of an account."""

    who: Who
    token: str = field(repr=False)
    parts: Parts

    async def gate(self, action: str, project: str = "", **more: Any) -> dict[str, Any]:
        """Return what the gate answers; raises ProblemError."""
        return await self.parts.gate.ask(self.question(action, project, **more))

    def question(self, action: str, project: str = "", **more: Any) -> Mapping[str, Any]:
        """Return what the gate is asked, for this account."""
        return {"account": self.who.name, "project": project, "action": action, **more}

    async def check(self, project: str = "") -> None:
        """Raise ProblemError when the token counts no more; for a project, where one is named."""
        now = await self.parts.accounts.who(self.token)
        if project:
            now.look(project)

    async def told(
        self, question: Mapping[str, Any], ending: Callable[[Any], str], skip: int = 0
    ) -> Stream:
        """Return the stream of what the gate tells.

        Args:
            ending: makes the text of the last event. skip: how many lines the client has already.

        Raises:
            ProblemError: the gate refuses it at once, or there are too many streams.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self.parts.streams.take(self.who.name))
            talk = await stack.enter_async_context(self.parts.gate.talk(question, most=STREAMED))
            first = await talk.next(_FIRST)
            kept = stack.pop_all()
            check = partial(self.check, question["project"])
            return Stream(streams.lines(talk, first, check, skip, ending), kept.aclose)

    def changes(self, look: Callable[[], Awaitable[Any]]) -> Stream:
        """Return the stream of what changes; raises ProblemError for too many of them."""
        stack = AsyncExitStack()
        stack.callback(self.parts.streams.take(self.who.name))
        return Stream(streams.changes(look, self.check), stack.aclose)


async def _asked(request: Request, shown: Shown) -> Asked:
    if shown is None:
        raise refused("a token is needed")
    parts: Parts = request.app.state.parts
    return Asked(await parts.accounts.who(shown.credentials), shown.credentials, parts)


By = Annotated[Asked, Depends(_asked)]
