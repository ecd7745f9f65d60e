"""Logs: taken apart from any chunks, cut into lines, no known secret in what is shown."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster.commands.logs import Cutter, frames, query
from cluster.config.secrets import Secret
from cluster.errors import ConfigError
from cluster.model.redaction import Mask

NOW = 1_000_000.0
PASSWORD = "päss/w%rd \"'"


def chunked(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut `data` into chunks of these sizes, again and again."""
    chunks, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        chunks.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return chunks


def framed(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4) + payload


sizes = st.lists(st.integers(1, 40), min_size=1, max_size=5)


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50))), sizes)
def test_frames_come_apart_however_they_arrive(
    sent: list[tuple[int, bytes]], cut: list[int]
) -> None:
    data = b"".join(framed(stream, payload) for stream, payload in sent)
    got = {"stdout": b"", "stderr": b""}
    for stream, part in frames(chunked(data, cut)):
        got[stream] += part
    assert got["stdout"] == b"".join(payload for stream, payload in sent if stream == 1)
    assert got["stderr"] == b"".join(payload for stream, payload in sent if stream == 2)


@given(st.binary(max_size=300), sizes)
def test_lines_are_whole_however_they_arrive(data: bytes, cut: list[int]) -> None:
    cutter = Cutter(Mask())
    lines = [line for chunk in chunked(data, cut) for line in cutter.feed(chunk)]
    assert [*lines, *cutter.rest()] == (data.removesuffix(b"\n").split(b"\n") if data else [])


@given(st.binary(max_size=200), st.integers(0, 200), sizes)
@example(b"x" * 100, 28, [1])
def test_a_secret_is_hidden_wherever_a_long_line_is_cut(
    noise: bytes, at: int, cut: list[int]
) -> None:
    secret = b"correct-horse"
    data = noise[:at] + secret + noise[at:]
    cutter = Cutter(Mask([Secret(secret.decode())]), longest=30)
    pieces = [piece for chunk in chunked(data, cut) for piece in cutter.feed(chunk)]
    assert secret not in b"".join([*pieces, *cutter.rest()])


@given(st.integers(1, 5000))
def test_a_line_without_end_is_not_kept(length: int) -> None:
    cutter = Cutter(Mask([Secret("correct-horse")]), longest=30)
    shown = b"".join(piece for _ in range(length) for piece in cutter.feed(b"y"))
    assert length - len(shown) <= 30 + len("correct-horse")


@pytest.mark.parametrize(
    "spelt",
    [
        PASSWORD,
        '{"p": "p\\u00e4ss/w%rd \\"\'"}',
        '{"p": "päss/w%rd \\"\'"}',
        "mysql://u:p%C3%A4ss%2Fw%25rd%20%22%27@db",
        "?p=p%C3%A4ss%2Fw%25rd+%22%27",
    ],
)
def test_a_secret_is_hidden_as_logs_spell_it(spelt: str) -> None:
    shown = Mask([Secret(PASSWORD)]).hide(spelt.encode()).decode()
    assert "***" in shown
    assert "ss/w" not in shown
    assert "ss%2Fw" not in shown


def test_each_line_of_a_secret_is_hidden_but_not_its_braces() -> None:
    mask = Mask([Secret('{\n"key": "correct-horse"\n}')])
    assert mask.hide(b'"key": "correct-horse"') == b"***"
    assert mask.hide(b"}") == b"}"


def test_an_empty_secret_hides_nothing() -> None:
    assert Mask([Secret("")]).hide(b"as it is") == b"as it is"


@pytest.mark.parametrize(
    ("since", "seconds"),
    [
        ("90s", "999910.000"),
        ("2m", "999880.000"),
        ("1d", "913600.000"),
        ("2026-11-22T09:30+00:00", "1795339800.000"),
        ("2026-11-22", f"{datetime(2026, 11, 22).timestamp():.3f}"),  # noqa: DTZ001 - local
        ("", ""),
    ],
)
def test_since_is_a_time_ago_or_a_date(since: str, seconds: str) -> None:
    assert query("", since, NOW).since == seconds


@pytest.mark.parametrize(
    ("tail", "since"), [("-1", ""), ("ten", ""), ("1 0", ""), ("", "yesterday"), ("", "10")]
)
def test_other_forms_are_wrong_usage(tail: str, since: str) -> None:
    with pytest.raises(ConfigError, match="allowed: "):
        query(tail, since, NOW)
