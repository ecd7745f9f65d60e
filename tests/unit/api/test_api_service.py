"""The service as it is declared, what its image has, and the step of CI that uses it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api import facade_config
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.page import Asks
from cluster.model.spec import Container, SecretFile
from cluster.operations import image
from gate.protocol import Request
from services import api
from tests.support.api_served import Served
from tests.support.api_stand_ins import operation, refusal, result
from tests.support.described import NOTHING, described

BUILT = frozenset(f"skp/docker-{name}:latest" for name in ("flask", "gate", "api"))
HOSTS = {
    "c01": {"ipv4": "10.0.0.1", "groups": ["master", "manager"], "labels": [{"mysql": "enable"}]},
    "c02": {"ipv4": "10.0.0.2", "groups": ["worker"], "labels": []},
}
STEP = Path("volume/example/pushing/deploy.sh")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster with accounts, whose images were built."""
    return replace(described(tmp_path, HOSTS), recorded=BUILT)


def only(cluster: Cluster) -> Container:
    (found,) = api.SERVICE.containers(cluster, NOTHING)
    assert isinstance(found, Container)
    return found


@pytest.mark.parametrize("missing", sorted(BUILT))
def test_it_runs_on_the_master_once_all_that_it_needs_was_built(
    missing: str, cluster: Cluster
) -> None:
    assert [host.name for host in api.SERVICE.hosts(cluster)] == ["c01"]
    without = replace(cluster, recorded=BUILT - {missing})
    assert (api.SERVICE.hosts(without), api.SERVICE.pages(without)) == ((), ())
    assert "docker.image-build" in api.SERVICE.no_host_error(without).hint


def test_it_has_the_gates_socket_and_one_secret_and_no_folder(cluster: Cluster) -> None:
    found = only(cluster)
    assert (found.read_only, found.capabilities, found.user) == (True, (), "58023:58023")
    assert [(mount.target, mount.read_only) for mount in found.mounts] == [("/run/gate", True)]
    secret = [file.name for file in found.files if isinstance(file, SecretFile)]
    assert secret == ["accounts-secret"]
    given = {file.name: file.content for file in found.files if not isinstance(file, SecretFile)}
    tango = given.pop("facade.json")
    assert given == {"accounts-url": "http://flask-skp:8060\n", "issuer": "flask-skp\n"}
    assert json.loads(tango)["shared"] is False


def test_it_has_tangos_folder_and_settings_where_they_are_given(tmp_path: Path) -> None:
    values = {
        "API_SHARED": "/srv/tango", "API_OPEN_TO": "10.0.0.9/32 10.1.0.0/16",
        "API_OPEN_ACCOUNT": "tango", "API_OPEN_PROJECT": "apps", "API_ANSWERS": "json",
    }  # fmt: skip
    found = only(replace(described(tmp_path, HOSTS, values), recorded=BUILT))
    mounts = [(m.source, m.target, m.read_only, m.create) for m in found.mounts]
    assert mounts[1:] == [("/srv/tango", "/shared", True, False)]
    given = tmp_path / "facade.json"
    (content,) = (each.content for each in found.files if each.name == given.name)
    assert isinstance(content, str)
    given.write_text(content)
    said = facade_config.read(given)
    assert (said.style, said.shared, said.browsers) == ("json", Path("/shared"), False)
    assert [str(each) for each in said.open.networks] == ["10.0.0.9/32", "10.1.0.0/16"]
    assert (said.open.whose.account, said.open.whose.project) == ("tango", "apps")


@pytest.mark.parametrize(
    ("networks", "what"),
    [
        ("10.0.0.2/32", "has the node c02"),
        ("10.1.0.0/16 10.0.0.0/24", "has the node c01"),
        ("10.90.3.0/24", "has SKP_NET_SUBNET"),
    ],
)
def test_no_container_of_users_is_let_in_without_a_token(
    networks: str, what: str, tmp_path: Path
) -> None:
    values = {"API_OPEN_TO": networks, "API_OPEN_ACCOUNT": "tango", "API_OPEN_PROJECT": "apps"}
    with pytest.raises(ConfigError, match=what):
        only(replace(described(tmp_path, HOSTS, values), recorded=BUILT))


def test_its_page_is_behind_the_door_and_asks_itself(cluster: Cluster) -> None:
    (page,) = api.SERVICE.pages(cluster)
    assert (page.name, page.container, page.port, page.asks) == ("api", "api-skp", 8890, Asks.OWN)


