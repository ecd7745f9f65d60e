"""Logins by key alone: where no key logs in then, it is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cluster.commands.report import Report
from cluster.config.inventory import Host
from cluster.connectors.base import Completed
from cluster.connectors.local import LocalConnection
from cluster.model.result import Outcome
from hosts.prepare.keys_only import Ways, keys_only
from hosts.prepare.setup import Item, Verb
from tests.support.fakes import FakeFleet, Ran, done, fake_fleet


class Sshd:
    """A node's shell, on which the item's functions have been run already."""

    def __init__(self, takes_passwords: bool = True) -> None:
        self.open = takes_passwords
        self.ran: list[str] = []

    def __call__(self, ran: Ran) -> Completed:
        for verb in ("fix", "undo"):
            if f"\n{verb} ) 9>&-" in ran.command:
                self.ran.append(verb)
                self.open = verb == "undo"
        if "= logins by key alone" not in ran.command:
            return done(0, "skp: root\n")
        wrong = not self.open if "\nabsent )" in ran.command else self.open
        return done(0, f"skp: root\n= logins by key alone\n{'not so' if wrong else ''}\n")


@pytest.fixture
def nodes() -> dict[str, Sshd]:
    return {"c01": Sshd(), "c02": Sshd(), "c03": Sshd(takes_passwords=False)}


@pytest.fixture
def fleet(nodes: dict[str, Sshd]) -> FakeFleet:
    fleet = fake_fleet(*nodes)
    for name, sshd in nodes.items():
        fleet.connections[name].on_run("", sshd)
    return fleet


def item(verb: Verb = Verb.FIX) -> Item:
    own = {name: {"SKP_USER": "skp"} for name in ("c01", "c02", "c03")}
    return Item("logins by key alone", "keys_only", own=own, verb=verb)


def run(fleet: FakeFleet, refused: Sequence[str] = (), **more: Any) -> tuple[Report, list[str]]:
    """Return the report, and to which nodes another login was tried."""
    asked: list[str] = []

    def connect(hosts: Sequence[Host]) -> FakeFleet:
        asked.extend(host.name for host in hosts)
        return FakeFleet(hosts, refused)

    report = keys_only(
        fleet, more.get("item", item()), Ways(None, connect, lambda _: None),
        dry=more.get("dry", False),
    )  # fmt: skip
    return report, asked


def outcomes(report: Report) -> dict[str, Outcome]:
    return {result.item.node: result.outcome for result in report.results}


def test_where_a_key_logs_in_then_it_stays(fleet: FakeFleet, nodes: dict[str, Sshd]) -> None:
    report, asked = run(fleet)
    assert outcomes(report) == {
        "c01": Outcome.DONE, "c02": Outcome.DONE, "c03": Outcome.UNCHANGED,
    }  # fmt: skip
    assert asked == ["c01", "c02"]
    assert [sshd.ran for sshd in nodes.values()] == [["fix"], ["fix"], []]


def test_where_no_key_logs_in_then_it_is_taken_back_and_said(
    fleet: FakeFleet, nodes: dict[str, Sshd]
) -> None:
    report, _ = run(fleet, refused=["c02"])
    assert outcomes(report)["c01"] is Outcome.DONE
    (failed,) = [result for result in report.results if not result.ok]
    assert failed.detail == (
        "no key logs in without passwords, so it was taken back: c02: can't be reached"
    )
    assert [sshd.ran for sshd in nodes.values()] == [["fix"], ["fix", "undo"], []]


def test_a_dry_run_changes_nothing(fleet: FakeFleet, nodes: dict[str, Sshd]) -> None:
    assert outcomes(run(fleet, dry=True)[0])["c01"] is Outcome.PLANNED
    assert not any(sshd.ran for sshd in nodes.values())


def test_this_machine_itself_to_which_no_key_has_logged_in_is_left(
    fleet: FakeFleet, nodes: dict[str, Sshd]
) -> None:
    fleet.nodes["c01"].connection = LocalConnection("c01")
    report, _ = run(fleet)
    assert set(outcomes(report)) == {"c02", "c03"}
    (warning,) = report.warnings
    assert warning.startswith("c01 is this machine: no key has logged in to it")
    assert nodes["c01"].ran == []


def test_undone_no_login_is_tried(fleet: FakeFleet, nodes: dict[str, Sshd]) -> None:
    nodes["c01"].open = nodes["c02"].open = False
    report, asked = run(fleet, item=item(Verb.UNDO))
    assert set(outcomes(report).values()) == {Outcome.DONE}
    assert asked == []
