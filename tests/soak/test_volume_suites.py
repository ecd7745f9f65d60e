"""Public test suites of file systems over the mounts: fsx, and s3fs's own integration tests.

What fails is as docs/guide.md says, and nothing else.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.lab.conftest import ROOT, Ran, demo, on, platform, run, skp  # noqa: F401
from tests.lab.data_volumes import Volume, done, until
from tests.soak import data_servers
from tests.soak.data_servers import NAMES, S3_SERVERS

IMAGE = "skp-lab/suite:latest"
OPERATIONS = 1500
SEEDS = (1, 2)
# By backend: the tests of s3fs's suite that fail, all of them for what the guide names.
FAIL: dict[str, set[str]] = {"sshfs": set(), "s3": set(), "blob": set()}


@pytest.fixture(scope="module")
def volume(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:  # noqa: F811
    done(run("images/build.sh", "lab-suite", IMAGE, seconds=1800))
    subprocess.run(
        f"docker save {IMAGE} | docker exec -i c01 docker load", shell=True, check=True, timeout=600
    )
    data_servers.start("seaweedfs")
    strict = S3_SERVERS["seaweedfs"]
    yield data_servers.on_all(tmp_path_factory.mktemp("volumes"), **strict)
    done(skp("docker.apply", "-q", "--yes", "volumes"))
    data_servers.forget()
    data_servers.stop()
    on("c01", f"docker rmi {IMAGE}")


def suite(name: str, *words: str, seconds: int = 1200) -> Ran:
    """Run a suite in a container that sees a mount as a service does, without a privilege."""
    key = f"-e AWS_ACCESS_KEY_ID=STRICT -e AWS_SECRET_ACCESS_KEY={data_servers.S3_KEY}"
    url = f"-e S3_URL={S3_SERVERS['seaweedfs']['S3_URL']} -e AWS_DEFAULT_REGION=us-east-1"
    seen = f"-v /var/lib/skp/mnt/{name}:/suite/mnt --pid host --network host"
    script = f"docker run --rm {seen} {key} {url} {IMAGE} timeout {seconds} {' '.join(words)}"
    words = ("ssh", "-F", ".lab/ssh_config", "c01", script)
    return run(*words, seconds=seconds + 60)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_fsx(volume: Volume, name: str, seed: int) -> None:
    ran = suite(name, f"fsx -f fsx.toml -N {OPERATIONS} -S {seed} mnt/fsx-{seed}")
    assert ran.code == 0, ran.all[-2000:]
    until(lambda: all(row["pending_bytes"] == 0 for row in volume.rows()), 60)
    assert all(row["ok"] for row in volume.rows())


@pytest.mark.parametrize("name", NAMES)
def test_s3fs_own_suite(volume: Volume, name: str) -> None:
    ran = suite(name, "s3fs-suite", "s3" if name == "s3" else "any")
    passed = set(re.findall(r"^PASS: (\w+)$", ran.out, re.MULTILINE))
    failed = set(re.findall(r"^FAIL: (\w+)$", ran.out, re.MULTILINE))
    print(f"{name}: {len(passed)} passed, {len(failed)} failed: {sorted(failed)}")
    (ROOT / ".lab" / f"suite-{name}.log").write_text(ran.all)
    assert len(passed) > 20, ran.all[-3000:]
    assert failed == FAIL[name]
