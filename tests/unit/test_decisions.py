"""What a person decided, in the labels of a Swarm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.model.decisions import Decisions

names = st.sampled_from(["jupyter", "registry", "kafka"])
tables = st.dictionaries(
    names, st.dictionaries(st.text(min_size=1), st.text(), min_size=1), max_size=3
)
intents = st.builds(Decisions, st.frozensets(names), tables, tables, tables)
strangers = st.dictionaries(st.sampled_from(["rack", "owner"]), st.text())


@given(intents, strangers)
def test_what_is_written_is_read_back_and_others_labels_stay(
    decisions: Decisions, labels: dict[str, str]
) -> None:
    written = decisions.dumps(labels)
    assert Decisions.parse(written) == decisions
    assert {k: v for k, v in written.items() if not k.startswith("skp.")} == labels


@given(
    st.dictionaries(
        st.sampled_from(["skp.held", "skp.pinned", "skp.options", "skp.numbers"]), st.text()
    )
)
def test_whatever_stands_in_the_labels_it_can_be_read(labels: dict[str, str]) -> None:
    Decisions.parse(labels)


@given(intents, names)
def test_holding_ends_pins_and_options_of_that_service_alone(
    decisions: Decisions, name: str
) -> None:
    held = decisions.stop(name)
    assert name in held.stopped
    assert name not in held.pinned
    assert name not in held.options
    for other in {"jupyter", "registry", "kafka"} - {name}:
        assert held.options.get(other) == decisions.options.get(other)
        assert held.pinned.get(other) == decisions.pinned.get(other)


@given(intents, names)
def test_running_lifts_hold_and_pin_and_keeps_options(decisions: Decisions, name: str) -> None:
    run = decisions.run(name, {"A_PORT": "1"})
    assert name not in run.stopped
    assert name not in run.pinned
    assert run.options[name] == {**decisions.options.get(name, {}), "A_PORT": "1"}
    assert run.run(name, {}) == run


@given(intents, names)
def test_numbers_outlive_everything_that_is_decided(decisions: Decisions, name: str) -> None:
    assert decisions.stop(name).numbers == decisions.numbers
    assert decisions.run(name, {"A": "1"}).numbers == decisions.numbers
    assert decisions.pin(name, {"image": "digest"}).numbers == decisions.numbers
    known = decisions.numbers.get(name, {})
    assert decisions.number(name, {"c01": "9"}).numbers[name] == {"c01": "9", **known}
