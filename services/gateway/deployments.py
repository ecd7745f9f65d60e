"""What the front door does with a request to a deployment, as Traefik's configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cluster.model.route import Route, Routes
from services.doors import DOOR
from services.gateway.routes import AGAIN, CHAIN_IN, CHAIN_OUT, LIMIT, asking

_PING = "ping"
_ENTER = "/.skp/enter"
_KEPT = "2s"  # a connection that nothing goes through; servers close theirs after 5 s or more
_UPLOADS = 1 << 20  # bytes of a request without a size that are kept in memory
# Methods whose requests bring nothing, unless they say a size: their answers are not held back.
_BRING_NOTHING = ("GET", "HEAD", "OPTIONS", "TRACE", "CONNECT")


def deployments(routes: Routes, domain: str) -> dict[str, Any]:
    """Return routers, middlewares, services and transports for all routes.

    A router of the door's loopback tells which version of the routes was read (`door-has`).

    Args:
        domain: below which the host names are.
    """
    made: dict[str, Any] = {"routers": {}, "middlewares": {}, "services": {}}
    made["serversTransports"] = {}
    for host, route in routes.by_host.items():
        for kind, entries in _deployment(host, route, f"{host}.{domain}").items():
            made[kind] |= entries
    to = {"redirectRegex": {"regex": ".*", "replacement": f"http://127.0.0.1/{routes.version}"}}
    made["middlewares"]["routes-read"] = to
    made["routers"]["routes-read"] = {
        "entryPoints": [_PING],
        "rule": "Path(`/routes`)",
        "middlewares": ["routes-read"],
        "service": "noop@internal",
    }
    return made


def _deployment(host: str, route: Route, name: str) -> dict[str, Any]:
    own = f"deployment-{host}"
    middlewares: dict[str, Any] = {}
    chain = [AGAIN, CHAIN_IN, CHAIN_OUT]
    if route.login:
        middlewares[f"{own}-ask"] = asking(f"~{host}/{route.project}")
        chain = [AGAIN, CHAIN_IN, f"{own}-ask", CHAIN_OUT]
    if route.upload:
        middlewares[f"{own}-upload"] = {
            "buffering": {"maxRequestBodyBytes": route.upload, "memRequestBodyBytes": _UPLOADS}
        }
    routers = {
        f"{own}{end}": {"entryPoints": [DOOR], "tls": {}, **router}
        for end, router in _routers(route, name, chain, own)
    }
    if route.login:
        middlewares[f"{own}-enter"] = {"replacePath": {"path": f"/door/enter/~{host}"}}
    return {
        "routers": routers,
        "middlewares": middlewares,
        "services": {own: _upstream(route)},
        "serversTransports": {_transport(route): _forwarding(route)},
    }


def _routers(
    route: Route, name: str, chain: list[str], own: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    rule = f"Host(`{name}`)"
    yield "", {"rule": rule, "priority": 1, "service": own, "middlewares": chain}
    if route.upload:
        brings = " && ".join(f"!Method(`{method}`)" for method in _BRING_NOTHING)
        brings = f"({brings} || HeaderRegexp(`Content-Length`, `.`))"
        small = f"HeaderRegexp(`Content-Length`, `^{at_most(route.upload)}$`)"
        limited = [f"{own}-upload", *chain]
        whole = f"{rule} && {brings} && !{small}"
        yield "-upload", {"rule": whole, "priority": 2, "service": own, "middlewares": limited}
    if route.login:
        enters = f"{rule} && Path(`{_ENTER}`)"
        first = [LIMIT, AGAIN, CHAIN_IN, f"{own}-enter"]
        router = {"rule": enters, "priority": 3, "service": "account-service"}
        yield "-enter", {**router, "middlewares": first}


def _upstream(route: Route) -> dict[str, Any]:
    servers = [{"url": f"http://{name}:{route.port}"} for name in route.servers]
    balancer: dict[str, Any] = {"servers": servers, "passHostHeader": True}
    balancer["serversTransport"] = _transport(route)
    if route.health:
        # (What it leads elsewhere to is no answer of its own: it could be any server of ours.)
        said = {"path": route.health, "interval": "1s", "timeout": "2s", "followRedirects": False}
        balancer["healthCheck"] = said
    return {"loadBalancer": balancer}


def _transport(route: Route) -> str:
    return f"deployments-{route.timeout}"


def _forwarding(route: Route) -> dict[str, Any]:
    """Return how servers are spoken to: one that is gone is noticed soon, another is asked then."""
    waits: Mapping[str, str] = (
        {"responseHeaderTimeout": f"{route.timeout}s"} if route.timeout else {}
    )
    timeouts = {"dialTimeout": "2s", "idleConnTimeout": _KEPT, **waits}
    return {"forwardingTimeouts": timeouts, "maxIdleConnsPerHost": 200}


def at_most(number: int) -> str:
    """Return a regular expression for decimal numbers from 0 to `number`, 1 or more."""
    digits = str(number)
    ways = [f"[0-9]{{1,{len(digits) - 1}}}"] if len(digits) > 1 else []
    for at, digit in enumerate(digits):
        lowest = 1 if at == 0 and len(digits) > 1 else 0
        if int(digit) > lowest:
            rest = len(digits) - at - 1
            smaller = f"[{lowest}-{int(digit) - 1}]"
            ways.append(digits[:at] + smaller + (f"[0-9]{{{rest}}}" if rest else ""))
    return f"({'|'.join([*ways, digits])})"
