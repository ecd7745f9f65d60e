"""What a person decided, in the labels of a Swarm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.model.decisions import Intent

names = st.sampled_from(["jupyter", "registry", "kafka"])
tables = st.dictionaries(
    names, st.dictionaries(st.text(min_size=1), st.text(), min_size=1), max_size=3
)
intents = st.builds(Intent, st.frozensets(names), tables, tables, tables)
strangers = st.dictionaries(st.sampled_from(["rack", "owner"]), st.text())


@given(intents, strangers)
def test_what_is_written_is_read_back_and_others_labels_stay(
    intent: Intent, labels: dict[str, str]
) -> None:
    written = intent.written(labels)
    assert Intent.read(written) == intent
    assert {k: v for k, v in written.items() if not k.startswith("skp.")} == labels


@given(
    st.dictionaries(
        st.sampled_from(["skp.held", "skp.pinned", "skp.options", "skp.numbers"]), st.text()
    )
)
def test_whatever_stands_in_the_labels_it_can_be_read(labels: dict[str, str]) -> None:
    Intent.read(labels)


@given(intents, names)
def test_holding_ends_pins_and_options_of_that_service_alone(intent: Intent, name: str) -> None:
    held = intent.hold(name)
    assert name in held.held
    assert name not in held.pinned
    assert name not in held.options
    for other in {"jupyter", "registry", "kafka"} - {name}:
        assert held.options.get(other) == intent.options.get(other)
        assert held.pinned.get(other) == intent.pinned.get(other)


@given(intents, names)
def test_running_lifts_hold_and_pin_and_keeps_options(intent: Intent, name: str) -> None:
    run = intent.run(name, {"A_PORT": "1"})
    assert name not in run.held
    assert name not in run.pinned
    assert run.options[name] == {**intent.options.get(name, {}), "A_PORT": "1"}
    assert run.run(name, {}) == run


@given(intents, names)
def test_numbers_outlive_everything_that_is_decided(intent: Intent, name: str) -> None:
    assert intent.hold(name).numbers == intent.numbers
    assert intent.run(name, {"A": "1"}).numbers == intent.numbers
    assert intent.pin(name, {"image": "digest"}).numbers == intent.numbers
    known = intent.numbers.get(name, {})
    assert intent.number(name, {"c01": "9"}).numbers[name] == {"c01": "9", **known}
