"""In whose name a request of TANGO's manager is carried out, and in which project. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from api.accounts import refused
from api.people import Who
from api.problems import ProblemError

_FOR_OTHERS = ("manager", "admin")  # levels of accounts
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


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


def by_token(who: Who, user: str, asked: str, settled: Open) -> Whose:
    """Return in whose name a request with a token is carried out.

    Args:
        who: whose the token is. user: `user_id`. asked: `project` of the request; "" for none.

    Raises:
        ProblemError: the account may not speak of that user, or it is not clear in which project.
    """
    own = who.name in (user, settled.whose.account)
    if not own and who.level not in _FOR_OTHERS:
        what = f"user_id is another one than the account {who.name}, whose token this is"
        raise ProblemError(403, what)
    there = ", ".join(sorted(who.projects)) or "none"
    if asked and asked not in who.projects:
        raise ProblemError(404, f"{who.name} has no such project; there are: {there}")
    if asked:
        return Whose(who.name, asked)
    if len(who.projects) == 1:
        return Whose(who.name, next(iter(who.projects)))
    if who.name == settled.whose.account and settled.whose.project in who.projects:
        return settled.whose
    what = f"it is not clear in which project of {who.name} ({there}): add &project=NAME"
    raise ProblemError(400, f"{what}, or take a token that is bound to one")


def without_token(settled: Open, address: str, headers: Mapping[str, str]) -> Whose:
    """Return in whose name a request without a token is carried out.

    Args:
        address: where its connection comes from. headers: by lower-case name.

    Raises:
        ProblemError: a token is needed.
    """
    need = "a token is needed"
    if any(each in headers for each in _PASSED_ON):
        raise refused(f"{need} (what a proxy passed on has no address of its own)")
    try:
        at = ipaddress.IPv4Address(address.removeprefix("::ffff:"))
    except ValueError:
        raise refused(need) from None
    if not any(at in network for network in settled.networks):
        raise refused(f"{need} ({at} is not in API_OPEN_TO)")
    if str(at) == settled.engine:
        raise refused(f"{need} ({at} is the engine's own, for whoever it passes on)")
    if "mozilla" in headers.get("user-agent", "").lower() and not settled.browsers:
        raise refused(f"{need} (any page could have a browser ask: see API_CORS)")
    return settled.whose
