"""The guide's first half on five nodes, word for word: from swarm-init to jupyter-rm."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from tests.support.guide import FIRST_HALF
from tests.support.jupyter import SECONDS, log_in, may_enter
from tests.support.lab import JUPYTER, ROOT, Ran, on, restore, run, skp

FIVE = ("c01", "c02", "c03", "c04", "c05")
SETTINGS = """\
export SKP_NET="net-skp"
# Jupyter
export JUPYTER_NAME="jupyter-skp" # Container Name
export JUPYTER_PORT="8010" # Jupyter Port
export JUPYTER_VOLUME=$SKP_HOME/volume # Jupyter Volume Path
export JUPYTER_PASSWORD="jupyter-pw" # Jupyter Password

export JUPYTER_BASEURL="jupyter-skp" # Jupyter BaseURL, ex) http://localhost:8010/jupyter-skp
export JUPYTER_RESTAPIPORT="8020" # Jupyter Kernel Gateway Port
export JUPYTER_DOCKER="docker" # Docker Command
export JUPYTER_IMAGE="skp/docker-ds" # Docker Image Name
export JUPYTER_TAG="latest" # Docker Image Tag
export JUPYTER_GPU_IMAGE="skp/docker-ds-gpu"
export JUPYTER_GPU_TAG="latest"
export JUPYTER_GPU="FALSE" # if you have a GPU, set TRUE
"""


class Guide:
    """The commands as they were typed, and what they said."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.first = {words: self.type("bin/skp.sh", words) for words in FIRST_HALF}

    def type(self, program: str, words: str) -> Ran:
        """Type a line of the guide into a shell."""
        return run("bash", "-c", f"{program} {words}", env=self.env)


def apart() -> None:
    """Take the Swarm and all containers away; engines, images and the volume stay."""
    for node in FIVE:
        on(node, "docker rm -f $(docker ps -aq); docker swarm leave --force")


@pytest.fixture(scope="module")
def guide(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guide]:
    up = skp("-q", "lab.up", "-n", "5", "--publish")
    assert up.code == 0, up.all
    apart()
    env = tmp_path_factory.mktemp("guide") / "env.sh"
    env.write_text(f"source {ROOT}/bin/env.sh\n{SETTINGS}")
    began = time.monotonic()
    made = Guide({"SKP_ENV": str(env), "SKP_HOSTS": str(ROOT / ".lab" / "hosts.json")})
    print(f"the guide's first half, image cached: {time.monotonic() - began:.0f} s")
    yield made
    apart()
    restore()


@pytest.mark.parametrize("words", FIRST_HALF)
def test_a_command_of_the_guide_succeeds(guide: Guide, words: str) -> None:
    assert guide.first[words].code == 0, guide.first[words].all


@pytest.mark.parametrize("words", FIRST_HALF)
def test_typed_again_it_changes_nothing(guide: Guide, words: str) -> None:
    again = guide.type("./skp.py", words)
    assert again.code == 0, again.all
    assert "Nothing to change" in again.out


def test_docker_node_ls_on_the_master_shows_every_node(guide: Guide) -> None:
    rows = on("c01", "docker node ls --format '{{.Hostname}}|{{.Status}}|{{.Availability}}|"
              "{{.ManagerStatus}}|{{.Self}}'").out.split()  # fmt: skip
    shown = dict(row.split("|", 1) for row in rows)
    assert set(shown) == set(FIVE)
    assert shown["c01"] == "Ready|Active|Leader|true"
    assert shown["c05"] == "Ready|Active||false"


def test_docker_network_ls_shows_the_overlay(guide: Guide) -> None:
    listed = on("c01", "docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'").out
    assert "net-skp overlay swarm" in listed.splitlines()


def test_docker_ps_shows_a_registry_on_every_node(guide: Guide) -> None:
    blocks = guide.type("./skp.py", "docker.ps").out.split(" docker ps\n")
    assert len(blocks) == len(FIVE) + 1
    assert all("registry-skp" in block for block in blocks[1:])


def test_every_node_can_pull_what_the_master_built(guide: Guide) -> None:
    listed = guide.type("./skp.py", "docker.image-list --json").json["images"]
    rows = [row for row in listed if row["image"] == "skp/docker-ds:latest"]
    assert [row["node"] for row in rows] == list(FIVE)
    assert len({row["registry"] for row in rows}) == 1


def test_the_password_of_the_guide_opens_jupyter(guide: Guide) -> None:
    assert may_enter(log_in("jupyter-pw"))
    assert not may_enter(log_in("another"))


def test_the_image_for_gpus_is_planned_by_the_guides_command(guide: Guide) -> None:
    words = 'docker.image-build-ds -l="ko_KR.UTF-8" -g="TRUE" -t="latest" --dry'
    planned = guide.type("bin/skp.sh", words)
    assert planned.code == 0, planned.all
    assert "skp/docker-ds-gpu:latest" in planned.out


def test_jupyter_rm_and_registry_rm_stop_them(guide: Guide) -> None:
    assert guide.type("bin/skp.sh", "docker.jupyter-rm").code == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{JUPYTER}/login", timeout=SECONDS)
    assert guide.type("bin/skp.sh", "docker.registry-rm").code == 0
    assert "-skp" not in guide.type("./skp.py", "docker.ps").out
    assert guide.type("bin/skp.sh", "docker.registry-run").code == 0
    assert guide.type("bin/skp.sh", "docker.jupyter-run").code == 0
    assert may_enter(log_in("jupyter-pw"))
