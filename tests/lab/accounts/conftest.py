"""What the tests of accounts and of the front door share: the services that they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.accounts import Env, log_in
from tests.support.lab import labelled, on, secret, skp

SERVICES = ("mysql", "flask", "nginx", "gateway", "spark")


@pytest.fixture(scope="package")
def running(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """MySQL, login page, door and Spark's master on c01, the account service on c01 and c02."""
    path = tmp_path_factory.mktemp("accounts") / "hosts.json"
    env = labelled(path, "flask", nodes=("c01", "c02"))
    hosts = json.loads(path.read_text())
    labels = ("mysql", "nginx", "gateway", "spark-master")
    hosts["c01"]["labels"] += [{label: "enable"} for label in labels]
    path.write_text(json.dumps(hosts))
    for image in ("mysql", "flask", "nginx", "gateway"):
        built = skp(f"docker.image-build-{image}", env=env)
        assert built.code == 0, built.all
    begun = skp("docker.apply", *SERVICES, env=env)
    assert begun.code == 0, begun.all
    yield env
    done = skp("-q", "docker.apply", ",".join(SERVICES), "--yes")
    on("c01", "sudo rm -rf /home/skp/skp/platform/mysql")
    assert done.code == 0, done.all


@pytest.fixture(scope="module")
def admin(running: Env) -> str:
    """The access token of the first account."""
    token: str = log_in("admin", secret("FLASK_ADMIN_PASSWORD"))["access_token"]
    return token
