"""What can be said of the images without building one; the lab tests build and run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster.model.spec import NOBODY

IMAGES = Path(__file__).parent.parent.parent / "images"
DOCKERFILES = sorted(IMAGES.glob("*/Dockerfile"))
SCRIPTS = sorted(
    path
    for path in IMAGES.rglob("*")
    if path.is_file() and re.match(rb"#!.*\b(ba)?sh\b", path.read_bytes()[:40])
)
LOCKS = sorted(IMAGES.glob("*/requirements*.txt"))


def name(path: Path) -> str:
    return str(path.relative_to(IMAGES))


def commands(dockerfile: Path) -> list[str]:
    """Each instruction on one line, without comments."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def run(*argv: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in argv],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("path", DOCKERFILES, ids=name)
def test_an_image_starts_from_the_base_or_from_a_stage_of_its_own(path: Path) -> None:
    # (An odd node is made on an ordinary one, whose name has a hash.)
    known = {
        "scratch",
        "skp/base:trixie",
        *(["${NODE}"] if path.parent.name == "lab-node-odd" else []),
    }
    for line in commands(path):
        if line.startswith("FROM ") and path.parent.name != "base":
            source, *rest = line.split()[1:]
            assert source in known
            known.update(rest[1:])


@pytest.mark.parametrize("path", DOCKERFILES, ids=name)
def test_what_reaches_a_registry_runs_with_the_machines_configuration(path: Path) -> None:
    for line in commands(path):
        needing = re.findall(r"(\S+)\s+(?:apt-get|\S*pip install|npm|mvn|go build)\b", line)
        assert set(needing) <= {"/run/host/with"}, line
        assert not needing or "--mount=type=bind,from=host,target=/run/host" in line


def test_no_file_names_a_host() -> None:
    for path in IMAGES.rglob("*"):
        if path.is_file():
            hosts = re.findall(r"https?://([\w-]+(?:\.[\w-]+)+)", path.read_text())
            assert set(hosts) <= {"127.0.0.1"}, name(path)


@pytest.mark.parametrize(
    "path", [p for p in DOCKERFILES if p.parent.name[:7] == "docker-"], ids=name
)
def test_who_says_no_user_is_not_root(path: Path) -> None:
    lines = commands(path)
    (user,) = [line for line in lines if line.startswith("USER ")]
    assert user == f"USER {NOBODY}"
    after = {line.split()[0] for line in lines[lines.index(user) + 1 :] if line}
    assert after <= {"ENTRYPOINT", "CMD"}, "all else is made by root, in the last stage"


@pytest.mark.parametrize(
    "path", [p for p in DOCKERFILES if p.parent.name[:7] == "docker-"], ids=name
)
def test_a_login_shell_finds_what_the_image_adds(path: Path) -> None:
    last = re.split(r"^FROM ", path.read_text(), flags=re.MULTILINE)[-1]
    after = re.split(r"\sPATH=", last)
    run = [p.read_text() for p in path.parent.iterdir() if f"/run/{p.name} " in after[-1]]
    told = any("/etc/profile.d/skp.sh" in text for text in (after[-1], *run))
    assert told or len(after) == 1, "after the last change of PATH"


@pytest.mark.parametrize("path", LOCKS, ids=name)
def test_every_python_package_is_pinned_with_hashes(path: Path) -> None:
    blocks = re.split(r"\n(?=\S)", path.read_text())
    packages = [block for block in blocks if not block.startswith("#")]
    assert packages
    for block in packages:
        assert re.match(r"\S+==\S+ .*--hash=sha256:", block, re.DOTALL), block[:60]


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_are_executable(path: Path) -> None:
    assert os.access(path, os.X_OK)


def test_scripts_please_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed: bin/setup --dev")
    found = run(shellcheck, *SCRIPTS)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "NAME and REF are needed"),
        (["docker-dz", "a:b"], "there is no image 'docker-dz'"),
        (["../etc", "a:b"], "there is no image '../etc'"),
        (["docker-ds", "a:b", "--no-cache"], "'--no-cache' is not --build-arg KEY=VALUE"),
        (["docker-ds", "a:b", "--build-arg", "LOCALE"], "is not --build-arg KEY=VALUE"),
        (["base", "other:tag"], "the base is always skp/base:trixie"),
    ],
)
def test_build_says_what_is_wrong_with_its_arguments(words: list[str], message: str) -> None:
    found = run(IMAGES / "build.sh", *words)
    assert found.returncode == 2
    assert found.stdout == ""
    assert message in found.stderr
    assert "NAME is one of: base docker-" in found.stderr


DOCKER = """#!/bin/sh
case "$*" in
  *skp.made*) echo "{made}" ;;
  *) echo sha256:id ;;
esac
"""


@pytest.mark.parametrize(
    ("made", "days"),
    [
        ("15 days ago", "15"),
        ("13 days ago", ""),
        ("2020-01-31T10:11:12.123456789Z", "2"),
        ("2020-01-31T10:11:12.123456789+09:00", "2"),
    ],
)
def test_a_base_that_misses_a_fortnight_of_fixes_is_told(
    tmp_path: Path, made: str, days: str
) -> None:
    program = tmp_path / "docker"
    program.write_text(DOCKER.replace("{made}", made))
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    found = run(IMAGES / "build.sh", "base", "skp/base:trixie", PATH=path, HOME=str(tmp_path))
    assert (found.returncode, found.stdout) == (0, "sha256:id\n"), found.stderr
    assert (f"warning: skp/base:trixie is {days}" in found.stderr) is (days != "")


