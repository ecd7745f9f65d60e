"""Logs of a family on all its nodes: prefixed, masked, followed, whatever they hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.lab import HOSTS, NODES, ROOT, host_docker, on, run, secret, skp

# Busybox of the registry's image, as a container of a service that the catalogue does not have.
RUN = (
    "docker run -d --label skp.service=talk --name {name} --entrypoint busybox "
    "skp/docker-registry:latest sh -c {script!r}"
)
# A test run that itself is in a shell's background ignores Ctrl-C, and so would what it starts.
INTERRUPTIBLE = ("env", "--default-signal=INT")
Talk = Callable[[str, str, str], None]


@pytest.fixture
def talk(platform: None) -> Iterator[Talk]:
    """Return a maker of containers that say something; they are gone after the test."""
    made: list[tuple[str, str]] = []

    def make(node: str, name: str, script: str) -> None:
        made.append((node, name))
        assert on(node, RUN.format(name=name, script=script)).code == 0

    yield make
    for node, name in made:
        on(node, f"docker rm -f {name}")


def wait(node: str, name: str) -> None:
    assert on(node, f"docker wait {name}").out.strip() == "0"


def follow(*words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Begin a command whose output is read while it runs."""
    return subprocess.Popen(
        [*INTERRUPTIBLE, "./skp.py", "docker.logs", "-f", *words], cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_each_line_has_its_node_and_container(talk: Talk) -> None:
    talk("c02", "talk-skp-1", "echo one; echo two >&2")
    talk("c03", "talk-skp-2", "echo three")
    wait("c02", "talk-skp-1")
    wait("c03", "talk-skp-2")
    ran = skp("docker.logs", "-n", "talk-skp")
    assert ran.code == 0, ran.all
    lines = ran.out.splitlines()
    assert sorted(lines) == [
        "c02 talk-skp-1: one", "c02 talk-skp-1: two", "c03 talk-skp-2: three"
    ]  # fmt: skip
    assert lines[2].startswith("c03"), "not followed, the nodes come one after another"


def test_one_name_on_all_nodes_is_prefixed_with_the_node_alone(talk: Talk) -> None:
    for node in NODES:
        talk(node, "talk-skp", f"echo from {node}")
        wait(node, "talk-skp")
    ran = skp("docker.logs", "-n", "talk-skp")
    assert ran.out.splitlines() == [f"{node}: from {node}" for node in NODES]


def test_json_is_a_document_on_each_line(talk: Talk) -> None:
    talk("c02", "talk-skp", "echo '한국어'; echo two >&2")
    wait("c02", "talk-skp")
    ran = skp("docker.logs", "-n", "talk-skp", "--json")
    documents = [json.loads(line) for line in ran.out.splitlines()]
    place = {"node": "c02", "container": "talk-skp"}
    assert sorted(documents, key=lambda document: document["stream"]) == [
        {**place, "stream": "stderr", "line": "two"},
        {**place, "stream": "stdout", "line": "한국어"},
    ]


def test_tail_and_since_choose(talk: Talk) -> None:
    talk("c02", "talk-skp", "echo one; echo two; echo three")
    wait("c02", "talk-skp")
    last = skp("docker.logs", "-n", "talk-skp", "--tail", "2", "--since", "1h")
    assert last.out.splitlines() == ["c02: two", "c02: three"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
    assert skp("docker.logs", "-n", "talk-skp", f"--since={tomorrow}").out == ""


def test_known_secrets_are_hidden(talk: Talk) -> None:
    password = secret("JUPYTER_PASSWORD")
    talk("c02", "talk-skp", f"echo url=http://u:{password}@x; echo {password} >&2")
    wait("c02", "talk-skp")
    ran = skp("docker.logs", "-n", "talk-skp")
    assert sorted(ran.out.splitlines()) == ["c02: ***", "c02: url=http://u:***@x"]
    assert password not in skp("docker.logs", "-n", "talk-skp", "--json").all


def test_secrets_that_only_the_managers_keep_are_hidden(
    talk: Talk, settings: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    talk("c02", "talk-skp", f"echo {secret('JUPYTER_PASSWORD')}")
    wait("c02", "talk-skp")
    elsewhere = settings(SKP_ETC=str(tmp_path), SKP_HOSTS=str(HOSTS))
    ran = skp("docker.logs", "-n", "talk-skp", "--nodes", "c02", env=elsewhere)
    assert ran.out == "c02: ***\n", ran.err


def most_memory(pid: int) -> int:
    """Return the most memory that a process has had, in KiB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def test_bytes_that_are_no_text_and_no_line_are_shown_in_bounded_memory(talk: Talk) -> None:
    talk(
        "c02", "talk-skp", "busybox head -c 500000 /dev/urandom; busybox head -c 20000000 /dev/zero"
    )
    wait("c02", "talk-skp")
    with subprocess.Popen(
        ["./skp.py", "docker.logs", "-n", "talk-skp"], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        length, longest, controls, peak = 0, 0, False, 0
        for line in process.stdout:
            # Not wait4's figure: that begins with what the tests' own process had at the fork.
            peak = max(peak, most_memory(process.pid))
            length, longest = length + len(line), max(longest, len(line))
            controls = controls or b"\x00" in line
    assert process.returncode == 0
    assert not controls
    assert length > 20_000_000
    assert longest < 400_000, "pieces of 64 KiB, of which each byte may be shown as three"
    assert 0 < peak < 100 * 1024, "KiB; the command with its libraries takes 55 MiB"


def test_followed_lines_come_until_ctrl_c(talk: Talk) -> None:
    for node in ("c02", "c03"):
        talk(node, "talk-skp", "while true; do echo tick; busybox sleep 0.2; done")
    process = follow("-n", "talk-skp", "--tail", "1")
    assert process.stdout is not None
    seen: set[str] = set()
    for _ in range(600):  # 2 minutes
        seen.add(process.stdout.readline())
        if len(seen) > 1:
            break
    assert seen == {"c02: tick\n", "c03: tick\n"}
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors == ""


def test_a_container_that_ends_while_followed_does_not_end_the_others(talk: Talk) -> None:
    talk("c02", "talk-skp-1", "echo first; busybox sleep 2; exit 7")
    talk("c03", "talk-skp-2", "busybox sleep 4; printf last")
    out, errors = follow("-n", "talk-skp").communicate(timeout=60)
    assert out.splitlines() == ["c02 talk-skp-1: first", "c03 talk-skp-2: last"]
    assert "c02 talk-skp-1: it ended, exit code 7" in errors
    assert "c03 talk-skp-2: it ended, exit code 0" in errors


def test_a_container_removed_while_followed_is_no_error(talk: Talk) -> None:
    talk("c02", "talk-skp", "echo here; busybox sleep 300")
    process = follow("-n", "talk-skp")
    assert process.stdout is not None
    assert process.stdout.readline() == "c02: here\n"
    on("c02", "docker rm -f talk-skp")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "it was removed" in errors or "it ended" in errors


def test_a_reader_that_has_seen_enough_is_no_error(talk: Talk) -> None:
    talk("c02", "talk-skp", "busybox seq 200000")
    wait("c02", "talk-skp")
    script = "./skp.py docker.logs -n talk-skp | head -1; echo ${PIPESTATUS[0]}"
    ran = run("bash", "-c", script)
    assert ran.all == "c02: 1\n0\n"


def test_a_node_that_is_off_is_named_and_the_others_are_shown(
    talk: Talk, powered: Callable[[str], None]
) -> None:
    talk("c03", "talk-skp", "echo three")
    wait("c03", "talk-skp")
    powered("c02")
    # (If it led the Swarm, the others' engines take their time until one of them does.)
    ran = skp("docker.logs", "-n", "talk-skp", "--timeout", "40")
    assert ran.code == 1
    assert ran.out == "c03: three\n"
    assert ran.err.startswith("skp: c02: ")
    as_json = skp("docker.logs", "-n", "talk-skp", "--timeout", "40", "--json").out.splitlines()
    assert [json.loads(line)["node"] for line in as_json] == ["c02", "c03"]
    host_docker("start", "c02")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("-n", "registry-spk"), 1, "did you mean registry-skp?"),
        ((), 2, "a container or its family (-n) is needed"),
        (("-n", "registry-skp", "--tail", "x"), 2, "a number of lines, or all"),
        (("-n", "registry-skp", "--since", "x"), 2, "allowed: such as 90s"),
    ],
)
def test_wrong_words_say_what_is_allowed(
    platform: None, words: tuple[str, ...], code: int, message: str
) -> None:
    ran = skp("docker.logs", *words)
    assert ran.code == code
    assert message in ran.err


def test_a_node_that_is_this_machine_is_followed_and_left_by_ctrl_c(
    platform: None, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts.json"
    hosts.write_text('{"here": {"ipv4": "10.99.0.1", "groups": ["master", "manager"]}}')
    process = follow("-n", "c01", env={"SKP_HOSTS": str(hosts)})
    assert process.stdout is not None
    assert process.stdout.readline().startswith("here: ")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
