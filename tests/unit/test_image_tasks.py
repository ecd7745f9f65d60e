"""A service that has its own image has the task that builds it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import services
from cluster.config.settings import ROOT
from cluster.errors import ConfigError
from cluster.model.service import Service
from cluster.model.spec import Image
from services.images import build_task, own_image
from tasks import ns
from tests.support.described import described

OWN = [service for service in services.catalogue().values() if service.recipe]
HOSTS: dict[str, Any] = {"c01": {"ipv4": "10.0.0.1", "groups": ["master", "manager"], "labels": []}}


def test_the_images_that_services_have_of_their_own() -> None:
    found = {service.name: (service.recipe, build_task(service)) for service in OWN}
    assert found == {
        "api": ("docker-api", "image-build-api"),
        "flask": ("docker-flask", "image-build-flask"),
        "gate": ("docker-gate", "image-build-gate"),
        "gateway": ("docker-gateway", "image-build-gateway"),
        "git": ("docker-git", "image-build-git"),
        "kafka": ("docker-kafka", "image-build-kafka"),
        "mysql": ("docker-mysql", "image-build-mysql"),
        "nginx": ("docker-nginx", "image-build-nginx"),
        "prometheus": ("docker-prometheus", "image-build-prometheus"),
        "volumes": ("docker-fuse", "image-build-fuse"),
        "zookeeper": ("docker-zookeeper", "image-build-zookeeper"),
    }


@pytest.mark.parametrize("service", OWN, ids=lambda service: service.name)
def test_its_task_builds_the_image_that_it_runs(service: Service, tmp_path: Path) -> None:
    cluster = described(tmp_path, HOSTS, {f"{service.name.upper()}_TAG": "1.0"})
    built: list[tuple[Image, dict[str, str]]] = []
    session = SimpleNamespace(
        settings=cluster.settings, build=lambda image, arguments: built.append((image, arguments))
    )
    ns[f"docker.{build_task(service)}"].body(session, tag="1.0")
    (image,) = service.images(cluster)
    assert built == [(image, {})]
    assert image.built_by == f"docker.{build_task(service)} -t=1.0"
    assert (ROOT / "images" / image.recipe / "Dockerfile").is_file()


def test_what_is_no_tag_is_refused(tmp_path: Path) -> None:
    cluster = described(tmp_path, HOSTS, {})
    with pytest.raises(ConfigError, match="-t=a b: not an image tag"):
        own_image(OWN[0], cluster.settings, "a b")


def test_the_image_with_sshd_is_built_for_deployments(tmp_path: Path) -> None:
    built: list[tuple[Image, dict[str, str]]] = []
    session = SimpleNamespace(build=lambda image, arguments: built.append((image, arguments)))
    ns["docker.image-build-sshd"].body(session, tag="1.0")
    ((image, arguments),) = built
    assert (image.name, arguments) == ("skp/docker-sshd:1.0", {})
    assert image.built_by == "docker.image-build-sshd -t=1.0"
    assert (ROOT / "images" / image.recipe / "Dockerfile").is_file()
