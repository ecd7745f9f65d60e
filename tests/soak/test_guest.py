"""SKP is a guest on the machine that types: packages before, with it, and after it has gone.

The machines are privileged containers of Debian 12 and 13, with and without an engine, with a fresh
clone in them; what bin/setup puts on them stays inside.
"""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import uplink

ROOT = Path(__file__).parent.parent.parent
CERTIFICATES = Path("/usr/local/share/ca-certificates")
PIP_CONF = Path("/etc/pip.conf")
MINUTES = 60
PACKAGES = "dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Version}\\n' | sort"
# Beside the packages: where a guest might leave something; apt and dpkg keep notes of their own.
PLACES = (
    "find /etc /opt /usr /var/lib -xdev \\( -path /var/lib/apt -o -path /var/lib/dpkg "
    "-o -path /var/lib/docker -o -path /var/lib/containerd -o -path /etc/ssl \\) -prune "
    "-o ! -name '*.pyc' ! -name __pycache__ ! -name ld.so.cache -print | sort; "
    "ls /sys/class/net; cat /proc/sys/net/ipv4/ip_forward; cut -d: -f1 /etc/group"
)
# Debian's packages leave these themselves when they go, purged or not.
LEFT_BY_PACKAGES = {"_ssh", "/etc/group-", "/etc/gshadow-"}
AGREED = "/srv/skp/bin/setup --yes"
REMOVE = "/srv/skp/bin/setup --remove --yes"
# The containers of the tests' second engine, which is of the first one's programs.
APART = (
    "cd /srv/skp && tests/support/apart --possible && tests/support/apart 2>/dev/null "
    "-c 'from lab import engine; print(engine.connect().containers.list())'"
)


