"""In whose name a request of TANGO's manager is carried out, and in which project. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

_FOR_OTHERS = ("manager", "admin")  # levels of accounts
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class RefusedError(Exception):
    """The request is refused.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, what: str) -> None:
        """Refuse with this status, for this reason."""
        super().__init__(what)
        self.status = status


@dataclass(frozen=True)
class Caller:
    """Whoever a token is of.

    Attributes:
        projects: those that the token counts for.
    """

    account: str
    level: str
    projects: tuple[str, ...]


@dataclass(frozen=True)
class Whose:
    """Who brings a deployment, and in which of the platform's projects it is."""

    account: str
    project: str


@dataclass(frozen=True)
class Open:
    """What is settled of requests without a token.

    Attributes:
        networks: where they may come from. whose: in whose name; "" for nobody's.
        engine: the address that stands for the engine's own proxy: that is, for anybody.
        browsers: whether a page in a browser may ask, too.
    """

    networks: tuple[ipaddress.IPv4Network, ...] = ()
    whose: Whose = Whose("", "")
    engine: str = ""
    browsers: bool = False


def by_token(caller: Caller, user: str, asked: str, settled: Open) -> Whose:
    """Return in whose name a request with a token is carried out.

    Args:
        user: `user_id`. asked: `project` of the request; "" for none.

    Raises:
        RefusedError: the account may not speak of that user, or it is not clear in which project.
    """
    own = caller.account in (user, settled.whose.account)
    if not own and caller.level not in _FOR_OTHERS:
        what = f"user_id {user} is not the account {caller.account}, whose token this is"
        raise RefusedError(403, what)
    there = ", ".join(sorted(caller.projects)) or "none"
    if asked and asked not in caller.projects:
        raise RefusedError(404, f"{caller.account} has no project {asked}; there are: {there}")
    if asked:
        return Whose(caller.account, asked)
    if len(caller.projects) == 1:
        return Whose(caller.account, caller.projects[0])
    if caller.account == settled.whose.account and settled.whose.project in caller.projects:
        return settled.whose
    what = f"it is not clear in which project of {caller.account} ({there}): add &project=NAME"
    raise RefusedError(400, f"{what}, or take a token that is bound to one")


def without_token(settled: Open, address: str, headers: Mapping[str, str]) -> Whose:
    """Return in whose name a request without a token is carried out.

    Args:
        address: where its connection comes from. headers: by lower-case name.

    Raises:
        RefusedError: a token is needed.
    """
    need = "a token is needed: Authorization: Bearer skp_..."
    if any(each in headers for each in _PASSED_ON):
        raise RefusedError(401, f"{need} (what a proxy passed on has no address of its own)")
    try:
        at = ipaddress.IPv4Address(address.removeprefix("::ffff:"))
    except ValueError:
        raise RefusedError(401, need) from None
    if not any(at in network for network in settled.networks):
        raise RefusedError(401, f"{need} ({at} is not in API_OPEN_TO)")
    if str(at) == settled.engine:
        raise RefusedError(401, f"{need} ({at} is the engine's own, for whoever it passes on)")
    if "mozilla" in headers.get("user-agent", "").lower() and not settled.browsers:
        raise RefusedError(401, f"{need} (any page could have a browser ask: see API_CORS)")
    return settled.whose
