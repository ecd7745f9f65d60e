"""The machine that types is somebody's own: what bin/setup would do to its packages.

apt itself decides, over packages that are in a folder.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab import own
from tests.support.somebodys_machine import Machine, Package

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt on this machine")

LIBC, NEWER_LIBC = Package("libc6", "2.36-9"), Package("libc6", "2.36-9+deb12u13")
OLD_DOCKER = Package("docker.io", "20.10.24+dfsg1-1", "libc6")
DOCKER = Package("docker.io", "26.1.5+dfsg1-9", "libc6")
PARTS = tuple(Package(name, "1") for name in ("docker-cli", "docker-buildx", "iptables"))
CERTIFICATES = Package("ca-certificates", "20230311")
THEIR_DOCKER = tuple(
    Package(name, f"5:{version}")
    for name, version in (
        ("docker-ce", "29.0.1"), ("docker-ce-cli", "29.0.1"), ("containerd.io", "2.1"),
        ("docker-buildx-plugin", "0.29"),
    )
)  # fmt: skip
MMDEBSTRAP = Package("mmdebstrap", "1.3.5")
CHOOSE = 'engine_choose; echo "$ENGINE_FROM" "${WANTED[@]}"'


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.has(LIBC)
    return made


def said(machine: Machine, script: str) -> str:
    done = machine.bash(script)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refused(machine: Machine, script: str, code: int = 2) -> str:
    done = machine.bash(script)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


def test_the_distributions_engine_is_taken_where_it_is_new_enough(machine: Machine) -> None:
    machine.offers(DOCKER, *PARTS, CERTIFICATES, *THEIR_DOCKER, MMDEBSTRAP)
    wanted = "packages docker.io docker-cli docker-buildx iptables ca-certificates"
    assert said(machine, CHOOSE) == wanted


def test_an_old_one_is_not_and_dockers_own_source_is_asked(machine: Machine) -> None:
    machine.offers(OLD_DOCKER, *PARTS, CERTIFICATES, *THEIR_DOCKER, MMDEBSTRAP)
    wanted = "packages docker-ce docker-ce-cli containerd.io docker-buildx-plugin"
    assert said(machine, CHOOSE) == wanted


def test_without_either_the_engine_gets_a_place_of_its_own(machine: Machine) -> None:
    machine.offers(OLD_DOCKER, *PARTS, CERTIFICATES, MMDEBSTRAP)
    assert said(machine, CHOOSE) == "own"


def test_an_engine_that_would_bring_a_newer_library_is_not_taken(machine: Machine) -> None:
    needy = Package("docker.io", "26.1.5", f"libc6 (>= {NEWER_LIBC.version})")
    machine.offers(needy, NEWER_LIBC, *PARTS, CERTIFICATES, MMDEBSTRAP)
    assert said(machine, CHOOSE) == "own"


def test_an_engine_that_would_remove_another_package_is_not_taken(machine: Machine) -> None:
    machine.has(LIBC, Package("theirs", "1"))
    jealous = Package("docker.io", "26.1.5", against="theirs")
    machine.offers(jealous, *PARTS, CERTIFICATES, *THEIR_DOCKER, MMDEBSTRAP)
    assert said(machine, CHOOSE).startswith("packages docker-ce ")


def test_what_is_there_in_an_older_version_stays_in_it(machine: Machine) -> None:
    machine.has(LIBC, CERTIFICATES)
    newer = Package("ca-certificates", "20250419")
    machine.offers(DOCKER, *PARTS, newer, MMDEBSTRAP)
    assert said(machine, "apt_changes docker.io ca-certificates") == ""
    assert said(machine, CHOOSE).startswith("packages docker.io ")


def test_what_would_change_is_told_with_both_versions(machine: Machine) -> None:
    machine.offers(NEWER_LIBC, Package("git", "1", f"libc6 (>= {NEWER_LIBC.version})"))
    expected = "libc6 2.36-9 would become 2.36-9+deb12u13"
    assert said(machine, "apt_changes git") == expected
    shown = refused(machine, "apt_add git")
    assert expected in shown
    assert "nothing was touched" in shown
    assert "apt-get install git" in shown


def test_what_cant_be_had_is_no_fit(machine: Machine) -> None:
    assert "E: Unable to locate package git" in said(machine, "apt_changes git")


def test_tools_that_would_change_packages_are_refused_before_anything_is(machine: Machine) -> None:
    machine.offers(NEWER_LIBC, Package("odd", "1", f"libc6 (>= {NEWER_LIBC.version})"))
    assert "libc6 2.36-9 would become" in refused(machine, "plan_tools no-such-tool=odd")


ENGINE = """case "$*" in
  info*) echo {version} ;; *buildx*) echo github.com/docker/buildx v0.13.1 ;; esac"""


def test_an_engine_that_answers_is_used_as_it_is(machine: Machine) -> None:
    machine.program("docker", ENGINE.format(version="25.0.3"))
    assert said(machine, 'engine_plan; echo "$ENGINE_FROM" "${PLAN[@]}"') == "nothing"


def test_one_that_is_too_old_is_told_and_left_alone(machine: Machine) -> None:
    machine.program("docker", ENGINE.format(version="20.10.24"))
    shown = refused(machine, "engine_plan")
    assert "is 20.10.24; 25 or newer is needed" in shown
    assert "nothing was touched" in shown


def test_a_stopped_one_that_is_too_old_is_left_alone_too(machine: Machine) -> None:
    machine.program("dockerd", "echo Docker version 20.10.24, build 297e128")
    machine.offers(OLD_DOCKER, MMDEBSTRAP)
    assert said(machine, 'engine_plan; echo "$ENGINE_FROM"') == "own"


def test_a_stopped_one_is_started_once_that_is_agreed(machine: Machine) -> None:
    machine.program("dockerd", "echo Docker version 28.2.2, build e6534b4")
    plan = said(machine, 'engine_plan; echo "$ENGINE_FROM: ${PLAN[@]}"')
    assert plan == "start: start the Docker Engine that is installed here"


def test_where_one_was_made_it_is_used_before_the_machines_own(machine: Machine) -> None:
    machine.program("docker", ENGINE.format(version="28.2.2"))
    (machine.folder / "opt/bin").mkdir(parents=True)
    (machine.folder / "opt/bin/docker").touch(0o755)
    found = said(machine, 'engine_plan; echo "$ENGINE_FROM $DOCKER_HOST ${PATH%%:*}"')
    place = machine.folder / "opt"
    assert found == f"own-start unix://{place}/engine/run/docker.sock {place}/bin"


def test_nothing_is_put_on_a_machine_without_a_yes(machine: Machine) -> None:
    plan = 'want "install tools" git; agree "it would get this:" "${PLAN[@]}"; echo agreed'
    shown = refused(machine, plan)
    assert "install tools: git" in shown
    assert "bin/setup --yes" in shown
    assert said(machine, f"YES=yes; {plan}") == "agreed"


def test_a_person_is_asked_once_and_types_yes(machine: Machine) -> None:
    plan = 'agree "it would get this:" "an engine"; echo agreed'
    assert machine.person("yes", plan).stdout.strip() == "agreed"
    done = machine.person("y", plan)
    assert (done.returncode, done.stdout) == (1, "")
    assert "not agreed; nothing was touched" in done.stderr


def test_what_was_added_is_taken_away_but_for_what_others_need_by_now(machine: Machine) -> None:
    library, tool = Package("libcurl", "1"), Package("git", "1", "libcurl")
    machine.has(LIBC, library, tool)
    machine.added("git", "gone", "libcurl")
    assert said(machine, "apt_removable").split() == ["git", "libcurl"]
    machine.has(LIBC, library, tool, Package("theirs", "1", "libcurl"))
    done = machine.bash("apt_removable")
    assert done.stdout.split() == ["git"]
    assert "libcurl stays: theirs needs it" in done.stderr


def test_what_comes_with_a_package_is_noted_before_it_is_installed(machine: Machine) -> None:
    machine.offers(Package("git", "1", "libc6, libcurl"), Package("libcurl", "1"))
    refused(machine, "with_dots() { return 1; }; apt_add git", code=1)
    assert (machine.folder / "opt/packages").read_text().split() == ["libcurl", "git"]


def test_where_nothing_was_added_nothing_is_taken_away(machine: Machine) -> None:
    assert said(machine, "apt_removable") == ""
    assert "nothing of SKP's" in machine.bash("ROOT=$2; remove_all").stderr


def test_of_the_images_those_that_a_container_is_made_from_stay(machine: Machine) -> None:
    machine.program(
        "docker",
        f"""case "$*" in
  *"image ls"*) printf '%s\\n' used unused ;; *ancestor=used) echo c01 ;;
  "image rm"*) echo "$*" >{machine.folder}/removed ;; esac""",
    )
    said(machine, "YES=yes; remove_images")
    assert (machine.folder / "removed").read_text() == "image rm --force unused\n"


SAVED = """*filter
:INPUT ACCEPT [5:300]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:theirs - [0:0]
-A INPUT -j theirs
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j ACCEPT
-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT
-A FORWARD -i br-lan -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""


def test_of_the_rules_only_the_engines_go(machine: Machine) -> None:
    kept = said(machine, f"network_without ACCEPT <<'TEXT'\n{SAVED}TEXT").splitlines()
    assert kept == [
        "*filter", ":INPUT ACCEPT [5:300]", ":FORWARD ACCEPT [0:0]", ":theirs - [0:0]",
        "-A INPUT -j theirs", "-A FORWARD -i br-lan -j ACCEPT", "COMMIT",
    ]  # fmt: skip


def test_the_lab_uses_the_engine_that_was_made(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin"}
    own.use(environment, tmp_path)
    assert environment == {"PATH": "/usr/bin"}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").touch()
    own.use(environment, tmp_path)
    assert environment["DOCKER_HOST"] == f"unix://{tmp_path}/engine/run/docker.sock"
    assert environment["PATH"] == f"{tmp_path}/bin:/usr/bin"


def test_but_not_where_another_is_named(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").touch()
    environment = {"DOCKER_HOST": "unix:///elsewhere"}
    own.use(environment, tmp_path)
    assert environment == {"DOCKER_HOST": "unix:///elsewhere"}