class Machine:
    """A container that is somebody's machine."""

    def __init__(self, name: str) -> None:
        """Name it; `machine` makes it."""
        self.name = name

    def run(self, script: str, *, code: int = 0, minutes: float = 10) -> str:
        """Run a script as root; return all that it printed."""
        done = subprocess.run(
            ["docker", "exec", self.name, "bash", "-c", script], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=minutes * MINUTES, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def packages(self) -> set[str]:
        """Return the lines of all packages: state, name, version."""
        return set(self.run(PACKAGES).splitlines())

    def places(self) -> set[str]:
        """Return what is there beside packages: files, interfaces, groups."""
        return set(self.run(PLACES).splitlines())

    def added(self) -> set[str]:
        """Return the names that bin/setup remembers having added."""
        return set(self.run("cat /opt/skp/packages").split())


def docker(*words: str, stdin: bytes | None = None, seconds: float = 300) -> None:
    done = subprocess.run(
        ["docker", *words], input=stdin, capture_output=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def name_servers() -> bytes:
    """Return this machine's, as its other networks reach them."""
    script = 'cat "$(. bin/lib.sh && resolv_conf)"'
    return subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, check=True).stdout


def image(folder: Path, suite: str) -> str:
    """Make a Debian of that suite, by this machine's own mirror; return the image's name."""
    subprocess.run([ROOT / "images/host/gather", folder / "host"], check=True, timeout=60)
    sources = folder / "host/sources.list"
    own = sources.read_text().replace("trixie", suite) if sources.exists() else ""
    words = ["unshare", "--mount", "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
    words += ["--include=ca-certificates,python3", suite, str(folder / "root.tar")]
    if own:
        (folder / "own.list").write_text(own)
        words.append(str(folder / "own.list"))
    subprocess.run(words, check=True, timeout=15 * MINUTES)
    name = f"skp-guest/{suite}:test"
    docker("import", str(folder / "root.tar"), name)
    (folder / "root.tar").unlink()
    return name


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Images by suite, each made once."""
    made: dict[str, str] = {}

    def of(suite: str) -> str:
        if suite not in made:
            made[suite] = image(tmp_path_factory.mktemp(suite), suite)
        return made[suite]

    yield of
    for name in made.values():
        docker("rmi", name)


@contextmanager
def machine(source: str, clone: Path) -> Iterator[Machine]:
    """Give a machine with the certificates and the pip configuration of this network."""
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True, timeout=60)
    name = f"skp-guest-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "-o", f"com.docker.network.driver.mtu={uplink.mtu()}", name)
    try:
        docker(
            "run", "-d", "--init", "--privileged", "--name", name, "--hostname", "somebodys",
            "--network", name, "--tmpfs", "/run", "-v", "/var/lib/docker",
            "-v", "/var/lib/containerd", "-v", "/opt", "-v", "/tmp",
            *(["-v", f"{CERTIFICATES}:{CERTIFICATES}:ro"] if CERTIFICATES.is_dir() else []),
            source, "sleep", "infinity",
        )  # fmt: skip
        docker("exec", name, "update-ca-certificates")
        if PIP_CONF.is_file():
            docker("cp", str(PIP_CONF), f"{name}:{PIP_CONF}")
        # (The engine's own name server is in a container's network alone, and no machine's.)
        docker("exec", "-i", name, "tee", "/etc/resolv.conf", stdin=name_servers())
        docker("cp", str(clone), f"{name}:/srv/skp")
        yield Machine(name)
    finally:
        subprocess.run(["docker", "rm", "-fv", name], capture_output=True, timeout=300, check=False)
        docker("network", "rm", name)


@pytest.fixture
def debian(images: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Machines of a suite, gone afterwards."""
    opened = []

    def make(suite: str) -> Machine:
        context = machine(images(suite), tmp_path / "skp")
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def test_nothing_is_put_on_it_before_somebody_agrees(debian: Callable[[str], Machine]) -> None:
    somebodys = debian("bookworm")
    before = somebodys.packages()
    said = somebodys.run("/srv/skp/bin/setup", code=2)
    assert "/opt/skp/engine" in said
    assert "openssh-client git iproute2 mmdebstrap" in said
    assert "bin/setup --yes" in said
    assert somebodys.packages() == before
    assert somebodys.run("ls -A /opt") == ""


def test_debian_12_is_debian_12_with_the_demo_and_after_it(
    debian: Callable[[str], Machine],
) -> None:
    somebodys = debian("bookworm")
    before, places = somebodys.packages(), somebodys.places()
    assert "JupyterLab:" in somebodys.run("/srv/skp/bin/demo --yes", minutes=30)
    during = somebodys.packages()
    assert before <= during
    assert {line.split()[1] for line in during - before} == somebodys.added()
    assert not any("docker" in line or "containerd" in line for line in during)
    assert "already up" in somebodys.run("/srv/skp/bin/demo", minutes=10)
    assert somebodys.run(APART) == "[]\n"
    assert "c01" in somebodys.run("/opt/skp/bin/docker ps")
    somebodys.run(REMOVE)
    assert somebodys.packages() == before
    assert somebodys.places() ^ places <= LEFT_BY_PACKAGES


def test_debian_13_gets_its_own_engine_as_packages(debian: Callable[[str], Machine]) -> None:
    somebodys = debian("trixie")
    before, places = somebodys.packages(), somebodys.places()
    said = somebodys.run(AGREED, minutes=15)
    assert "docker.io" in said
    assert before < somebodys.packages()
    assert "/opt/skp/engine" not in somebodys.run("docker info; ls /opt/skp")
    somebodys.run(REMOVE)
    assert somebodys.packages() == before
    assert somebodys.places() ^ places <= LEFT_BY_PACKAGES


def test_an_engine_that_answers_is_used_and_stays(debian: Callable[[str], Machine]) -> None:
    somebodys = debian("trixie")
    somebodys.run(
        "apt-get -q update && apt-get -qy --no-install-recommends install docker.io docker-cli "
        "docker-buildx iptables && (setsid dockerd >/dev/null 2>&1 </dev/null &) && "
        "timeout 60 bash -c 'until docker info; do sleep 0.2; done'"
    )
    before = somebodys.packages()
    assert "docker.io" not in somebodys.run(AGREED, minutes=15)
    assert before < somebodys.packages()
    somebodys.run("/srv/skp/images/build.sh base skp/base:trixie", minutes=10)
    somebodys.run(REMOVE)
    assert somebodys.packages() == before
    assert somebodys.run("docker image ls -q") == ""


def test_one_that_is_too_old_is_told_and_left_alone(debian: Callable[[str], Machine]) -> None:
    somebodys = debian("bookworm")
    somebodys.run(
        "apt-get -q update && apt-get -qy --no-install-recommends install docker.io iptables && "
        "(setsid dockerd >/dev/null 2>&1 </dev/null &) && "
        "timeout 60 bash -c 'until docker info; do sleep 0.2; done'"
    )
    before = somebodys.packages()
    assert "25 or newer is needed" in somebodys.run(AGREED, code=2)
    assert somebodys.packages() == before
