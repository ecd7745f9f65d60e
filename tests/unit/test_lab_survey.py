"""When a lab that exists is kept, and when it is replaced, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.config import VERSION, LabConfig
from lab.engine import Found
from lab.state import State
from lab.survey import Survey, reason_to_replace

CONFIG = LabConfig(checkout=Path("/here"))
SPECS = {"c01": "same", "c02": "same"}


def container(name: str) -> Found:
    return Found("container", name, name, VERSION, "/here", name, "same", "running")


SHARED = tuple(
    Found(kind, name, name, VERSION, "/here")
    for kind, name in [
        ("network", "skp-lab"), ("volume", "skp-lab-home"), ("volume", "skp-lab-dfs")
    ]
)  # fmt: skip
STATE = State("engine", "/here", VERSION, 2, publish=False)
WHOLE = Survey("engine", (*SHARED, container("c01"), container("c02")), STATE)


def without(name: str) -> Survey:
    return replace(WHOLE, found=tuple(item for item in WHOLE.found if item.name != name))


def with_node(**changed: str) -> Survey:
    node = replace(container("c02"), **changed)
    return replace(WHOLE, found=(*without("c02").found, node))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(WHOLE, id="as it was made"),
        pytest.param(without("c02"), id="a node is missing"),
        pytest.param(with_node(state="exited"), id="a node is stopped"),
        pytest.param(with_node(state="created", spec="old"), id="a node was never finished"),
        pytest.param(Survey("engine", (), None), id="nothing is there"),
    ],
)
def test_a_lab_is_kept(found: Survey) -> None:
    assert reason_to_replace(found, CONFIG, SPECS) == ""


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
        (Survey("new", (), STATE), "on an engine that is gone"),
    ],
)
def test_a_lab_is_replaced(found: Survey, reason: str) -> None:
    assert reason in reason_to_replace(found, CONFIG, SPECS)
