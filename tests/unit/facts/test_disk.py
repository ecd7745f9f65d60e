"""What a node has that its engine does not know of: one command, and what is read in its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets
from cluster.errors import NodeError
from cluster.facts.disk import Disk, Question, disk
from cluster.model.answer import Damaged, Unanswered
from cluster.model.files import NodeFile
from tests.support.fakes import FakeConnection, done, fake_node, golden

KNOWN = StoredSecrets({SPEC_KEY: Secret("k"), "A": Secret("a")}, 3)
FILE = NodeFile("/usr/local/lib/skp/x", "content")
LINKED = NodeFile("/etc/unit", "unit", link="/etc/wants/unit", where="/run/systemd/system")
PATHS, KEEPERS = ("/var/kafka/my file",), frozenset(["c01"])
QUESTION = Question("/home/skp/skp/volume", (FILE, LINKED), KNOWN, PATHS, KEEPERS)


def asked(text: str, question: Question = QUESTION) -> Disk:
    """Return what is read in an answer; the lines of the secrets come after the end."""
    connection = FakeConnection("c01")
    connection.on_run("", done(0, text))
    return disk(fake_node(connection), question)


def test_all_is_asked_by_one_command() -> None:
    connection = FakeConnection("c01")
    connection.on_run("", done(0, "end:\nend:"))
    disk(fake_node(connection), QUESTION)
    assert len(connection.wire) == 1
    golden("disk", connection.wire[0].splitlines())


def test_a_whole_answer_is_read() -> None:
    found = asked(
        "owner:1000:1001\n"
        "file: /usr/local/lib/skp/x\nfile: /etc/wants/unit\n"
        "mode: 755 0 /usr/local/lib/skp/x\nsum: abc  /usr/local/lib/skp/x\n"
        "note:/var/kafka/my file: 6e 6f 64 65 2e 69 64 3d 31\nunread:/var/kafka/other\n"
        "gpu:/dev/nvidia0\ngpu:/proc/driver/nvidia/gpus/0\ngpu:/proc/driver/nvidia/gpus/1\n"
        f"end:\nkept:\n{KNOWN.dumps()}end:\n"
    )
    assert found.owner == "1000:1001"
    assert found.files == {"/usr/local/lib/skp/x": "755 0 abc", "/etc/unit": ""}
    assert found.marker_files == {"/var/kafka/my file": "node.id=1"}
    assert found.unread == {"/var/kafka/other"}
    assert found.gpus == 2
    assert found.secrets == KNOWN


def test_an_answer_with_nothing_is_an_empty_node() -> None:
    assert asked("end:\nend:\n") == Disk("", {}, StoredSecrets(), 0, {})


@pytest.mark.parametrize("text", ["", "owner:1000:1000\n", "zsh: no matches found: /dev/nvidia*\n"])
def test_half_an_answer_is_none_at_all(text: str) -> None:
    with pytest.raises(NodeError, match="its answer about its disk broke off"):
        asked(text)


def test_a_file_server_that_does_not_answer_leaves_the_owner_unknown() -> None:
    found = asked("silent:\nend:\nend:\n").owner
    assert found == Unanswered("whose /home/skp/skp/volume is was not answered within 5 s")


def test_a_worker_is_not_asked_for_secrets_and_tells_none() -> None:
    """Root of a worker is not to decide which secrets are in force."""
    question = replace(QUESTION, keepers=frozenset(["c02"]))
    connection = FakeConnection("c01")
    connection.on_run("", done(0, f"end:\nkept:\n{KNOWN.dumps()}end:\n"))
    assert disk(fake_node(connection), question).secrets == StoredSecrets()
    assert "secrets.env" not in connection.wire[0]


HALVES: list[tuple[str, str, Any]] = [
    ("file: /usr/local/lib/skp/x\n", "files", {"/usr/local/lib/skp/x": ""}),
    ("mode: 755 0 /usr/local/lib/skp/x\n", "files", {}),
    ("note:/var/kafka/my file: 6e 6\n", "unread", {"/var/kafka/my file"}),
]
SECRETS = [
    ("", "could not be read"),
    ("kept:\n", "could not be read"),
    ("kept:\nA='whole'\n", "could not be read"),
    ("kept:\nA='half\nend:\n", "are damaged in line 1"),
    ("kept:\nno assignment\nend:\n", "are damaged in line 1"),
    ("sudo: a password is required\n", "could not be read"),
]


@pytest.mark.parametrize(("text", "field", "value"), HALVES)
def test_half_a_line_is_taken_for_what_it_says(text: str, field: str, value: Any) -> None:
    assert getattr(asked(f"{text}end:\nend:\n"), field) == value


@pytest.mark.parametrize(("text", "why"), SECRETS)
def test_secrets_that_are_not_told_whole_are_unknown_and_not_absent(text: str, why: str) -> None:
    found = asked(f"end:\n{text}").secrets
    assert isinstance(found, Unanswered)
    assert found.why == f"its stored secrets, /var/lib/skp/secrets.env, {why}"
    assert isinstance(found, Damaged) == ("damaged" in why)


def test_an_empty_file_of_secrets_has_none() -> None:
    assert asked("end:\nkept:\nend:\n").secrets == StoredSecrets()


def test_secrets_that_are_the_askers_own_are_not_read_again() -> None:
    assert asked("owner:1:1\nend:\nsame:\n").secrets is KNOWN


def test_a_secret_that_looks_like_an_answer_is_none() -> None:
    """What comes after the first end is theirs alone."""
    stored = StoredSecrets({"A": Secret("owner:9:9"), "B": Secret("same:"), "C": Secret("end:")}, 1)
    found = asked(f"owner:1:1\nend:\nkept:\n{stored.dumps()}end:\n")
    assert (found.owner, found.secrets) == ("1:1", stored)
