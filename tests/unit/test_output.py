"""What containers and nodes say commands no terminal, wherever it is shown."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from invoke import Exit

from cli import output
from cli.command import fail
from cli.confirmation import confirm
from cli.options import Options
from cli.program import program
from cli.session import Session
from cluster.commands.report import Report
from cluster.errors import NodeError
from cluster.model.item import Action, Kind, Noted
from cluster.model.result import Outcome, Result
from tasks import ns
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import done

# A title, the clipboard, a cursor movement, an alternate screen, 8-bit control, text backwards.
ATTACKS = (
    "\x1b]0;title\x07", "\x1b]52;c;ZXZpbA==\x1b\\", "\x1b[2A\x1b[K", "\x1b[?1049h", "\x9b2J",
    "fine\rbad", "a\x08b", "a\u202egnp.exe", "a\u2066b", "line\u2028line", "half \ud800",
)  # fmt: skip
EVIL = "".join(ATTACKS)
_ALLOWED = {"\n", "\t", "\N{REPLACEMENT CHARACTER}"}


def commands_a_terminal(text: str) -> list[str]:
    """Return what no terminal may be sent; by Unicode's categories, not by the filter's list."""
    unsafe = [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    backwards = [c for c in text if unicodedata.bidirectional(c)[:2] in ("LR", "RL", "FS", "PD")]
    return [c for c in [*unsafe, *backwards] if c not in _ALLOWED]


def test_the_attacks_are_some() -> None:
    assert all(commands_a_terminal(attack) for attack in ATTACKS)


@given(st.text(st.characters(codec=None, categories=None)))
def test_no_text_commands_a_terminal(text: str) -> None:
    assert not commands_a_terminal(output.plain(text))
    shown = output.log_line(text)
    assert not commands_a_terminal(re.sub(r"\x1b\[[0-9;]*m", "", shown))
    assert "\n" not in shown


@given(st.text(st.characters(codec=None, categories=None)))
def test_json_says_the_same_and_commands_nothing(text: str) -> None:
    shown = output.escaped(json.dumps({"line": text}, ensure_ascii=False))
    assert json.loads(shown) == {"line": text}
    assert not commands_a_terminal(shown)


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("ready in 3 s\n  \tit is", "한국어 Größe עברית 😀", "--- 80 % ---"):
        assert output.plain(text) == text
    assert output.plain("\x1b[1;31mred\x1b[0m\r\nnext") == "red\nnext"
    assert output.log_line("\x1b[31mred\x1b[0m") == "\x1b[31mred\x1b[0m"


ERROR = NodeError("c01", EVIL, EVIL)
RESULT = Result(Noted(Kind.CONTAINER, Action.CREATE, "c01", EVIL), Outcome.FAILED, EVIL, EVIL)
REPORT = Report((RESULT,), {"c02": ERROR}, (EVIL,))


@pytest.mark.parametrize("as_json", [False, True])
def test_reports_errors_progress_and_questions_pass_the_filter(
    capsys: pytest.CaptureFixture[str], as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(Options(json=as_json))
    session.say(EVIL)
    session.warn([EVIL])
    session.show({"line": EVIL}, [EVIL])
    with pytest.raises(Exit):
        session.finish(REPORT)
    with pytest.raises(Exit):
        fail(ERROR, as_json)
    if not as_json:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stdin.readline", lambda: "y", raising=False)
        confirm(EVIL, Options())
    said = capsys.readouterr()
    assert "ZXZpbA==" in said.out
    assert "ZXZpbA==" in said.err
    assert not commands_a_terminal(said.out + said.err)


def test_what_commands_on_nodes_print_passes_the_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = FakeCluster(tmp_path, monkeypatch)
    said = EVIL.replace("\ud800", "")
    for machine in cluster.machines.values():
        machine.connection.on_run("motd", done(0, f"{said}\n", said))
    assert cluster.run("ssh.cmd", "-c", "cat motd") == 0
    assert cluster.run("--json", "ssh.cmd", "-c", "cat motd") == 0
    shown = capsys.readouterr().out
    assert "ZXZpbA==" in shown
    assert not commands_a_terminal(shown)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from([*ATTACKS, EVIL, "안녕", "- a: b"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
        max_leaves=8,
    )
)
def test_yaml_says_what_json_says_and_commands_no_terminal(value: object) -> None:
    shown = io.StringIO()
    with redirect_stdout(shown):
        output.show_yaml(value)
    assert not commands_a_terminal(shown.getvalue())
    assert yaml.safe_load(shown.getvalue()) == value


def test_yaml_shows_other_scripts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_yaml({"what": "안녕", "nodes": ["c01"]})
    assert capsys.readouterr().out == "what: 안녕\nnodes:\n- c01\n"


def planned(*words: str) -> None:
    def converge(self: Session, *_: object) -> None:
        assert self.options.dry
        noted = Noted(Kind.HOST, Action.KEEP, "c01", "it")
        self.finish(Report((Result(noted, Outcome.UNCHANGED),), {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "converge", converge)
        program(ns).run(["skp.py", "docker.plan", *words], exit=False)


def test_a_plan_is_the_same_document_in_yaml_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    planned("--json", "registry")
    as_json = json.loads(capsys.readouterr().out)
    planned("registry", "--yaml")
    assert yaml.safe_load(capsys.readouterr().out) == as_json
    assert [step["name"] for step in as_json["steps"]] == ["it"]


def test_a_plan_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        program(ns).run(["skp.py", "docker.plan", "--json", "--yaml"])
    assert caught.value.code == 2
    assert "allowed: one of them" in "".join(capsys.readouterr())
