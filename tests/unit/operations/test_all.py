"""What holds of every operation: its requests, how it fails, what it shows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from cluster import operations
from cluster.model.item import Action, Kind
from cluster.operations.base import Operation
from tests.support.fakes import golden
from tests.support.faults import Fault
from tests.support.operation_scenes import SCENES
from tests.support.scenes import HUSH, walk

# An error of the engine is as NOT_FOUND, but for those that take that for done.
FAULTS = (Fault.NOT_FOUND, Fault.SILENT, Fault.CUT, Fault.GARBLED)


def classes(base: type[Operation] = Operation) -> Iterator[type[Operation]]:
    """Yield the operations of cluster/operations that can be made."""
    for found in base.__subclasses__():
        yield from classes(found)
        if found.__module__.startswith("cluster.operations.") and "action" in vars(found):
            yield found


@pytest.mark.parametrize("name", SCENES)
def test_these_requests_are_sent_in_this_order(name: str) -> None:
    scene = SCENES[name]()
    scene.run()
    golden(f"operation-{name}", scene.fleet.wire)


@pytest.mark.parametrize("name", SCENES)
def test_no_command_line_holds_a_secret(name: str) -> None:
    scene = SCENES[name]()
    scene.run()
    commands = [ran.command for c in scene.fleet.connections.values() for ran in c.commands]
    assert HUSH not in "\n".join(commands)


def test_every_operation_has_a_scene() -> None:
    for found in pkgutil.iter_modules(operations.__path__):
        importlib.import_module(f"cluster.operations.{found.name}")
    shown = {type(make().operation) for make in SCENES.values()}
    assert {found.__name__ for found in classes()} == {found.__name__ for found in shown}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", SCENES)
def test_whatever_fails_is_an_error_of_a_node_and_shows_no_secret(name: str, fault: Fault) -> None:
    # What is no NodeError is raised here, and fails the test.
    left = list(walk(fault, SCENES[name]))
    told = [str(error) for _, error in left if error] + [s for scene, _ in left for s in scene.said]
    assert left
    assert HUSH not in "\n".join(told)


@pytest.mark.parametrize("name", SCENES)
def test_kinds_and_words_are_those_of_plans(name: str) -> None:
    operation = SCENES[name]().operation
    assert isinstance(operation.kind, Kind)
    assert isinstance(operation.action, Action)
    assert operation.describe() == f"{operation.action} {operation.name}"
    assert operation.is_action
    assert operation.key == (operation.kind, operation.node, operation.name)