def test_its_image_has_little_of_the_project() -> None:
    with tarfile.open(fileobj=io.BytesIO(image._context("docker-api"))) as archive:
        names = [m.name for m in archive.getmembers() if m.isfile()]
    ours = {name for name in names if not name.startswith("images/")}
    parts = {name.rpartition("/")[0] for name in ours}
    assert parts == {
        "api", "cluster", "cluster/config", "cluster/config/earlier", "etc", "gate", "workloads",
        "workloads/readers",
    }  # fmt: skip
    assert {name for name in ours if name.startswith("gate/")} == {
        "gate/__init__.py",
        "gate/spool.py",
    }


def test_its_image_has_what_it_needs_of_the_project(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(image._context("docker-api"))) as archive:
        archive.extractall(tmp_path, filter="data")
    wrong = tmp_path / "common" / "kim" / "7" / "deployment.yaml"
    wrong.parent.mkdir(parents=True)
    wrong.write_text("build: {image_uri: UPPER}\n")
    script = (
        "import api.server; from pathlib import Path; from api import facade_file\n"
        "try: facade_file.spec(Path(), 'kim', '7', 'name')\n"
        "except facade_file.InvalidError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "deployment.yaml:1: build.image_uri" in done.stdout, done.stderr


def run(served: Served, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    token = folder / "token"
    token.write_text(f"{served.accounts.lasting('kim', vision='owner')}\n")
    settings = {"API_URL": served.url, "API_PROJECT": "vision", "API_TOKEN": str(token)}
    return subprocess.run(
        [str(STEP.absolute()), *words], cwd=folder, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, **settings, "no_proxy": "*"},
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout of a team's."""
    path = tmp_path / "Deployments" / "web"
    path.mkdir(parents=True)
    (path / "deployment.yaml").write_text("name: web\n")
    return tmp_path


def test_the_step_of_ci_deploys_a_folder_and_follows_it(served: Served, folder: Path) -> None:
    def follow(_: Request) -> list[Mapping[str, Any]]:
        return [{"line": "bringing vision/web"}, {"result": operation(7, state="succeeded")}]

    served.gate.answers["submit"] = result(**operation(7, state="pending"))
    served.gate.answers["follow"] = follow  # type: ignore[assignment]
    served.gate.answers["operation"] = result(**operation(7, state="succeeded"))
    done = run(served, folder, "Deployments/web")
    assert (done.returncode, "  bringing vision/web\n" in done.stdout) == (0, True), done
    submitted = [asked for asked, _ in served.gate.asked if asked.action == "submit"]
    assert [(asked.name, asked.verb) for asked in submitted] == [("web", "apply")]
    served.gate.answers["operation"] = result(**operation(7, state="failed", reason="it broke"))
    failed = run(served, folder, "Deployments/web")
    assert (failed.returncode, "it broke" in failed.stdout) == (1, True), failed


def test_the_step_of_ci_goes_on_where_a_connection_was_lost(served: Served, folder: Path) -> None:
    whole: list[dict[str, Any]] = [{"line": "first"}, {"line": "second"}]
    ended = [*whole, {"result": operation(7, state="succeeded")}]
    told = [whole[:1], ended]
    served.gate.answers["submit"] = result(**operation(7, state="pending"))
    served.gate.answers["follow"] = lambda _: told.pop(0)
    served.gate.answers["operation"] = result(**operation(7, state="succeeded"))
    done = run(served, folder, "Deployments/web")
    assert (done.returncode, told) == (0, []), done
    assert done.stdout.startswith("  first\n  second\n/v1/projects"), done
    served.gate.answers["follow"] = served.gate.answers["operation"] = refusal("not found")
    gone = run(served, folder, "Deployments/web")
    assert (gone.returncode, "not found" in gone.stderr) == (1, True), gone


def test_the_step_of_ci_plans_and_tells_what_is_wrong(served: Served, folder: Path) -> None:
    served.gate.answers["plan_one"] = result(plan=[{"action": "make", "service": "x"}])
    done = run(served, folder, "plan", "Deployments/web")
    assert (done.returncode, '"service":"x"' in done.stdout) == (0, True), done
    assert (folder / "plan-web.json").read_text() in done.stdout
    assert served.gate.files() == {"Deployments/files/deployment.yaml": b"name: web\n"}
    refused = refusal("wrong", "deployment.yaml:1: no containers")
    served.gate.answers["submit"] = served.gate.answers["plan_one"] = refused
    for words in (("Deployments/web",), ("plan", "Deployments/web")):
        wrong = run(served, folder, *words)
        assert (wrong.returncode, "no containers" in wrong.stderr) == (1, True), wrong
