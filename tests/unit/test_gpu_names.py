"""The item by which the engine names GPUs to the Swarm, on machines that have none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hosts.prepare.machine_items import GPU_NAMES

TWO = (
    "GPU 0: Tesla V100-SXM2-16GB (UUID: GPU-5a2c)\n"
    "GPU 1: NVIDIA A100 (UUID: GPU-00ff-1)\n"
    "  MIG 1g.5gb     Device  0: (UUID: MIG-77aa)\n"
    "WARNING: infoROM is corrupted at gpu 0000:1C:00.0\n"
)
NAMED = ["GPU=GPU-00ff-1", "GPU=GPU-5a2c"]
RUNTIME = {"runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}}
# An engine with this command line, which tells what LIVE says of what it knows.
PLAYED = r"""
TOML={folder}/config.toml DEVICES={folder}
engine_line() { printf '%s\n' --config-file {folder}/daemon.json {line}; }
dockerd() { [ ! -e {folder}/refuse ] || { echo "it is odd"; return 1; }; }
docker() {
  case $* in
    'info -f {{range $name'*) echo "runc {runtimes}" | tr ' ' '\n' ;;
    'info -f {{range .Gen'*) printf '%s\n' {live} ;;
    'info -f {{.Def'*) echo {default} ;;
    info) ;;
    ps*) printf '%s' '{running}' ;;
    *) echo "not played: $*" >&2; return 1 ;;
  esac
}
"""


class Machine:
    """A machine in a folder.

    Attributes:
        told: of its engine: what its command line has, and what it knows now.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = {"line": "", "runtimes": "", "live": "", "default": "runc", "running": ""}

    def shows(self, text: str, code: int = 0) -> None:
        """Have an nvidia-smi that prints this."""
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        (self.folder / "listed").write_text(text)
        script = f"#!/bin/sh\n[ $1 = -L ] || exit 2\ncat {self.folder}/listed\nexit {code}\n"
        (programs / "nvidia-smi").write_text(script)
        (programs / "nvidia-smi").chmod(0o755)

    def run(self, words: str) -> subprocess.CompletedProcess[str]:
        """Run functions of the item."""
        played = PLAYED.replace("{folder}", str(self.folder))
        for key, value in self.told.items():
            played = played.replace(f"{{{key}}}", value)
        script = f"{GPU_NAMES.text('c01')}\nPATH={self.folder}/bin:$PATH\n{played}\n{words}"
        return subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, timeout=20, check=False
        )

    def has(self, said: dict[str, Any]) -> None:
        """Have an engine's file that says this."""
        (self.folder / "daemon.json").write_text(json.dumps(said, indent=2))

    @property
    def said(self) -> dict[str, Any]:
        """What the engine's file says."""
        found: dict[str, Any] = json.loads((self.folder / "daemon.json").read_text())
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def mended(machine: Machine) -> None:
    """Find something wrong, fix it, and find nothing wrong then."""
    assert machine.run("check").returncode == 1
    fixed = machine.run("fix")
    assert (fixed.returncode, fixed.stderr) == (0, "")
    again = machine.run("check")
    assert (again.returncode, again.stdout) == (0, "")


def test_where_there_is_no_gpu_nothing_is_wrong(machine: Machine) -> None:
    assert machine.run("check; waiting").stdout == ""
    for text, code in (("No devices found.\n", 0), ("No devices were found\n", 6), ("", 0)):
        machine.shows(text, code)
        found = machine.run("check; waiting")
        assert (found.returncode, found.stdout) == (0, "")
    assert not (machine.folder / "daemon.json").exists()


def test_a_gpu_that_nothing_names_is_told(machine: Machine) -> None:
    (machine.folder / "nvidia0").touch()
    found = machine.run("check")
    assert (found.returncode, found.stdout) == (1, "a GPU, and no nvidia-smi that names it\n")


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        (
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
            9,
            "NVIDIA's driver does not answer (nvidia-smi ended with 9: NVIDIA-SMI has failed",
        ),
        (TWO, 15, "does not answer (nvidia-smi ended with 15"),
        (
            "GPU 0: V100 (UUID: GPU-5a2c)\nUnable to determine the device handle for gpu 1\n",
            0,
            "does not name every GPU: Unable to determine",
        ),
    ],
)
def test_a_driver_that_does_not_answer_is_not_taken_for_no_gpus(
    machine: Machine, text: str, code: int, told: str
) -> None:
    before = {"node-generic-resources": NAMED}
    machine.has(before)
    machine.shows(text, code)
    found = machine.run("check")
    assert found.returncode == 1
    assert told in found.stdout
    assert machine.run("fix").returncode == 1
    assert machine.run("waiting").stdout == ""
    assert machine.said == before


