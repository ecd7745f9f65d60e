"""The image for GPUs, really built: some 2 GB of packages are fetched. No GPU is needed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
IMAGE = "skp/docker-ds-gpu:soak"
MINUTES = 60
LIBRARIES = ("cublas", "cufft", "curand", "cusolver", "cusparse", "nvrtc", "nvJitLink", "cudart")


def inside(script: str) -> str:
    done = subprocess.run(
        ["docker", "run", "--rm", "-u", "1000:1000", IMAGE, "python", "-c", script],
        capture_output=True, text=True, timeout=2 * MINUTES, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    build = ["images/build.sh", "docker-ds", IMAGE, "--build-arg", "LOCALE=ko_KR.UTF-8"]
    began = time.monotonic()
    subprocess.run([*build, "--build-arg", "GPU=TRUE"], cwd=ROOT, check=True, timeout=30 * MINUTES)
    print(f"the image for GPUs: {time.monotonic() - began:.0f} s")
    yield IMAGE
    subprocess.run(["docker", "rmi", IMAGE], check=True, timeout=5 * MINUTES)


def test_without_a_gpu_its_libraries_are_imported_and_say_that_there_is_none(image: str) -> None:
    said = inside("import cupy, cupyx.scipy.fft, cupyx.scipy.linalg; print(cupy.is_available())")
    assert said == "False\n"


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_cuda_library_is_loaded_from_the_image(image: str, name: str) -> None:
    load = f"from cuda import pathfinder as p; print(p.load_nvidia_dynamic_lib('{name}').abs_path)"
    assert inside(load).startswith("/opt/skp/venv/")


def test_what_the_other_image_has_is_there_too(image: str) -> None:
    inside("import pandas, polars, sklearn, lightgbm, xgboost, duckdb, jupyterlab_git")
