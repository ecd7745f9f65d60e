"""What a person decided is remembered by the cluster: cron's apply agrees with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.lab import Ran, admit, on, skp

Settings = Callable[..., dict[str, str]]


def jupyter_rows() -> list[dict[str, str]]:
    return [r for r in skp("docker.status", "--json").json["containers"] if "jupyter" in r["image"]
            or "docker-ds" in r["image"]]  # fmt: skip


def test_what_was_taken_down_stays_down_and_is_said_to_be_held(changed: None) -> None:
    assert skp("docker.jupyter-rm").code == 0
    applied = skp("docker.apply")
    assert applied.code == 0
    assert "jupyter is held: ./skp.py docker.jupyter-run lifts that" in applied.out
    assert [row["wanted"] for row in jupyter_rows()] == ["held"]
    assert skp("docker.jupyter-run").code == 0
    assert [row["found"] for row in jupyter_rows()] == ["running"]


def test_options_of_run_are_kept_until_rm(changed: None) -> None:
    ran = skp("docker.jupyter-run", "-n", "lab-of-ours", "-p", "8011")
    assert ran.code == 0, ran.all
    applied = skp("docker.apply")
    assert "Nothing to change" in applied.out, applied.all
    assert [row["container"] for row in jupyter_rows()] == ["lab-of-ours"]
    assert "8011" in on("c01", "docker port lab-of-ours").out
    assert (
        skp("docker.jupyter-shell", "--dry")
        .out.strip()
        .endswith("docker exec -i lab-of-ours bash'")
    )
    assert skp("docker.jupyter-rm").code == 0
    assert skp("docker.jupyter-run").code == 0
    assert [row["container"] for row in jupyter_rows()] == ["jupyter-skp"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-p", "80100"), "JUPYTER_PORT: 80100 found; allowed: a port from 1 to 65535"),
        (("-p", "8020"), "port 8020/tcp is wanted twice on c01"),
        (("-n", "registry-skp"), "would both be called registry-skp"),
    ],
)
def test_a_wrong_option_is_found_before_anything_is_touched(
    platform: None, words: tuple[str, ...], message: str
) -> None:
    ran: Ran = skp("docker.jupyter-run", *words)
    assert ran.code == 2, ran.all
    assert message in ran.err


@pytest.fixture
def second_build(changed: None) -> Iterator[None]:
    """A newer image under the tag that runs; afterwards the tag is what it was."""
    image = "localhost:5000/skp/docker-ds"
    on("c01", f"docker tag {image}:latest {image}:before")
    done = on(
        "c01",
        f"echo 'FROM {image}:latest\nLABEL second=build' | docker build -q -t {image}:latest - "
        f"&& docker push -q {image}:latest",
    )
    assert done.code == 0, done.all
    admit()
    yield
    on("c01", f"docker tag {image}:before {image}:latest && docker push -q {image}:latest")
    on("c01", f"docker rmi {image}:before")
    admit()


def digest() -> str:
    return on("c01", "docker inspect -f '{{index .Config.Labels \"second\"}}' jupyter-skp").out


def test_a_rollback_is_kept_until_the_next_run(second_build: None) -> None:
    assert skp("docker.apply").code == 0
    assert digest().strip() == "build"
    back = skp("docker.rollback", "-s", "jupyter")
    assert back.code == 0, back.all
    assert digest().strip() == ""
    applied = skp("docker.apply")
    assert "Nothing to change" in applied.out
    assert "jupyter stays rolled back" in applied.out
    forward = skp("docker.jupyter-run")
    assert forward.code == 0, forward.all
    assert digest().strip() == "build"


def test_without_an_earlier_image_there_is_nothing_to_roll_back_to(changed: None) -> None:
    assert skp("docker.jupyter-rm").code == 0
    assert skp("docker.jupyter-run").code == 0
    ran = skp("docker.rollback", "-s", "jupyter")
    assert ran.code == 1
    assert "has nothing to go back to" in ran.err
