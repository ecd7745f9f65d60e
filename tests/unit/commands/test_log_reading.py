"""Reading logs of several containers: which lines, in which order, how each ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import requests

from cluster.commands.logs import Ended, Event, Line, Query, Source, query, read
from cluster.config.secrets import Secret
from cluster.errors import ConfigError
from cluster.model.redaction import Mask
from tests.support.fakes import FakeFleet, Reply, content, fake_fleet, frames, half, refusal, reply

FIRST, SECOND = Source("c01", "kafka-skp-1", "k1"), Source("c02", "kafka-skp-2", "k2")
NOW = 1_000_000.0
WHOLE, FOLLOWED = Query(), Query(follow=True)


@pytest.fixture
def fleet() -> FakeFleet:
    """Two nodes with a container each, whose logs are "one" and "two"."""
    fleet = fake_fleet("c01", "c02")
    for source, text in ((FIRST, "one\n"), (SECOND, "two\n")):
        connection = fleet.connections[source.node]
        connection.on(f"GET /containers/{source.id}/json", inspected())
        connection.on(f"GET /containers/{source.id}/logs", content(frames(text)))
    return fleet


def inspected(running: bool = True, code: int = 0, tty: bool = False) -> Reply:
    state = {"Running": running, "ExitCode": code}
    return reply({"Config": {"Tty": tty}, "State": state})


def log(fleet: FakeFleet, *answers: Reply | BaseException) -> None:
    fleet.connections["c01"].on("GET /containers/k1/logs", *answers)


def found(
    fleet: FakeFleet,
    wanted: Query = WHOLE,
    sources: Iterable[Source] = (FIRST, SECOND),
    mask: Mask | None = None,
) -> list[Event]:
    return list(read(fleet, list(sources), wanted, mask or Mask()))


def test_logs_come_one_after_another_in_the_order_of_their_containers(fleet: FakeFleet) -> None:
    assert found(fleet) == [
        Line(FIRST, "stdout", "one"), Ended(FIRST), Line(SECOND, "stdout", "two"), Ended(SECOND),
    ]  # fmt: skip


def test_followed_logs_come_as_they_are_written_each_with_its_end(fleet: FakeFleet) -> None:
    events = found(fleet, FOLLOWED)
    lines = {event.text for event in events if isinstance(event, Line)}
    assert lines == {"one", "two"}
    assert [e.why for e in events if isinstance(e, Ended)] == ["it was restarted"] * 2


QUERIES = [
    (Query(), "stderr=1&stdout=1&tail=all"),
    (Query(tail="5"), "stderr=1&stdout=1&tail=5"),
    (Query(since="12.000"), "since=12.000&stderr=1&stdout=1&tail=all"),
    (Query(follow=True), "follow=1&stderr=1&stdout=1&tail=all"),
]


@pytest.mark.parametrize(("wanted", "asked"), QUERIES)
def test_the_engine_is_asked_for_what_is_wanted(
    fleet: FakeFleet, wanted: Query, asked: str
) -> None:
    found(fleet, wanted, [FIRST])
    (line,) = [w for w in fleet.connections["c01"].wire if "/logs?" in w]
    assert "&".join(sorted(line.partition("?")[2].split("&"))) == asked


def test_standard_error_is_told_apart(fleet: FakeFleet) -> None:
    log(fleet, content(frames("out\n"), frames("err\n", stream=2)))
    events = found(fleet, sources=[FIRST])
    assert [(e.stream, e.text) for e in events if isinstance(e, Line)] == [
        ("stdout", "out"), ("stderr", "err"),
    ]  # fmt: skip


def test_a_container_with_a_terminal_has_one_stream_without_frames(fleet: FakeFleet) -> None:
    fleet.connections["c01"].on("GET /containers/k1/json", inspected(tty=True))
    log(fleet, content(b"plain\r\nrest"))
    lines = [e.text for e in found(fleet, sources=[FIRST]) if isinstance(e, Line)]
    assert lines == ["plain", "rest"]


def test_secrets_are_hidden_also_across_pieces(fleet: FakeFleet) -> None:
    log(fleet, content(frames("a hun"), frames("ter2 b\n")))
    events = found(fleet, sources=[FIRST], mask=Mask([Secret("hunter2")]))
    assert [e.text for e in events if isinstance(e, Line)] == ["a *** b"]


ENDS: list[tuple[Reply, str]] = [
    (inspected(running=False, code=137), "it ended, exit code 137"),
    (inspected(running=True), "it was restarted"),
    (refusal(404, "No such container"), "it was removed"),
]


@pytest.mark.parametrize(("after", "why"), ENDS)
def test_a_followed_log_that_ends_says_why(fleet: FakeFleet, after: Reply, why: str) -> None:
    fleet.connections["c01"].on("GET /containers/k1/json", inspected(), after)
    assert found(fleet, FOLLOWED, [FIRST])[-1] == Ended(FIRST, why)


BROKEN: list[tuple[Reply | BaseException, str]] = [
    (refusal(500, "can not get logs"), "the log of kafka-skp-1: can not get logs"),
    (half(content(b"1234", b"1234")), "the log of kafka-skp-1: no Docker Engine answers"),
    (requests.exceptions.ReadTimeout(), "does not answer within"),
    (ValueError("odd"), "unexpected ValueError: odd"),
]


@pytest.mark.parametrize(("answer", "what"), BROKEN)
def test_a_log_that_can_not_be_read_does_not_end_the_others(
    fleet: FakeFleet, answer: Reply | BaseException, what: str
) -> None:
    log(fleet, answer)
    events = found(fleet)
    (broken,) = [e for e in events if isinstance(e, Ended) and e.error]
    assert broken.source == FIRST
    assert broken.error is not None
    assert what in broken.error.what
    assert events[-2:] == [Line(SECOND, "stdout", "two"), Ended(SECOND)]


def test_a_reader_that_has_seen_enough_ends_the_reading(fleet: FakeFleet) -> None:
    log(fleet, content(*(frames(f"{number}\n") for number in range(1000))))
    reading = read(fleet, [FIRST], WHOLE, Mask())
    assert next(reading) == Line(FIRST, "stdout", "0")
    reading.close()  # type: ignore[attr-defined]  # a generator
    assert next(reading, None) is None


SINCE: list[tuple[str, Callable[[str], bool]]] = [
    ("", lambda told: told == ""),
    ("90s", lambda told: float(told) == NOW - 90),
    ("10m", lambda told: float(told) == NOW - 600),
    ("2h", lambda told: float(told) == NOW - 7200),
    ("1d", lambda told: float(told) == NOW - 86400),
    ("2026-11-22T09:30:00+00:00", lambda told: float(told) == 1795339800),
]


@pytest.mark.parametrize(("text", "right"), SINCE)
def test_since_means_a_moment(text: str, right: Callable[[str], bool]) -> None:
    assert right(query("", text, NOW).since)


@pytest.mark.parametrize("text", ["yesterday", "10", "-5m", "10w", "2026-13-01"])
def test_a_since_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="allowed: such as 90s"):
        query("", text, NOW)


@pytest.mark.parametrize(("text", "tail"), [("", "all"), ("all", "all"), ("0", "0"), ("50", "50")])
def test_tail_is_a_number_of_lines_or_all(text: str, tail: str) -> None:
    assert query(text, "", NOW).tail == tail


@pytest.mark.parametrize("text", ["-1", "ten", "1e3", "1234567890"])
def test_a_tail_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--tail"):
        query(text, "", NOW)
