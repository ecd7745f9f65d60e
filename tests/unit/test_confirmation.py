"""What is asked before, and which option answers it."""

from __future__ import annotations

import pytest

from cli.confirmation import confirm, confirm_key
from cli.options import Options
from cluster.errors import ConfigError, SkpError

YES = Options(yes=True)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    return monkeypatch


def test_yes_answers_a_question() -> None:
    confirm("sure?", YES)


def test_yes_does_not_answer_for_a_host_key() -> None:
    with pytest.raises(ConfigError, match="the key is not known") as refused:
        confirm_key("the key is not known", YES, accepted=False)
    assert refused.value.hint == "If that is what you want, add --accept-host-keys."
    confirm_key("the key is not known", Options(), accepted=True)


def test_nobody_is_asked_for_a_document() -> None:
    with pytest.raises(ConfigError, match=r"sure\?"):
        confirm("sure?", Options(json=True))


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("yes", True), ("\n", False)])
def test_a_person_answers(typed: pytest.MonkeyPatch, answer: str, agreed: bool) -> None:
    typed.setattr("sys.stdin.readline", lambda: answer, raising=False)
    if agreed:
        confirm_key("sure?", Options(), accepted=False)
    else:
        with pytest.raises(SkpError, match="nothing was changed"):
            confirm_key("sure?", Options(), accepted=False)