def test_the_file_names_exactly_the_gpus_that_are_there(machine: Machine) -> None:
    machine.shows(TWO)
    mended(machine)
    assert machine.said == {"node-generic-resources": NAMED}
    machine.shows("GPU 0: Tesla V100-SXM2-16GB (UUID: GPU-5a2c)\n")
    mended(machine)
    assert machine.said == {"node-generic-resources": ["GPU=GPU-5a2c"]}


def test_what_else_the_file_says_stays(machine: Machine) -> None:
    other = {"mtu": 1400, "log-opts": {"max-size": "20m"}}
    machine.has({**other, "node-generic-resources": ["FPGA=f1", "GPU=GPU-gone", "GPUX=2"]})
    (machine.folder / "daemon.json").chmod(0o600)
    machine.shows(TWO)
    mended(machine)
    assert machine.said == {**other, "node-generic-resources": ["FPGA=f1", "GPUX=2", *NAMED]}
    assert (machine.folder / "daemon.json").stat().st_mode & 0o777 == 0o600


def test_nvidias_runtime_becomes_the_default_one_where_the_engine_has_it(machine: Machine) -> None:
    machine.shows(TWO)
    machine.told["runtimes"] = "nvidia"
    mended(machine)
    assert machine.said == {"node-generic-resources": NAMED, "default-runtime": "nvidia"}


@pytest.mark.parametrize("others", [{}, {"kata": {"path": "kata"}}])
def test_a_runtime_that_the_engine_will_have_counts(
    machine: Machine, others: dict[str, Any]
) -> None:
    machine.has({"runtimes": {**others, **RUNTIME["runtimes"]}})
    machine.shows(TWO)
    mended(machine)
    assert machine.said["default-runtime"] == "nvidia"


def test_what_the_command_line_says_already_counts(machine: Machine) -> None:
    machine.shows(TWO)
    machine.told["runtimes"] = "nvidia"
    machine.told["line"] = (
        "--node-generic-resource GPU=GPU-5a2c --node-generic-resource=GPU=GPU-00ff-1"
        " --default-runtime=nvidia"
    )
    found = machine.run("check")
    assert (found.returncode, found.stdout) == (0, "")


def test_a_file_that_the_engine_would_not_take_stays_as_it_was(machine: Machine) -> None:
    machine.has({"mtu": 1400})
    (machine.folder / "refuse").touch()
    machine.shows(TWO)
    fixed = machine.run("fix")
    assert fixed.returncode == 1
    assert "with the lines for its GPUs, so it is as it was: it is odd" in fixed.stderr
    assert machine.said == {"mtu": 1400}
    assert [path.name for path in machine.folder.glob("daemon*")] == ["daemon.json"]


TABLE = '[nvidia-container-cli]\nload-kmods = true\n#swarm-resource = "DOCKER_RESOURCE_GPU"\n'
NAME = 'swarm-resource = "DOCKER_RESOURCE_GPU"\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"disable-require = false\n#{NAME}\n{TABLE}", f"disable-require = false\n{NAME}\n{TABLE}"),
        (f"disable-require = false\n{TABLE}", f"{NAME}disable-require = false\n{TABLE}"),
        (TABLE, f"{NAME}{TABLE}"),
        (
            f'swarm-resource = "DOCKER_RESOURCE_X"\n{TABLE}',
            f'swarm-resource = "DOCKER_RESOURCE_X,DOCKER_RESOURCE_GPU"\n{TABLE}',
        ),
    ],
)
def test_nvidias_runtime_reads_which_gpus_a_task_was_given(
    machine: Machine, before: str, after: str
) -> None:
    toml = machine.folder / "config.toml"
    toml.write_text(before)
    machine.shows(TWO)
    mended(machine)
    assert toml.read_text() == after


def test_a_key_that_is_written_in_another_way_is_left_to_a_person(machine: Machine) -> None:
    toml = machine.folder / "config.toml"
    toml.write_text(f"swarm-resource = 'X'\n{TABLE}")
    machine.shows(TWO)
    fixed = machine.run("fix")
    assert fixed.returncode == 1
    assert "write DOCKER_RESOURCE_GPU into swarm-resource of" in fixed.stderr
    assert toml.read_text() == f"swarm-resource = 'X'\n{TABLE}"


def test_an_engine_that_does_not_know_its_gpus_waits_for_a_restart(machine: Machine) -> None:
    machine.shows(TWO)
    machine.told |= {"live": "FPGA=f1 GPU=GPU-5a2c", "running": "runs web\nruns mysql-skp\n"}
    found = machine.run("waiting").stdout.splitlines()
    assert found == ["gpu GPU-00ff-1", "gpu GPU-5a2c", "runs web", "runs mysql-skp"]
    machine.told["live"] = "GPU=GPU-5a2c FPGA=f1 GPU=GPU-00ff-1"
    assert machine.run("waiting").stdout == ""
    machine.told["runtimes"] = "nvidia"
    assert "gpu GPU-5a2c" in machine.run("waiting").stdout, "its default runtime is another"
    machine.told["default"] = "nvidia"
    assert machine.run("waiting").stdout == ""
