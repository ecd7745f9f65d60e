"""Presets become Dockerfiles; what is wrong with one is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.config.yaml_file import YamlFile
from cluster.errors import ConfigError
from workloads import presets
from workloads.dockerfile import bases

APT = (
    "RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "
    "--no-install-recommends"
)
OURS = """base: skp/base:trixie
engine: scikit-learn
libraries: [pandas]
apt: [libgl1]
pypi: ["fastapi==0.165.0"]
entrypoint: [python, app.py]
"""
TANGO = """build:
  architecture: x86
  accelerator: cpu
  os: ubuntu20.04
  image_uri: reg.example/yolo:1
  colour: blue
  components:
    engine: pytorch
    libs: [opencv-python]
    custom_packages:
      atp: [libgl1]
      papi: [numpy]
      apt: [curl]
      rpm: [x]
deploy:
  workdir: /app
  entrypoint: python "serve it.py"
"""


def read(text: str) -> presets.Preset:
    return presets.read(YamlFile(Path("build.yaml"), text))


def test_what_a_preset_becomes() -> None:
    assert read(OURS).text.splitlines() == [
        "FROM skp/base:trixie",
        f"{APT} libgl1 python3 python3-venv && rm -rf /var/lib/apt/lists/*",
        "RUN python3 -m venv --system-site-packages /opt/venv",
        'ENV PATH="/opt/venv/bin:$PATH"',
        "RUN pip install --no-cache-dir scikit-learn pandas fastapi==0.165.0",
        "WORKDIR /workspace",
        "COPY . .",
        "USER 65534",
        'ENTRYPOINT ["python", "app.py"]',
    ]


def test_tangos_words_mean_the_same() -> None:
    found = read(TANGO)
    assert found.value == {
        "architecture": "linux/amd64",
        "accelerator": "cpu",
        "engine": "pytorch",
        "libraries": ["opencv-python"],
        "apt": ["curl", "libgl1"],
        "pypi": ["numpy"],
        "workdir": "/app",
        "entrypoint": ["python", "serve it.py"],
    }
    assert found.warnings == (
        "build.yaml:4: build.os: not used: what it begins from is skp/base:trixie",
        "build.yaml:6: build.colour: not used",
        "build.yaml:14: build.components.custom_packages.rpm: not used",
    )


def test_a_gpu_has_the_package_for_it() -> None:
    assert "onnxruntime-gpu" in read("engine: onnxruntime\naccelerator: gpu\n").text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("engine: caffe\n", 'build.yaml:1: engine: "caffe" found; allowed: none, pytorch,'),
        ("apt:\n- curl\n- curl; id\n", 'build.yaml:3: apt.1: "curl; id" found; allowed: a package'),
        ("pypi: [--index-url=x]\n", "build.yaml:1: pypi.0: "),
        ('pypi: ["a @ https://x"]\n', "build.yaml:1: pypi.0: "),
        ('base: "a\\nRUN id"\n', "build.yaml:1: base: "),
        ("libs: [a]\n", "build.yaml:1: libs: unknown key"),
        ("user: 0\n", "build.yaml:1: user: 0 found"),
        ('entrypoint: ["a\\nb"]\n', "build.yaml:1: entrypoint.0: "),
        ("build: {accelerator: tpu}\n", 'build.yaml:1: build.accelerator: "tpu" found; '),
        ("build:\n  components:\n    libs: [a b]\n", "build.yaml:3: build.components.libs.0: "),
        ("deploy: {entrypoint: 'a \"b'}\n", "build.yaml:1: deploy.entrypoint"),
        ("- a\n", "build.yaml:1: "),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert str(raised.value).startswith(said), raised.value


def test_what_a_preset_says_is_no_shell() -> None:
    text = read('pypi: ["a>=1,<2"]\napt: ["bb=1.0~rc1"]\n').text
    assert "pip install --no-cache-dir 'a>=1,<2'" in text
    assert bases("Dockerfile", text) == {"skp/base:trixie": 1}
