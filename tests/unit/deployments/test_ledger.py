"""Quotas and ports: whatever is asked for in whatever order, nothing is promised twice."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigErrors
from tests.support.deployments import OWN, SSHD
from workloads import readers
from workloads.amounts import Amounts, Limits, limits
from workloads.build import deployment
from workloads.ledger import Ask, Ledger, RefusedError, asked
from workloads.model import Deployment
from workloads.needs import Needs

PORTS = range(31000, 31004)
DEFAULT = Needs(1, 1 << 30)


def ask(of: str = "vision/a", ports: int = 0, root: bool = False, **amounts: float) -> Ask:
    automatic = tuple(f"0/main/{number}/tcp" for number in range(ports))
    counted = Amounts(**{"deployments": 1, "ports": ports, **amounts})
    return Ask(of, counted, {}, automatic, {}, root)


def read(folder: Path, name: str, text: str) -> Deployment:
    (folder / name).write_text(text)
    return deployment(readers.read(folder / name))


def test_what_a_file_asks_for(tmp_path: Path) -> None:
    found = asked(read(tmp_path, "myDeploy.py", SSHD), "lab/jupyter-test", DEFAULT)
    assert found.amounts == Amounts(1, 2, (2 << 30) + (16 << 30), 2, 2), "and /dev/shm"
    assert found.fixed == {"0/sshd/22/tcp": 30050}
    assert found.automatic == ("0/jupyterhub/8000/tcp",)
    assert found.root
    own = asked(read(tmp_path, "own.yaml", OWN), "vision/model-server", DEFAULT)
    assert own.amounts == Amounts(1, 4, 8 << 30, 2, 2)
    assert own.storage == {"scratch": 10 << 30}
    assert not own.root


def test_ports_are_kept_by_a_change_and_free_again_after_it() -> None:
    first = Ledger().reserve(ask(ports=2), PORTS, {31001}, 1)
    assert first.entries["vision/a"].ports == {"0/main/0/tcp": 31000, "0/main/1/tcp": 31002}
    changed = first.reserve(ask(ports=1), PORTS, {31001}, 2)
    assert changed.entries["vision/a"].ports == {"0/main/0/tcp": 31000}
    with pytest.raises(RefusedError, match="no port is left for 0/main/2/tcp"):
        changed.reserve(ask("b/c", ports=3), PORTS, {31001}, 3)
    assert changed.released(["vision/a"]).entries == {}


def test_a_named_port_that_something_has() -> None:
    named = Ask("a/b", Amounts(deployments=1, ports=1), {"0/x/22/tcp": 30010}, (), {}, False)
    held = Ledger().reserve(named, PORTS, (), 1)
    other = Ask("c/d", named.amounts, named.fixed, (), {}, False)
    with pytest.raises(RefusedError, match=r"port 30010 \(0/x/22/tcp\): a/b has it"):
        held.reserve(other, PORTS, (), 2)
    with pytest.raises(RefusedError, match="something on a node listens on it"):
        Ledger().reserve(named, PORTS, {30010}, 1)


def test_all_that_is_over_is_told_at_once() -> None:
    limited = Ledger().limited("vision", Limits(deployments=1, memory=2 << 30, gpus=1))
    one = limited.reserve(ask(memory=2 << 30, gpus=1), PORTS, (), 1)
    with pytest.raises(RefusedError) as caught:
        one.reserve(ask("vision/b", memory=1 << 30, gpus=2, root=True), PORTS, (), 2)
    told = str(caught.value)
    assert "deployments: 1 wanted; vision may have 1, and has 1" in told
    assert "memory: 1g wanted; vision may have 2g, and has 2g" in told
    assert "gpus: 2 wanted; vision may have 1, and has 1" in told
    assert "deploy.quota vision --root TRUE allows it" in told
    assert one.reserve(ask(memory=2 << 30), PORTS, (), 3).used("vision").gpus == 0


def test_a_volume_of_two_deployments_counts_once() -> None:
    limited = Ledger().limited("vision", Limits(storage=10 << 30))

    def with_volume(of: str, name: str) -> Ask:
        return Ask(of, Amounts(deployments=1), {}, (), {name: 6 << 30}, False)

    both = limited.reserve(with_volume("vision/a", "data"), (), (), 1).reserve(
        with_volume("vision/b", "data"), (), (), 2
    )
    assert both.used("vision").storage == 6 << 30
    with pytest.raises(RefusedError, match="storage: 6g wanted; vision may have 10g, and has 6g"):
        both.reserve(with_volume("vision/c", "other"), (), (), 3)


def test_what_was_given_up_is_forgotten_and_nothing_else() -> None:
    ledger = Ledger().reserve(ask(), (), (), 100).reserve(ask("vision/b"), (), (), 900)
    assert set(ledger.forgotten([], 500).entries) == {"vision/b"}
    assert set(ledger.forgotten(["vision/a"], 500).entries) == {"vision/a", "vision/b"}


def test_it_is_read_as_it_was_written() -> None:
    ledger = (
        Ledger()
        .limited("vision", Limits(cpus=2.5, root=True))
        .reserve(ask(ports=2, cpus=0.5), PORTS, (), 12.5)
    )
    assert Ledger.parse(ledger.text()) == ledger
    assert Ledger.parse("") == Ledger()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["vision/a", "vision/b", "text/a"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_no_port_twice_and_no_limit_passed(steps: list[tuple[str, int, int, bool]]) -> None:
    limits = {"vision": Limits(gpus=3, ports=3), "text": Limits(gpus=1)}
    ledger = Ledger(limits)
    for of, ports, gpus, leaves in steps:
        if leaves:
            ledger = ledger.released([of])
        else:
            try:
                ledger = ledger.reserve(ask(of, ports, gpus=gpus), PORTS, {31003}, 1)
            except RefusedError:
                continue
        given_ports = [p for entry in ledger.entries.values() for p in entry.ports.values()]
        assert len(given_ports) == len(set(given_ports))
        assert 31003 not in given_ports
        for project, most in limits.items():
            used = ledger.used(project)
            for each in fields(Amounts):
                limit = getattr(most, each.name)
                assert limit is None or getattr(used, each.name) <= limit


def test_of_two_that_let_the_same_in_one_does() -> None:
    first = Ledger().begin(ask(), PORTS, (), 1)
    with pytest.raises(RefusedError, match="vision/a: somebody is letting it in"):
        first.begin(ask(), PORTS, (), 2)


def test_while_it_is_changed_it_has_what_both_need() -> None:
    old = Ledger().reserve(ask(ports=2, memory=4, gpus=1), PORTS, (), 1).entries["vision/a"]
    new = Ledger().reserve(ask(ports=1, memory=1, gpus=3), PORTS, (), 2).entries["vision/a"]
    both = new.beside(old)
    assert (both.amounts.memory, both.amounts.gpus) == (4, 3)
    assert len(both.ports) == 2
    assert new.beside(None) == new


def test_a_wrong_limit_is_told_with_what_is_allowed() -> None:
    with pytest.raises(ConfigErrors) as caught:
        limits(Limits(), "gpus=1x,gpu=1,memory=16g", may_be_root=False)
    told = [error.what for error in caught.value.errors]
    assert told == [
        "gpus=1x: allowed: KIND=AMOUNT",
        "gpu=1: allowed: KIND=AMOUNT (did you mean gpus?)",
    ]
    assert limits(Limits(cpus=2), "gpus=1,cpus=", may_be_root=True) == Limits(gpus=1, root=True)
