"""When a lab that exists is kept, and when it is replaced, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.config import VERSION, LabConfig, check_engine
from lab.engine import Found
from lab.errors import LabError
from lab.state import State
from lab.survey import Survey, reason_to_replace

CONFIG = LabConfig(checkout=Path("/here"))
SPECS = {"c01": "same", "c02": "same"}


def container(name: str) -> Found:
    return Found("container", name, name, VERSION, "/here", name, "same", "running")


SHARED = tuple(
    Found(kind, name, name, VERSION, "/here")
    for kind, name in [
        ("network", "skp-lab"), ("volume", "skp-lab-home"), ("volume", "skp-lab-platform"),
        ("volume", "skp-lab-dfs"),
    ]
)  # fmt: skip
STATE = State("engine", "/here", VERSION, 2, publish=False)
WHOLE = Survey("engine", (*SHARED, container("c01"), container("c02")), STATE)


def without(name: str) -> Survey:
    return replace(WHOLE, found=tuple(item for item in WHOLE.found if item.name != name))


def with_node(**changed: Any) -> Survey:
    node = replace(container("c02"), **changed)
    return replace(WHOLE, found=(*without("c02").found, node))


def with_network(mtu: int, needed: int) -> Survey:
    network = replace(SHARED[0], mtu=mtu)
    return replace(WHOLE, found=(*without("skp-lab").found, network), mtu=needed)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(WHOLE, id="as it was made"),
        pytest.param(with_network(mtu=1500, needed=1500), id="its network fits"),
        pytest.param(with_network(mtu=1400, needed=1500), id="its network could carry more"),
        pytest.param(with_network(mtu=1400, needed=1400), id="its network has a small MTU"),
        pytest.param(without("c02"), id="a node is missing"),
        pytest.param(with_node(state="exited"), id="a node is stopped"),
        pytest.param(with_node(state="created", spec="old"), id="a node was never finished"),
        pytest.param(Survey("engine", (), None), id="nothing is there"),
    ],
)
def test_a_lab_is_kept(found: Survey) -> None:
    assert reason_to_replace(found, CONFIG, SPECS) == ""


def test_an_engine_that_nodes_can_not_have_is_refused() -> None:
    for engine in ("", "stable", "newest"):
        check_engine(engine)
    with pytest.raises(LabError, match="there is no engine 29; allowed: stable, newest") as raised:
        check_engine("29")
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("has", "wanted", "reason"),
    [
        ("stable", "newest", "have the stable engine, and not the newest one"),
        ("newest", "stable", "have the newest engine, and not the stable one"),
        ("newest", "newest", ""),
        ("newest", "", ""),
    ],
)
def test_nodes_with_another_engine_are_made_anew(has: str, wanted: str, reason: str) -> None:
    found = replace(WHOLE, remembered=replace(STATE, nodes=has))
    told = reason_to_replace(found, replace(CONFIG, engine=wanted), SPECS)
    assert told.endswith(reason) and bool(told) == bool(reason)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (with_node(checkout="/there"), "another checkout, /there"),
        (with_node(version="0"), "version 0"),
        (with_node(spec="old"), "c02 was made from an older description"),
        (replace(WHOLE, found=SHARED), "remains of a lab without nodes"),
        (replace(WHOLE, remembered=None), "does not hold the keys"),
        (replace(WHOLE, engine="new"), "does not hold the keys"),
        (replace(WHOLE, remembered=replace(STATE, checkout="/old")), "was copied from /old"),
        (without("skp-lab"), "network skp-lab is gone"),
        (without("skp-lab-dfs"), "volume skp-lab-dfs is gone"),
        (with_network(mtu=1500, needed=1400), "larger packets than get out of here (MTU 1400)"),
        (with_network(mtu=0, needed=1400), "larger packets than get out of here (MTU 1400)"),
        (Survey("new", (), STATE), "on an engine that is gone"),
    ],
)
def test_a_lab_is_replaced(found: Survey, reason: str) -> None:
    assert reason in reason_to_replace(found, CONFIG, SPECS)
