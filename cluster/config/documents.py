"""A file that a person writes, read by what its name says it is: JSON or YAML."""

from __future__ import annotations

from pathlib import Path

from cluster.config.document import Document, read_text
from cluster.config.json_file import JsonFile

_YAML = (".yaml", ".yml")


def read(path: Path, named: str) -> Document:
    """Return what the file holds: YAML where it is called so, else JSON.

    Args:
        named: where its name comes from, for the error when there is no such file.

    Raises:
        ConfigError: it can't be read or parsed; with its line.
    """
    text = read_text(path, named)
    if path.suffix not in _YAML:
        return JsonFile(path, text)
    from cluster.config.yaml_file import YamlFile  # PyYAML takes 20 ms to load

    return YamlFile(path, text)
