"""What a person finds by --list, --help and the Tab key."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

import services
from cli.completion import candidates
from cli.listing import examples, grouped
from cli.program import join_words, program
from tasks import ns
from tests.support.fake_cluster import FakeCluster
from tests.support.lab import ROOT

SHELLS = {
    "bash": (
        "source bin/completion.bash; COMP_WORDS=({words}); _skp_complete ./skp.py {last}; "
        'printf "%s\\n" "${{COMPREPLY[@]}}"'
    ),
    "fish": 'source bin/completion.fish; complete -C "{line}"',
    "zsh": (
        "source bin/completion.zsh; compadd() {{ shift; print -l -- $@ }}; _files() {{ :; }}; "
        "words=({words}); CURRENT=$#words; _skp"
    ),
}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    return FakeCluster(tmp_path, monkeypatch)


def test_every_command_is_in_one_group_and_the_everyday_ones_come_first() -> None:
    groups = grouped(ns.task_names)
    every = [name for _, names in groups for name in names]
    assert sorted(every) == sorted(ns.task_names)
    title, first = groups[0]
    assert title == "Every day"
    assert first[:3] == ["docker.apply", "docker.plan", "docker.status"]
    assert "More" not in dict(groups)


@pytest.mark.parametrize("name", sorted(ns.task_names))
def test_the_examples_of_a_command_can_be_typed(name: str) -> None:
    assert examples(name)
    for example in examples(name):
        made, words = program(ns), join_words(shlex.split(example)[1:])
        made.create_config()
        made.parse_core(["skp.py", *words])
        made.parse_collection()
        made.parse_tasks()
        assert [task.name for task in made.tasks] == [name], example


def test_help_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program(ns).run(["skp.py", "--help", "docker.drain"])
    assert capsys.readouterr().out.endswith("Examples:\n  ./skp.py docker.drain -h c03\n\n")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("skp.py docker.status --nodes ", ["c01", "c02", "c03"]),
        ("skp.py docker.status --nodes=", ["--nodes=c01", "--nodes=c02", "--nodes=c03"]),
        ("skp.py docker.status --nodes = c0", ["c01", "c02", "c03"]),  # as bash splits it
        ("skp.py docker.status --nodes =", ["c01", "c02", "c03"]),
        ("skp.py --nodes c01,", ["c01,c02", "c01,c03"]),
        ("skp.py docker.exec-shell -h ", ["c01", "c02", "c03"]),
        ("skp.py docker.apply --busy w", ["replace", "skip", "wait"]),
        ("skp.py docker.a", None),
        ("skp.py docker.apply -", None),
        ("skp.py cron.install -s ", None),
        ("skp.py docker.logs -n 'half", None),
    ],
)
def test_the_next_word_is_offered(
    cluster: FakeCluster, line: str, offered: list[str] | None
) -> None:
    if line.endswith("'half"):
        assert "jupyter-skp" in (candidates(line) or [])
    else:
        assert candidates(line) == offered


def test_containers_and_their_families_are_offered(cluster: FakeCluster) -> None:
    found = candidates("skp.py docker.logs -n ") or []
    assert {"jupyter-skp", "jupyter-skp-c02", "registry-skp"} <= set(found)


def test_services_are_offered_as_words_and_passwords_where_they_are_meant(
    cluster: FakeCluster,
) -> None:
    assert candidates("skp.py docker.apply jupyter ") == sorted(services.catalogue())
    assert "JUPYTER_PASSWORD" in (candidates("skp.py secrets.show ") or [])


def test_wrong_files_offer_nothing_and_say_nothing(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    (cluster.folder / "hosts.json").write_text(json.dumps({"c01": {}}))
    assert candidates("skp.py docker.status --nodes ") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["docker.jupyter-r"], "docker.jupyter-run"),
        (["docker.logs", "-n", "jup"], "jupyter-skp"),
        (["docker.drain", "-h", ""], "c02"),
        (["docker.apply", "jup"], "jupyter"),
    ],
)
def test_shells_offer_it(shell: str, words: list[str], offered: str) -> None:
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"no {shell} on this machine: bin/setup --dev")
    every = ["./skp.py", *words]
    script = SHELLS[shell].format(
        words=shlex.join(every), last=shlex.quote(words[-1]), line=" ".join(every)
    )
    ran = subprocess.run(
        [found, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert offered in [line.split("\t")[0] for line in ran.stdout.splitlines()], ran.stderr
