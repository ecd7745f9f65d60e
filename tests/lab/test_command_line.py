"""The command line: spellings, exit codes, JSON, shells, completion."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.support.lab import HOSTS, NODES, ROOT, by_ssh, host_docker, run, skp


def test_the_old_spelling_takes_the_same_words(platform: None) -> None:
    assert run("bin/skp.sh", "docker.apply").out == skp("docker.apply").out


def test_a_misspelt_command_is_wrong_usage(platform: None) -> None:
    ran = skp("docker.aply")
    assert ran.code == 2
    assert "did you mean docker.apply?" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("docker.apply", "jupiter"), "no service jupiter (did you mean jupyter?)"),
        (("docker.apply", "--nodes", "c0l"), "no node c0l"),
        (("docker.apply", "--nope"), "No idea what '--nope' is"),
        (("docker.exec-shell", "-h", "c09", "-n", "x"), "no node c09"),
        (
            ("docker.image-build-ds", "-l=ko_KO.UTF-8"),
            "Debian has no such locale (did you mean ko_KR.UTF-8?)",
        ),
        (("docker.image-build-ds", "-g=YES"), "allowed: TRUE or FALSE"),
        (("docker.image-build-ds", "-t=a b"), "not an image tag"),
        (("lab.up", "-n", "17"), "1 to 16"),
        (("lab.up", "--dry"), "no dry run"),
        (("docker.exec-shell",), "a node (-h) and a container (-n) are needed"),
        (("ssh.cmd",), "a command (-c) is needed"),
        (("docker.jupyter-shell", "-h", "c02"), "It runs on: c01"),
        (("docker.jupyter-run", "--nodes", "c02"), "no chosen node has the label jupyter"),
        (("lab.up", "-n", "x"), "a number is expected, not 'x'"),
        (("docker.apply", "--timeout=-5"), "seconds from 1 on"),
    ],
)
def test_wrong_words_are_wrong_usage(platform: None, words: tuple[str, ...], message: str) -> None:
    ran = skp(*words)
    assert ran.code == 2, ran.all
    assert message in ran.err


@pytest.mark.parametrize("task", ["docker.ps", "docker.status", "docker.plan", "docker.image-list"])
def test_json_is_one_document_on_stdout(platform: None, task: str) -> None:
    ran = skp(task, "--json")
    assert ran.code == 0, ran.all
    json.loads(ran.out)


def test_several_services_may_be_named(platform: None) -> None:
    ran = skp("docker.apply", "jupyter", "registry", "--json").json
    assert {s["name"] for s in ran["steps"]} == {
        "secrets",
        "shared folders",
        "registry-skp",
        "jupyter-skp",
    }


def test_options_may_stand_before_the_services(platform: None) -> None:
    ran = skp("docker.plan", "--json", "registry").json
    assert {s["name"] for s in ran["steps"]} == {"secrets", "shared folders", "registry-skp"}


def test_a_plan_in_yaml_says_what_it_says_in_json(platform: None) -> None:
    ran = skp("docker.plan", "--yaml", "registry")
    assert ran.code == 0, ran.all
    assert (
        yaml.safe_load(ran.out)["steps"] == skp("docker.plan", "--json", "registry").json["steps"]
    )


def test_wrong_usage_is_a_json_document_too(platform: None) -> None:
    ran = skp("docker.aply", "--json")
    assert ran.code == ran.json["exit_code"] == 2
    assert "did you mean" in ran.json["error"]


def test_a_relative_settings_file_is_found_from_where_the_person_is(
    platform: None, tmp_path: Path
) -> None:
    (tmp_path / "my.env").write_text("export JUPYTER_PORT=none\n")
    ran = subprocess.run(
        [ROOT / "skp.py", "docker.plan"], cwd=tmp_path, env={**os.environ, "SKP_ENV": "my.env"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "my.env:1: JUPYTER_PORT" in ran.stderr


def test_exec_shell_honours_dry(platform: None) -> None:
    ran = skp("docker.exec-shell", "--dry", "-h", "c01", "-n", "jupyter-skp", "-c", "touch /tmp/x")
    assert ran.code == 0
    assert "docker exec" in ran.out
    gone = skp("docker.exec-shell", "-h", "c01", "-n", "jupyter-skp", "-c", "test -e /tmp/x")
    assert gone.code == 1


@pytest.mark.parametrize(
    "command", ["sleep 30", "exec >&- 2>&-; sleep 30", "while :; do echo x; sleep 0.2; done"]
)
def test_a_command_that_does_not_end_is_given_up(platform: None, command: str) -> None:
    begun = time.monotonic()
    ran = skp("ssh.cmd", "-c", command, "--timeout", "3", "--nodes", "c02")
    assert ran.code == 1
    assert "c02: not done within 3 s" in ran.err
    assert "Traceback" not in ran.all
    assert time.monotonic() - begun < 25


def test_quiet_says_nothing_when_there_is_nothing_to_say(platform: None) -> None:
    assert skp("docker.apply", "-q").all == ""


def test_exec_shell_runs_a_command_and_returns_its_exit_code(platform: None) -> None:
    ran = skp("docker.exec-shell", "-h", "c01", "-n", "jupyter-skp", "-c", "whoami; exit 7")
    assert ran.code == 7
    assert ran.out.strip()


def test_exec_shell_names_what_runs_when_the_name_is_wrong(platform: None) -> None:
    ran = skp("docker.exec-shell", "-h", "c02", "-n", "kafka-skp")
    assert ran.code == 1
    assert "no container kafka-skp runs there" in ran.err
    assert "Running: registry-skp" in ran.err


def type_into(words: list[str], typed: str, until: str, seconds: float = 30) -> str:
    """Run a program on a terminal of 80 columns, type, and return what the screen showed."""
    terminal, other = pty.openpty()
    process = subprocess.Popen(words, stdin=other, stdout=other, stderr=other, cwd=ROOT)
    os.close(other)
    os.write(terminal, typed.encode())
    shown, end = "", time.monotonic() + seconds
    while until not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the other side is closed: it ended
                break
    process.wait(timeout=seconds)
    os.close(terminal)
    return shown


def test_jupyter_shell_is_a_terminal(platform: None) -> None:
    typed = "tty && echo on-$((40+2)); exit\n"
    shown = type_into(["./skp.py", "docker.jupyter-shell", "-h", "c01"], typed, "on-42")
    assert "/dev/pts/" in shown


def test_cmd_runs_on_every_node(platform: None) -> None:
    ran = skp("ssh.cmd", "-c", "hostname")
    assert ran.code == 0
    assert sorted(ran.out.splitlines()) == [f"{node}: {node}" for node in NODES]


def test_cmd_reports_a_failure_of_one_node(platform: None) -> None:
    ran = skp("ssh.cmd", "-c", "test $(hostname) != c02")
    assert ran.code == 1
    assert "c02: exit code 1" in ran.out


def test_image_list_shows_each_nodes_registry(platform: None) -> None:
    listed = skp("docker.image-list", "--json").json
    rows = [row for row in listed["images"] if row["image"] == "skp/docker-ds:latest"]
    assert [row["node"] for row in rows] == list(NODES)
    assert len({row["registry"] for row in rows}) == 1


def test_help_that_nobody_reads_to_its_end_is_no_error(platform: None) -> None:
    ran = run("bash", "-c", "./skp.py --list | head -1; ./skp.py docker.exec-shell --help")
    assert "Traceback" not in ran.err
    assert "Open a shell in a container" in ran.out


def test_a_dry_run_and_a_look_keep_no_new_passwords(platform: None, tmp_path: Path) -> None:
    (tmp_path / "hosts.json").write_text(HOSTS.read_text())
    env = tmp_path / "env.sh"
    env.write_text(f"source {ROOT}/bin/env.sh\nexport SKP_ETC={tmp_path}\n")
    environment = {"SKP_ENV": str(env), "SKP_HOSTS": str(tmp_path / "hosts.json")}
    assert skp("docker.plan", env=environment).code == 0
    assert skp("docker.status", env=environment).code == 0
    # What the cluster has is brought back, and nothing beside it.
    assert (tmp_path / "secrets.env").read_text() == (ROOT / "etc" / "secrets.env").read_text()


@pytest.mark.parametrize(
    "task", ["docker.ps", "docker.status", "docker.image-list", "docker.plan", "docker.history"]
)
def test_what_is_there_fits_80_columns(platform: None, task: str) -> None:
    for line in skp(task).out.splitlines():
        assert len(line) <= 80, line


def test_completion_offers_commands_and_options(platform: None) -> None:
    script = (
        "source bin/completion.bash; COMP_WORDS=(./skp.py docker.jupyter-r); COMP_CWORD=1; "
        "_skp_complete ./skp.py docker.jupyter-r; echo ${COMPREPLY[*]}"
    )
    assert run("bash", "-c", script).out.split() == ["docker.jupyter-rm", "docker.jupyter-run"]
    script = script.replace("docker.jupyter-r)", "docker.apply --js)").replace(
        "docker.jupyter-r;", "--js;"
    )
    assert run("bash", "-c", script).out.split() == ["--json"]


def test_a_host_key_that_is_not_known_is_refused(platform: None, tmp_path: Path) -> None:
    config = (ROOT / ".lab" / "ssh_config").read_text()
    known = f'"{ROOT}/.lab/known_hosts"'
    assert known in config
    (tmp_path / "ssh_config").write_text(config.replace(known, "/dev/null"))
    env = tmp_path / "env.sh"
    env.write_text(f"source {ROOT}/bin/env.sh\nexport SKP_SSH_CONFIG={tmp_path}/ssh_config\n")
    ran = skp("docker.ps", env={"SKP_ENV": str(env)})
    assert ran.code == 1
    assert "the SSH host key of 10.99.0.11 is not known" in ran.err
    assert (ROOT / ".lab" / "ssh_config").read_text() == config


def test_a_node_that_is_this_machine_needs_no_ssh(platform: None, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.json"
    hosts.write_text('{"here": {"ipv4": "10.99.0.1", "groups": ["master", "manager"]}}')
    for _ in range(5):  # tests that make labs of their own may run beside this one
        before = set(host_docker("ps", "-a", "--format", "{{.Names}}").out.split())
        found = skp("docker.ps", "--json", env={"SKP_HOSTS": str(hosts)}).json["here"]
        if before == set(host_docker("ps", "-a", "--format", "{{.Names}}").out.split()):
            break
    assert {c["name"] for c in found} == before
    assert skp("ssh.cmd", "-c", "echo $((6*7))", env={"SKP_HOSTS": str(hosts)}).out == "here: 42\n"


def test_missing_ssh_configuration_says_how_to_get_it(platform: None, tmp_path: Path) -> None:
    env = tmp_path / "env.sh"
    env.write_text(f"source {ROOT}/bin/env.sh\nexport SKP_SSH_CONFIG=/nonexistent\n")
    ran = skp("docker.ps", env={"SKP_ENV": str(env)})
    assert ran.code == 2
    assert "./skp.py lab.up" in ran.err


def test_root_can_not_log_in(platform: None) -> None:
    assert by_ssh("c01", "id -un").out.strip() == "skp"
    assert run("ssh", "-F", ".lab/ssh_config", "-l", "root", "c01", "true").code == 255
