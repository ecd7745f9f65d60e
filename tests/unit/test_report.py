"""What a report says of the services that it is about."""

from __future__ import annotations

import pytest

from cluster.commands.report import Report
from cluster.model.item import Action, Kind, Step
from cluster.model.spec import Container, Image
from cluster.operations.executor import Outcome, Result

CONTAINER = Container("c01", "portainer-skp", "portainer", Image("skp/x", "latest"))


@pytest.mark.parametrize(
    ("action", "outcome", "renewed"),
    [
        (Action.CREATE, Outcome.DONE, True),
        (Action.REPLACE, Outcome.DONE, True),
        (Action.CREATE, Outcome.FAILED, False),
        (Action.CREATE, Outcome.PLANNED, False),
        (Action.KEEP, Outcome.UNCHANGED, False),
        (Action.START, Outcome.DONE, False),
        (Action.REMOVE, Outcome.DONE, False),
    ],
)
def test_a_service_is_renewed_when_a_container_of_it_was_made(
    action: Action, outcome: Outcome, renewed: bool
) -> None:
    step = Step(Kind.CONTAINER, action, "c01", CONTAINER.name, container=CONTAINER)
    report = Report((Result(step, outcome),), {})
    assert report.renewed("portainer") is renewed
    assert not report.renewed("jupyter")
