"""Nodes as people have them: other shells, greetings, umasks, languages, sudoers, names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.odd import NAMES, Odd, odd

# Each line is one that a login of such a node would make another one.
ASKED = "umask; echo $LC_ALL; for f in /no[0-9]*; do echo $f; done; echo IX | tr A-Z a-z; pwd"
ANSWER = ["0022", "C.UTF-8", "/no[0-9]*", "ix", "/home/skp"]
MODES = "stat -c %a /usr/local/lib/skp /usr/local/lib/skp/start-ours"


@pytest.fixture(scope="module")
def nodes(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odd]:
    with odd(tmp_path_factory.mktemp("odd")) as made:
        yield made


def done(nodes: Odd, *words: str) -> str:
    ran = nodes.skp(*words)
    assert ran.code == 0, ran.all
    return ran.out


def test_what_sudo_wants_is_found_and_what_is_said_to_type_mends_it(nodes: Odd) -> None:
    found = {(f["node"], f["check"]): f for f in nodes.skp("host.check", "--json").json}
    assert [node for node, check in found if check == "sudo"] == ["o03"], found
    assert "requiretty" in found["o03", "sudo"]["found"]
    typed = nodes.typed(found["o03", "sudo"]["fix"])
    assert typed.code == 0, typed.all
    left = [(f["node"], f["check"]) for f in nodes.skp("host.check", "--json").json]
    assert ("o03", "sudo") not in left


def test_every_node_answers_alike(nodes: Odd) -> None:
    ran = nodes.skp("ssh.cmd", "-c", ASKED, "--json")
    assert ran.code == 0, ran.all
    answers = {name: (ran.json[name]["stdout"], ran.json[name]["stderr"]) for name in NAMES}
    assert {name: out.splitlines() for name, (out, _) in answers.items()} == dict.fromkeys(
        NAMES, ANSWER
    )
    assert {err for _, err in answers.values()} == {""}


def test_a_second_apply_changes_nothing_and_secrets_come_back(nodes: Odd) -> None:
    done(nodes, "docker.apply")
    assert done(nodes, "docker.apply").startswith("Nothing to change")
    modes = nodes.skp("ssh.cmd", "-c", MODES, "--json").json
    assert {name: modes[name]["stdout"] for name in NAMES} == dict.fromkeys(NAMES, "755\n755\n")
    kept = nodes.folder / "secrets.env"
    before = kept.read_text()
    kept.unlink()
    assert done(nodes, "docker.apply").startswith("Nothing to change")
    assert kept.read_text() == before


def test_machines_are_prepared_and_only_once(nodes: Odd) -> None:
    done(nodes, "host.copy")
    assert done(nodes, "host.copy").startswith("Nothing to change")
    assert done(nodes, "ssh.copy-id").startswith("Nothing to change")
