"""What every operation is unless it says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cluster.model.item import Action, Kind
from cluster.model.policy import Progress
from cluster.model.result import Outcome
from cluster.operations.base import Context, Operation
from cluster.operations.container import WaitForContainer
from tests.support.fakes import fake_fleet
from tests.support.operation_scenes import SCENES
from tests.support.scenes import CONTAINER

# Those that only look: they may be carried out without the lock and beside another command.
LOOKS = {"container-wait", "swarm-wait"}


@dataclass(frozen=True)
class Simple(Operation):
    node: str = "c01"
    name: str = "x"
    kind, action = Kind.FILE, Action.INSTALL

    def execute(self, context: Context) -> str:
        context.check()
        return self.node_in(context).name


CONTEXT = Context(fake_fleet("c01"), Progress(print))


def test_an_operation_changes_something_under_the_lock() -> None:
    operation = Simple()
    assert (operation.is_action, operation.changes, operation.needs_lock) == (True, True, True)
    assert (operation.is_blocked, operation.is_removal, operation.is_provisional) == (
        False,
        False,
        False,
    )
    assert (operation.service, operation.after, operation.goes_before) == ("", (), ())
    assert operation.outcome("") is Outcome.DONE


def test_what_only_looks_leaves_things_unchanged() -> None:
    assert WaitForContainer(CONTAINER).outcome("") is Outcome.UNCHANGED


@pytest.mark.parametrize("name", SCENES)
def test_only_what_changes_nothing_needs_no_lock(name: str) -> None:
    operation = SCENES[name]().operation
    assert operation.changes == operation.needs_lock == (name not in LOOKS)


def test_a_node_s_own_thread_carries_it_out() -> None:
    assert Simple("c02").performer == "c02"


def test_without_a_lock_there_is_none_to_lose() -> None:
    assert Simple().execute(CONTEXT) == "c01"


def test_operations_are_values() -> None:
    assert Simple() == Simple()
    assert Simple() != Simple("c02")
    with pytest.raises(AttributeError):
        Simple().node = "c02"  # type: ignore[misc]
