"""Presets: a few words say what an image has, and become a Dockerfile. Pure.

Our own file, build.yaml, is described by etc/build.schema.json. TANGO's deployment.yaml says the
same below `build`, in spellings of its own; what of it means nothing here is told as a warning.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cluster.config import schema
from cluster.config.document import Document, Location
from cluster.errors import ConfigError, ConfigErrors, nearest

SCHEMA = Path(__file__).parent.parent / "etc" / "build.schema.json"
BASE = "skp/base:trixie"
_WORKDIR = "/workspace"
_ENGINES = {
    "none": (),
    "pytorch": ("torch",),
    "tensorflow": ("tensorflow",),
    "onnxruntime": ("onnxruntime",),
    "scikit-learn": ("scikit-learn",),
}
_WITH_GPU = {"onnxruntime": ("onnxruntime-gpu",)}
_PYTHON, _USER = ("python3", "python3-venv"), 65534
Place: TypeAlias = Callable[[Location], str]
# What others call the same.
_SAME = {
    "architecture": dict.fromkeys(("x86", "x86_64", "amd64", "linux/amd64"), "linux/amd64"),
    "accelerator": {**dict.fromkeys(("cuda", "gpu"), "gpu"), "cpu": "cpu"},
    "engine": {"torch": "pytorch", "tf": "tensorflow", "onnx": "onnxruntime"},
}  # fmt: skip
_OF_TANGO = {"architecture", "accelerator", "os", "image_uri", "target_name", "components"}
_PACKAGES = {"apt": "apt", "atp": "apt", "pypi": "pypi", "papi": "pypi"}


@dataclass(frozen=True)
class Preset:
    """What an image has.

    Attributes:
        value: of the form of etc/build.schema.json.
        warnings: what was read and means nothing here, each with its place.
    """

    value: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The Dockerfile that it becomes."""
        return "".join(f"{line}\n" for line in _lines(self.value))


def read(document: Document) -> Preset:
    """Return what a file says: one of ours, or of TANGO.

    Raises:
        ConfigErrors: with all that is wrong, each with its line.
    """
    place: Place = document.place
    value, warnings = document.value, list[str]()
    if isinstance(value, dict) and {"build", "deploy"} & set(value):
        value, place = _of_tango(document, warnings)
    wrong = [
        ConfigError(f"{place(found.location)}: {found.what}")
        for found in schema.violations(schema.load(SCHEMA), value)
    ]
    if wrong:
        raise ConfigErrors(wrong)
    return Preset(value, tuple(sorted(warnings, key=_line)))


def _of_tango(document: Document, warnings: list[str]) -> tuple[dict[str, Any], Place]:
    """Return our own words for TANGO's, and what tells where each stands."""
    value, at = dict[str, Any](), dict[str, Location]()
    build = _object(document.value, "build")
    parts = _object(build, "components")
    packages = _object(parts, "custom_packages")

    def put(key: str, said: Any, *location: str) -> None:
        if said is not None:
            known = _SAME.get(key, {}).get(str(said).lower(), said)
            before = value.get(key, []) if isinstance(known, list) else []
            value[key] = [*before, *known] if isinstance(known, list) else known
            at[key] = location

    for key in ("architecture", "accelerator"):
        put(key, build.get(key), "build", key)
    put("engine", parts.get("engine"), "build", "components", "engine")
    put("libraries", parts.get("libs"), "build", "components", "libs")
    for key, ours in _PACKAGES.items():
        put(ours, packages.get(key), "build", "components", "custom_packages", key)
    deploy = _object(document.value, "deploy")
    for key in ("workdir", "work_dir"):
        put("workdir", deploy.get(key), "deploy", key)
    put("entrypoint", _words(deploy.get("entrypoint")), "deploy", "entrypoint")
    warnings += [
        f"{document.place(('build', key))}: not used{_guess(key)}"
        for key in build
        if key not in _OF_TANGO - {"os"}
    ]
    warnings += [
        f"{document.place(('build', 'components', 'custom_packages', key))}: not used"
        f"{nearest(key, _PACKAGES)}"
        for key in packages
        if key not in _PACKAGES
    ]

    def place(location: Location) -> str:
        key = str(location[0]) if location else ""
        return document.place((*at.get(key, ("build",)), *location[1:]))

    return value, place


def _words(said: Any) -> Any:
    """Return the words of a line; what is none stays, and is found to be wrong."""
    try:
        return shlex.split(said) if isinstance(said, str) else said
    except ValueError:
        return said


def _guess(key: str) -> str:
    return f": what it begins from is {BASE}" if key == "os" else nearest(key, _OF_TANGO)


def _object(value: Any, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _lines(value: Mapping[str, Any]) -> Iterator[str]:
    engine = value.get("engine", "none")
    gpu = value.get("accelerator") == "gpu"
    own = _WITH_GPU.get(engine, _ENGINES[engine]) if gpu else _ENGINES[engine]
    pypi = list(dict.fromkeys((*own, *value.get("libraries", ()), *value.get("pypi", ()))))
    apt = list(dict.fromkeys((*value.get("apt", ()), *(_PYTHON if pypi else ()))))
    yield f"FROM {value.get('base', BASE)}"
    if apt:
        yield (
            f"RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "
            f"--no-install-recommends {shlex.join(apt)} && rm -rf /var/lib/apt/lists/*"
        )
    if pypi:
        yield "RUN python3 -m venv --system-site-packages /opt/venv"
        yield 'ENV PATH="/opt/venv/bin:$PATH"'
        yield f"RUN pip install --no-cache-dir {shlex.join(pypi)}"
    yield f"WORKDIR {value.get('workdir', _WORKDIR)}"
    yield "COPY . ."
    yield f"USER {value.get('user', _USER)}"
    if "entrypoint" in value:
        yield f"ENTRYPOINT {json.dumps(value['entrypoint'], ensure_ascii=False)}"


def _line(warning: str) -> int:
    number = warning.split(":")[1]
    return int(number) if number.isdecimal() else 0
