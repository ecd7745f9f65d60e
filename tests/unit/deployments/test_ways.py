"""Names at the front door: what of a file they are, who has them, and which service serves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import ConfigErrors
from cluster.model.route import Route, Routes, parse
from services.gateway.deployments import at_most, deployments
from tests.support.deployments import OWN
from workloads import readers, ways
from workloads.build import deployment
from workloads.ledger import Entry, Ledger, RefusedError, asked
from workloads.model import Deployment, Port, Publish, Way
from workloads.naming import Piece
from workloads.needs import Needs
from workloads.store import Found

PAGE = """\
name: shop
replicas: 2
containers:
  web:
    image: localhost:5000/shop:1
    ports:
      - {port: 8000, door: {host: shop}}
    health: {port: 8000, path: /up}
"""


def read(folder: Path, text: str) -> Deployment:
    (folder / "x.yaml").write_text(text)
    return deployment(readers.read(folder / "x.yaml"))


def found(slot: int, copy: int = 0, part: str = "web") -> Found:
    piece = Piece("team", "shop", copy, part, slot)
    return Found(piece, 1, f"id-{slot}", 1, {"Name": piece.name})


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("door: {host: shop}", "publish: auto, door: {host: shop}", "published otherwise"),
        ("door: {host: shop}", "protocol: udp, door: {host: shop}", "leads to TCP alone"),
        ("door: {host: shop}", "door: {host: Shop}", "lower-case"),
        ("door: {host: shop}", "door: {host: a, upload: much}", "upload"),
        ("door: {host: shop}", "door: {}", "host"),
        ("door: {host: shop}", "door: {host: a, upload: 9999999999g}", "at most 9 digits"),
        ("path: /up", "path: //10.0.0.5/up", "beginning with one '/'"),
        (
            "      - {port: 8000, door: {host: shop}}\n",
            "      - {port: 8000, door: {host: shop}}\n      - {port: 9000, door: {host: shop}}\n",
            "shop is wanted twice",
        ),
        (
            "    ports:\n      - {port: 8000, door: {host: shop}}\n",
            "    host: shop\n    ports: [{port: 8000, publish: inside}]\n",
            "no port that can have it",
        ),
    ],
)
def test_what_can_be_no_name_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    assert old in PAGE
    with pytest.raises(ConfigErrors, match=r"x\.yaml:\d+.*" + re.escape(what)):
        read(tmp_path, PAGE.replace(old, new))


def test_a_containers_host_is_the_name_of_its_first_port(tmp_path: Path) -> None:
    text = PAGE.replace(
        "      - {port: 8000, door: {host: shop}}",
        "      - {port: 22, publish: 30010}\n      - {port: 8000}\n      - {port: 9000}",
    ).replace("    ports:", "    host: shop\n    ports:")
    (part,) = read(tmp_path, text).parts
    first, named, last = part.ports
    assert (first.publish, last.publish) == (30010, Publish.AUTO)
    assert named == Port(8000, Publish.DOOR, way=Way("shop"))


def test_a_name_is_one_deployments_alone(tmp_path: Path) -> None:
    ask = asked(read(tmp_path, PAGE), "team/shop", Needs(1, 1 << 20))
    assert ask.amounts.ports == 0
    ledger = Ledger().reserve(ask, (), (), 1)
    other = asked(read(tmp_path, PAGE), "rival/shop", Needs(1, 1 << 20))
    with pytest.raises(RefusedError, match="shop: team/shop has that name at the front door"):
        ledger.reserve(other, (), (), 2)
    again = ledger.reserve(ask, (), (), 3)
    assert Ledger.parse(again.text()) == again
    assert Entry(hosts=("a",)).beside(Entry(hosts=("b",))).hosts == ("a", "b")
    inside = read(tmp_path, PAGE.replace("door: {host: shop}", "publish: inside"))
    assert "hosts" not in Ledger().reserve(asked(inside, "a/b", Needs()), (), (), 1).text()


def test_the_service_that_does_not_serve_is_the_next_one(tmp_path: Path) -> None:
    wanted, nodes = read(tmp_path, PAGE), ("", "")
    first = Piece("team", "shop", 0, "web").name
    second = Piece("team", "shop", 0, "web", 1).name
    assert (first, second) == ("team_shop-0_web", "team_shop-0_web_2")
    for there, serving, slot in (
        ([], {}, 0),
        ([found(0)], {}, 0),  # one that never served is changed where it is
        ([found(0)], {first}, 1),
        ([found(0), found(1)], {first}, 1),
        ([found(0), found(1)], {second}, 0),
        ([found(1)], {second}, 0),
    ):
        assert ways.slots(wanted, there, serving, nodes) == {"web": slot}
    # What has to end first is changed where it is.
    assert ways.slots(wanted, [found(1)], {second}, ("c01", "c01")) == {"web": 1}


def test_routes_lead_to_all_copies_and_say_how(tmp_path: Path) -> None:
    found_ = ways.ways(read(tmp_path, PAGE), "team", {"web": 1})
    servers = ("team_shop-0_web_2", "team_shop-1_web_2")
    assert found_ == {"shop": Route("team", "skp_team_door", servers, 8000, health="/up")}
    routes = ways.replaced(Routes({"old": found_["shop"]}, 7), {"old"}, found_)
    assert parse(routes.text(), 7) == routes
    assert ways.of(routes, {"team_shop-1_web_2"}) == found_
    assert ways.of(routes, {"team_shop-1_web"}) == {}
    (own,) = read(tmp_path, OWN).parts
    (named,) = own.ways
    assert named.way == Way("vision", False, 100 << 20, 60)


def test_addresses_are_those_on_the_doors_network_alone() -> None:
    def task(service: str, network: str, address: str) -> dict[str, Any]:
        attached = {"Network": {"Spec": {"Name": network}}, "Addresses": [address]}
        return {"ServiceID": service, "NetworksAttachments": [attached]}

    tasks = [
        task("a", "skp_team_door", "10.0.1.5/24"),
        task("a", "skp_team", "10.0.2.5/24"),
        task("b", "skp_team_door", "10.0.1.6/24"),
        {"ServiceID": "a"},
    ]
    assert ways.addresses(tasks, {"a"}, "skp_team_door") == {"10.0.1.5"}


def test_the_door_asks_limits_and_waits_as_the_file_says() -> None:
    open_ = Route("team", "n", ("a", "b"), 80, login=False, upload=100, timeout=9, health="/up")
    made = deployments(
        Routes({"shop": open_, "own": Route("team", "n", ("c",), 81)}, 5), "x.example"
    )
    routers, middlewares = made["routers"], made["middlewares"]
    assert routers["deployment-shop"]["rule"] == "Host(`shop.x.example`)"
    assert not [name for name in routers["deployment-shop"]["middlewares"] if "ask" in name]
    assert "deployment-own-ask" in routers["deployment-own"]["middlewares"]
    asked_at = middlewares["deployment-own-ask"]["forwardAuth"]["address"]
    assert asked_at.endswith("/door/check/~own/team")
    assert middlewares["deployment-own-enter"]["replacePath"]["path"] == "/door/enter/~own"
    assert "deployment-shop-enter" not in routers
    # (A GET that says a size may bring something, too.)
    assert "|| HeaderRegexp(`Content-Length`, `.`))" in routers["deployment-shop-upload"]["rule"]
    limited = middlewares[routers["deployment-shop-upload"]["middlewares"][0]]["buffering"]
    assert limited["maxRequestBodyBytes"] == 100
    for router in routers.values():
        if router["service"].startswith("deployment-"):
            chain = router["middlewares"]
            assert chain.index("from-outside") < chain.index("to-page") == len(chain) - 1
    upstream = made["services"]["deployment-shop"]["loadBalancer"]
    assert [s["url"] for s in upstream["servers"]] == ["http://a:80", "http://b:80"]
    assert upstream["healthCheck"]["path"] == "/up"
    assert upstream["healthCheck"]["followRedirects"] is False
    transport = made["serversTransports"][upstream["serversTransport"]]
    assert transport["forwardingTimeouts"]["responseHeaderTimeout"] == "9s"
    assert middlewares["routes-read"]["redirectRegex"]["replacement"].endswith("/5")


@given(st.integers(1, 10**12), st.integers(0, 10**13))
def test_numbers_at_most_as_large_are_told_from_larger_ones(most: int, number: int) -> None:
    for each in (number, most, most + 1, most - 1):
        assert bool(re.fullmatch(at_most(most), str(each))) == (each <= most)


def test_a_deployment_has_not_more_names_than_the_store_can_keep(tmp_path: Path) -> None:
    def text(count: int) -> str:
        ports = ", ".join(f"{{port: {n}, door: {{host: h{n}}}}}" for n in range(1, count + 1))
        last = "{image: 'x:1', ports: [{port: 1, door: {host: last}}]}"
        return f"name: shop\ncontainers:\n  a: {{image: 'x:1', ports: [{ports}]}}\n  b: {last}\n"

    read(tmp_path, text(19))
    with pytest.raises(ConfigErrors, match="21 names at the front door; allowed: at most 20"):
        read(tmp_path, text(20))
