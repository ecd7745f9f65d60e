"""Files of deployments, of several kinds: each is brought into our own form (workloads/form.py)."""

from __future__ import annotations

from pathlib import Path

from cluster.config.json_file import JsonFile
from cluster.config.yaml_file import YamlFile
from cluster.errors import ConfigError
from workloads.form import Draft, Form
from workloads.readers import compose, mydeploy, own, tango
from workloads.readers.inside import text_of

_MYDEPLOY = "myDeploy.py"
_CHOOSER = "folder.py"
_DEPLOYMENTS = "Deployments"
# What a folder is looked through for, in this order.
_NAMES = (
    _MYDEPLOY,
    "deployment.yaml",
    "deployment.yml",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
)


def read(path: Path) -> Form:
    """Return the form of a file, or of the one that a folder has.

    A folder is the project of the original (folder.py names one below Deployments), or has one of
    these: myDeploy.py, deployment.yaml, compose.yaml.

    Raises:
        ConfigError, ConfigErrors: it can't be read, or is wrong in its own words.
    """
    folder, name = _chosen(path) if path.is_dir() else (path.parent, path.name)
    text, file = text_of(folder, name, str(path)), folder / name
    if not text.strip():
        raise ConfigError(f"{file}:1: the file is empty", "docs/deployments.md shows what it says.")
    if file.suffix == ".py":
        return mydeploy.Reader(file, text).form()
    document = JsonFile(file, text) if file.suffix == ".json" else YamlFile(file, text)
    keys = set(document.value) if isinstance(document.value, dict) else set()
    if "services" in keys:
        return compose.Reader(document).form()
    if keys & {"deploy", "build"}:
        return tango.Reader(document).form()
    return own.form(document)


def is_switched_off(folder: Path) -> bool:
    """Whether a folder has a myDeploy.py whose ENABLE_CD says that it is not to be deployed.

    Raises:
        ConfigError: the file can't be read.
    """
    if not (folder / _MYDEPLOY).is_file():
        return False
    text, file = text_of(folder, _MYDEPLOY, str(folder)), folder / _MYDEPLOY
    said = mydeploy.lines(file, text, Draft(file)).get(mydeploy.SWITCH)
    return said is not None and said.text not in mydeploy.ON


def _chosen(folder: Path) -> tuple[Path, str]:
    """Return the folder and the name of the file that a folder means."""
    if (folder / _CHOOSER).exists():
        text = text_of(folder, _CHOOSER, str(folder))
        for number, line in enumerate(text.splitlines(), 1):
            key, _, value = line.partition("=")
            chosen = value.strip(' "')
            if key.strip() == "FOLDER" and chosen:
                place = f"{folder / _CHOOSER}:{number}: FOLDER"
                name = f"{_DEPLOYMENTS}/{chosen}/{_MYDEPLOY}"
                text_of(folder, name, place)
                return folder, name
        raise ConfigError(
            f'{folder / _CHOOSER}: no line FOLDER="NAME"',
            f"NAME is a folder below {_DEPLOYMENTS}/.",
        )
    for name in _NAMES:
        if (folder / name).is_file():
            return folder, name
    raise ConfigError(f"{folder}: no file of a deployment", f"Looked for: {', '.join(_NAMES)}.")