def gather(tmp_path: Path, **environment: str) -> Path:
    target = tmp_path / "host"
    found = run(IMAGES / "host" / "gather", target, HOME=str(tmp_path), **environment)
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    return target


def test_what_is_gathered_is_the_callers_alone(tmp_path: Path) -> None:
    assert gather(tmp_path).stat().st_mode & 0o777 == 0o700


def test_pip_takes_the_index_and_leaves_the_paths_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / ".pip").mkdir()
    (tmp_path / ".pip" / "pip.conf").write_text(
        "[global]\ncert = /here/ca.crt\nindex-url: https://old.example/simple\n"
        "[install]\nfind-links = /here/wheels\ntrusted_host =\n  a.example\n  b.example\n"
    )
    (tmp_path / "own.conf").write_text("[global]\nindex_url = https://new.example/simple\n")
    text = (gather(tmp_path, PIP_CONFIG_FILE=str(tmp_path / "own.conf")) / "pip.conf").read_text()
    assert "index-url = https://new.example/simple\n" in text
    assert "trusted-host = a.example b.example\n" in text
    assert "/here" not in text


def test_pips_variables_win_over_its_files(tmp_path: Path) -> None:
    (tmp_path / "own.conf").write_text("[global]\nindex-url = https://file.example/simple\n")
    found = gather(
        tmp_path,
        PIP_CONFIG_FILE=str(tmp_path / "own.conf"),
        PIP_INDEX_URL="https://variable.example/simple",
    )
    assert "index-url = https://variable.example/simple\n" in (found / "pip.conf").read_text()


def test_npm_takes_the_registry_and_its_token(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text(
        "registry=https://npm.example/\n//npm.example/:_authToken=abc\ncafile=/here/ca.crt\n"
        "@mine:registry = https://mine.example/\nprefix=/here\n"
    )
    lines = (gather(tmp_path) / "npmrc").read_text().splitlines()
    assert lines[-3:] == [
        "registry=https://npm.example/",
        "//npm.example/:_authToken=abc",
        "@mine:registry = https://mine.example/",
    ]


def test_go_takes_its_proxy_from_its_file_and_variables_win(tmp_path: Path) -> None:
    (tmp_path / ".config" / "go").mkdir(parents=True)
    (tmp_path / ".config" / "go" / "env").write_text(
        "GOPROXY=https://file.example\nGOPRIVATE=mine.example/*\nGOROOT=/here\n"
    )
    found = gather(tmp_path, GOPROXY="https://variable.example", GOENV="", XDG_CONFIG_HOME="")
    assert (found / "go.env").read_text().splitlines() == [
        "GOPROXY=https://variable.example",
        "GOPRIVATE=mine.example/*",
    ]


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is Debian's")
def test_apt_takes_the_mirror_behind_a_list_and_the_proxy(tmp_path: Path) -> None:
    if "\nID=debian" not in Path("/etc/os-release").read_text():
        pytest.skip("only a Debian machine has a Debian mirror of its own")
    (tmp_path / "mirrors").write_text("# nearest first\nhttp://mirror.example/debian\n")
    (tmp_path / "sources.list").write_text(
        f"deb mirror+file:{tmp_path}/mirrors bookworm main\n"
        f"deb mirror+file:{tmp_path}/mirrors bookworm-updates main\n"
        "deb http://mirror.example/security bookworm-security main\n"
        "deb http://other.example/apt bookworm main\n"
    )
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
        'Acquire::http::Proxy "http://proxy.example:3142";\n'
        'Acquire::https::Verify-Peer "false";\n'
    )
    found = gather(tmp_path, APT_CONFIG=str(tmp_path / "apt.conf"))
    sources = (found / "sources.list").read_text()
    assert re.findall(r"\] (.*)", sources) == [
        "http://mirror.example/debian trixie main",
        "http://mirror.example/debian trixie-updates main",
        "http://mirror.example/security trixie-security main",
    ]
    options = (found / "apt.conf").read_text()
    assert 'Acquire::http::Proxy "http://proxy.example:3142";' in options
    assert "Verify" not in options


def with_host(host: Path) -> dict[str, str]:
    shutil.copy(IMAGES / "host" / "with", host)
    found = subprocess.run(
        [host / "with", "env"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return dict(line.split("=", 1) for line in found.stdout.splitlines())


def test_with_nothing_configured_a_command_keeps_the_images_own_settings(tmp_path: Path) -> None:
    found = with_host(tmp_path)
    assert not {"APT_CONFIG", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "PIP_CERT"} & set(found)


def test_with_a_ca_every_client_is_told_of_it(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    found = with_host(tmp_path)
    told = {key for key, value in found.items() if value == str(tmp_path / "ca.crt")}
    assert told == {
        "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT",
        "NODE_EXTRA_CA_CERTS", "NPM_CONFIG_CAFILE",
    }  # fmt: skip
