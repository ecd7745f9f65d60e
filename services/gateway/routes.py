"""What the front door does with a request: the configuration that Traefik reads anew. Pure.

doc.traefik.io/traefik/reference/dynamic-configuration/file names the fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.model.page import Asks, Page
from services.doors import ACCOUNTS, DOOR, LOGIN, Origin
from services.gateway.pem import Certificate

TOKEN, SECRET, SERVICE = "X-Skp-Token", "X-Skp-Door", "X-Skp-Service"
"""Headers: who asks, as a token for one page; that a request came by the door; or from a service
of the platform, none of which comes by the door."""
_INSIDE = "inside"
INSIDE_PORT = 8061
"""On the door's loopback: the way to the account services, whichever of them works."""
# What says who somebody is, to some server. Only the door may say it. (What other spellings of a
# header mean the same, the entry points take away: `aliasHeadersStrategy`.)
_USERS = ("Remote-User", "X-Remote-User", "X-Forwarded-User", "X-Auth-User")
_IDENTITY = (TOKEN, SECRET, SERVICE, *_USERS)
# Of the login page's host: what goes to the account service.
_LOGIN_PATHS = ("/tokens", "/door/login", "/door/me", "/door/enter", "/door/logout")
LARGEST = 64 << 10  # bytes; of a request to the account service
CHAIN_IN, CHAIN_OUT, LIMIT, AGAIN = "from-outside", "to-page", "limit", "again"


def configuration(
    origins: Mapping[str, Origin],
    instances: Sequence[str],
    secret: str,
    certificate: Certificate,
    accounts_port: int,
    further: dict[str, Any],
) -> str:
    """Return the configuration as a text, JSON that is YAML too.

    Args:
        origins: where each page is, by name.
        instances: names of the containers of the account service, which are asked at
            `accounts_port`.
        secret: what tells the account service that a request came by the door.
        further: routers, middlewares, services and transports of deployments.
    """
    accounts = [f"http://{name}:{accounts_port}" for name in instances]
    parts = [_page(origin) for name, origin in origins.items() if name != ACCOUNTS]
    if ACCOUNTS in origins:
        parts.append(_api(origins[ACCOUNTS]))
    parts += [_ways_in(accounts), further]
    merged = {
        kind: {name: value for part in parts for name, value in part.get(kind, {}).items()}
        for kind in ("routers", "middlewares", "services")
    }
    # A node that is gone says nothing: another account service is asked then.
    soon = {"soon": {"forwardingTimeouts": {"dialTimeout": "2s"}}}
    merged["serversTransports"] = soon | further.get("serversTransports", {})
    merged["middlewares"] |= _headers(secret)
    pair = {"certFile": certificate.chain, "keyFile": certificate.key}
    tls = {
        "certificates": [pair],
        "stores": {"default": {"defaultCertificate": pair}},
        "options": {"default": {"minVersion": "VersionTLS12"}},
    }
    return json.dumps({"http": merged, "tls": tls}, indent=1, sort_keys=True) + "\n"


def _page(origin: Origin) -> dict[str, Any]:
    """Return routers, middlewares and the upstream of a page."""
    page, name = origin.page, origin.page.name
    asking = {f"ask-{name}": _forward_auth(page)} if _is_asked_about(origin) else {}
    made: dict[str, Any] = {
        "routers": {name: _router(origin, [CHAIN_IN, *asking, CHAIN_OUT], name)},
        "middlewares": asking,
        "services": {name: _upstream([f"http://{page.container}:{page.inside}"])},
    }
    if name == LOGIN:
        rule = " || ".join(f"Path(`{path}`)" for path in _LOGIN_PATHS)
        made["routers"] |= {"login-door": _accounts_router(origin, rule, ())}
    if page.asks is Asks.ACCOUNT:
        enter = {"replacePath": {"path": f"/door/enter/{name}"}}
        made["middlewares"][f"enter-{name}"] = enter
        way = _accounts_router(origin, "Path(`/.skp/enter`)", (f"enter-{name}",))
        made["routers"] |= {f"{name}-enter": way}
    return made


def _is_asked_about(origin: Origin) -> bool:
    """Whether the account service is asked about each request.

    Pages at ports of one host are sent each other's cookies, which it takes away there; but for the
    login page, which is files alone.
    """
    shared = origin.entry != DOOR and origin.page.name != LOGIN
    return origin.page.asks is Asks.ACCOUNT or shared


def _api(origin: Origin) -> dict[str, Any]:
    """Return the way to the account service's own page, without what is the door's alone."""
    return {"routers": {ACCOUNTS: _accounts_router(origin, "!PathPrefix(`/door`)", ())}}


def _ways_in(accounts: Sequence[str]) -> dict[str, Any]:
    """Return the door's own way to the account services, and the upstream that they are."""
    upstream = _upstream(accounts)
    upstream["loadBalancer"]["serversTransport"] = "soon"
    check = {"path": "/health/live", "interval": "2s", "timeout": "2s"}
    upstream["loadBalancer"] |= {"healthCheck": check}
    inside = {
        "entryPoints": [_INSIDE],
        "rule": "PathPrefix(`/door/check/`)",
        "service": "account-service",
        "middlewares": [AGAIN],
    }
    return {
        "routers": {_INSIDE: inside},
        "services": {"account-service": upstream},
        "middlewares": {AGAIN: {"retry": {"attempts": 2, "initialInterval": "100ms"}}},
    }


def _router(origin: Origin, chain: Sequence[str], service: str) -> dict[str, Any]:
    rule = f"Host(`{origin.host}`)" if origin.entry == DOOR else "PathPrefix(`/`)"
    return {
        "entryPoints": [origin.entry],
        "rule": rule,
        "priority": 1,
        "service": service,
        "middlewares": list(chain),
        "tls": {},
    }


def _accounts_router(origin: Origin, rule: str, more: Sequence[str]) -> dict[str, Any]:
    """Return a router of a page's host that leads to the account service."""
    router = _router(origin, [LIMIT, AGAIN, CHAIN_IN, *more], "account-service")
    whole = f"({router['rule']}) && ({rule})"
    return router | {"rule": whole, "priority": 2}


def _forward_auth(page: Page) -> dict[str, Any]:
    return asking(page.name, *([TOKEN] if page.wants_token else []))


def asking(page: str, *further: str) -> dict[str, Any]:
    """Return what asks the account service; its answer replaces the cookies.

    Args:
        page: what it is asked about, as its path says it.
        further: headers that its answer replaces.
    """
    return {
        "forwardAuth": {
            "address": f"http://127.0.0.1:{INSIDE_PORT}/door/check/{page}",
            "authResponseHeaders": ["Cookie", *further],
            "trustForwardHeader": False,
            "maxResponseBodySize": LARGEST,
        }
    }


def _upstream(urls: Sequence[str]) -> dict[str, Any]:
    return {"loadBalancer": {"servers": [{"url": url} for url in urls], "passHostHeader": True}}


def _headers(secret: str) -> dict[str, Any]:
    gone = dict.fromkeys(_IDENTITY, "")
    return {
        CHAIN_IN: {"headers": {"customRequestHeaders": gone | {SECRET: secret}}},
        CHAIN_OUT: {"headers": {"customRequestHeaders": {SECRET: ""}}},
        LIMIT: {"buffering": {"maxRequestBodyBytes": LARGEST, "memRequestBodyBytes": LARGEST}},
    }
