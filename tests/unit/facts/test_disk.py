"""What a node has that its engine does not know of: one command, and what is read in its answer."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets
from cluster.facts.disk import Disk, Question, disk
from cluster.model.spec import NodeFile
from tests.support.fakes import FakeConnection, done, fake_node, golden

KNOWN = StoredSecrets({SPEC_KEY: Secret("k"), "A": Secret("a")}, 3)
FILE = NodeFile("/usr/local/lib/skp/x", "content")
LINKED = NodeFile("/etc/unit", "unit", link="/etc/wants/unit", where="/run/systemd/system")
QUESTION = Question("/home/skp/skp/volume", (FILE, LINKED), KNOWN, ("/var/kafka/my file",))


def asked(text: str, question: Question = QUESTION) -> Disk:
    connection = FakeConnection("c01")
    connection.on_run("", done(0, text))
    return disk(fake_node(connection), question)


def test_all_is_asked_by_one_command() -> None:
    connection = FakeConnection("c01")
    connection.on_run("", done())
    disk(fake_node(connection), QUESTION)
    assert len(connection.wire) == 1
    golden("disk", connection.wire[0].splitlines())


def test_a_whole_answer_is_read() -> None:
    found = asked(
        "owner:1000:1001\n"
        "file: /usr/local/lib/skp/x\nfile: /etc/wants/unit\n"
        "mode: 755 0 /usr/local/lib/skp/x\nsum: abc  /usr/local/lib/skp/x\n"
        "note:/var/kafka/my file:bm9kZS5pZD0x\n"
        "gpu:/dev/nvidia0\ngpu:/proc/driver/nvidia/gpus/0\ngpu:/proc/driver/nvidia/gpus/1\n"
        f"kept:\n{KNOWN.dumps()}"
    )
    assert found.owner == "1000:1001"
    assert found.files == {"/usr/local/lib/skp/x": "755 0 abc", "/etc/unit": ""}
    assert found.marker_files == {"/var/kafka/my file": "node.id=1"}
    assert found.gpus == 2
    assert found.secrets == KNOWN


def test_nothing_at_all_is_an_empty_node() -> None:
    assert asked("") == Disk("", {}, StoredSecrets(), 0, {})


HALVES: list[tuple[str, str, Any]] = [
    ("file: /usr/local/lib/skp/x\n", "files", {"/usr/local/lib/skp/x": ""}),
    ("mode: 755 0 /usr/local/lib/skp/x\n", "files", {}),
    ("note:/var/kafka/my file:%%%\n", "marker_files", {"/var/kafka/my file": ""}),
    ("kept:\n", "secrets", StoredSecrets()),
    ("kept:\nA='half", "secrets", StoredSecrets()),
    ("kept:\nno assignment\n", "secrets", StoredSecrets()),
]


@pytest.mark.parametrize(("text", "field", "value"), HALVES)
def test_half_an_answer_is_taken_for_none(text: str, field: str, value: Any) -> None:
    assert getattr(asked(text), field) == value


def test_secrets_that_are_the_askers_own_are_not_read_again() -> None:
    assert asked("owner:1:1\nsame:\n").secrets is KNOWN


def test_a_secret_that_looks_like_an_answer_is_none() -> None:
    """What comes after the mark of the secrets is theirs alone."""
    stored = StoredSecrets({"A": Secret("owner:9:9"), "B": Secret("same:")}, 1)
    found = asked(f"owner:1:1\nkept:\n{stored.dumps()}")
    assert (found.owner, found.secrets) == ("1:1", stored)
