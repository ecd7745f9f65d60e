"""Whose a token is: by the account service's keys, or by asking it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections import OrderedDict
from time import monotonic, time
from typing import Any

import anyio
import jwt

from api.config import Config
from api.people import Who, who
from api.problems import ProblemError, away

_SECONDS, _AT_ONCE, _MOST_ANSWER = 5, 8, 1 << 20
_KEYS_KEPT, _KEYS_AGAIN = 60, 5  # seconds: as long as keys count; between two tries for a new one
_KEPT, _MOST_KEPT = 15, 1000  # seconds; answers about tokens, and as many refusals
_LASTING = re.compile(r"skp_[A-Za-z0-9_-]{16,200}")
_NEEDED = ["aud", "exp", "iss", "sub", "uid"]
_ALGORITHM, _AUDIENCE = "RS256", "skp"
_NOBODY = Who("", 0, "")


class Accounts:
    """The account service, as this server asks it; what it has said is kept for seconds."""

    def __init__(self, config: Config) -> None:
        """Ask the service that the configuration names."""
        self._config = config
        self._slots: anyio.CapacityLimiter | None = None
        self._keys, self._keys_at = dict[str, jwt.PyJWK](), float("-inf")
        self._keys_lock = asyncio.Lock()
        self._known, self._refused = _Kept(), _Kept()
        self._asking: dict[bytes, asyncio.Task[Who | None]] = {}

    async def who(self, token: str) -> Who:
        """Return whose a token is.

        Raises:
            ProblemError: 401 where it is nobody's, 503 where the account service is away.
        """
        found = await (self._lasting(token) if token.startswith("skp_") else self._access(token))
        if found is None:
            raise refused("the token is not valid: unknown, expired, or revoked")
        return found

    async def _lasting(self, token: str) -> Who | None:
        """Return whose a long-lived token is, as the service says it; asked once at a time."""
        if not _LASTING.fullmatch(token):
            return None
        digest = hashlib.sha256(token.encode()).digest()
        for kept in (self._known, self._refused):
            if (found := kept.get(digest)) is not None:
                return found if found.name else None
        if digest not in self._asking:
            task = asyncio.create_task(self._checked(token, digest))
            self._asking[digest] = task
            task.add_done_callback(lambda _: self._asking.pop(digest))
        # (Who goes away does not end the question of the others.)
        return await asyncio.shield(self._asking[digest])

    async def _checked(self, token: str, digest: bytes) -> Who | None:
        answer = await self._ask("/tokens/check", {"token": token})
        said = answer and {**answer, "expires": int(answer["expires"])}
        found = who(said, str(said["name"]), said["expires"]) if said else None
        if found and found.expires > time():
            self._known.keep(digest, found)
            return found
        self._refused.keep(digest, _NOBODY)
        return None

    async def _access(self, token: str) -> Who | None:
        """Return whose an access token is, by the key that has signed it."""
        try:
            head = jwt.get_unverified_header(token)
            kid = head.get("kid")
            if head.get("alg") != _ALGORITHM or not isinstance(kid, str):
                return None
            key = await self._key(kid)
            if key is None:
                return None
            said = jwt.decode(
                token, key, algorithms=[_ALGORITHM], audience=_AUDIENCE,
                issuer=self._config.issuer, options={"require": _NEEDED, "strict_aud": True},
            )  # fmt: skip
        except jwt.InvalidTokenError:
            return None
        return who(said, str(said["sub"]), int(said["exp"]))

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        """Return a published key; None for none."""
        async with self._keys_lock:
            age = monotonic() - self._keys_at
            if age > _KEYS_KEPT or (kid not in self._keys and age > _KEYS_AGAIN):
                answer = await self._ask("/.well-known/jwks.json")
                published = [each for each in (answer or {}).get("keys", []) if "kid" in each]
                self._keys = {str(each["kid"]): jwt.PyJWK(each, _ALGORITHM) for each in published}
                self._keys_at = monotonic()
            return self._keys.get(kid)

    async def _ask(self, path: str, said: Any = None) -> dict[str, Any] | None:
        """Return what the service answers; None for a 404; raises ProblemError where it is away."""
        self._slots = self._slots or anyio.CapacityLimiter(_AT_ONCE)
        try:
            with anyio.fail_after(2 * _SECONDS):
                return await anyio.to_thread.run_sync(
                    self._fetched, path, said, limiter=self._slots, abandon_on_cancel=True
                )
        except (OSError, TimeoutError, ValueError, KeyError, TypeError):
            raise away("the account service") from None

    def _fetched(self, path: str, said: Any) -> dict[str, Any] | None:
        data = None if said is None else json.dumps(said).encode()
        asked = urllib.request.Request(  # noqa: S310 - the address is the platform's
            f"{self._config.accounts}{path}",
            data,
            {"X-Skp-Service": self._config.secret, "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(asked, timeout=_SECONDS) as answer:
                found = json.loads(answer.read(_MOST_ANSWER))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return found if isinstance(found, dict) else None


class _Kept:
    """Answers about tokens, for seconds, the last ones alone; of a token there is its hash."""

    def __init__(self) -> None:
        self._of: OrderedDict[bytes, tuple[float, Who]] = OrderedDict()

    def keep(self, digest: bytes, found: Who) -> None:
        self._of[digest] = (monotonic() + _KEPT, found)
        if len(self._of) > _MOST_KEPT:
            self._of.popitem(last=False)

    def get(self, digest: bytes) -> Who | None:
        """Return what was kept and still counts."""
        until, found = self._of.get(digest, (0.0, _NOBODY))
        return found if monotonic() < until else None


def refused(detail: str) -> ProblemError:
    """Return the answer to who shows no token that counts."""
    hint = "Authorization: Bearer TOKEN: account.token-add makes one that lasts, POST /tokens of "
    hint += "the account service one for minutes."
    return ProblemError(401, detail, hint, headers={"WWW-Authenticate": "Bearer"})
