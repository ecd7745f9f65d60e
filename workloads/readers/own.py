"""SKP's own file of a deployment, and how it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cluster.config.document import Document
from cluster.config.yaml_file import is_guessed
from cluster.errors import ConfigError
from workloads.form import Form

# Editors that know YAML's language server show what is allowed by this line.
_HEAD = "# yaml-language-server: $schema={schema}\n"


def form(document: Document) -> Form:
    """Return the form of a file of our own: it is that already."""
    if not isinstance(document.value, dict):
        what = "an object is needed, with name and containers"
        raise ConfigError(f"{document.path}:1: {what}", "docs/deployments.md shows one.")
    return Form(document.path, document.value, document.place)


def written(value: dict[str, Any], schema: Path) -> str:
    """Return a form as the text of a file of our own.

    Args:
        schema: where an editor finds what is allowed.
    """
    body = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return _HEAD.format(schema=schema) + body


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which refers to nothing by an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write each value where it is."""
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # (In single quotes PyYAML would write these as ends of lines, which are read as blanks; and
    # what YAML 1.2 guesses it writes without quotes, where YAML 1.1 would not: 0E0.)
    style = '"' if set(text) & set("\x85\u2028\u2029") or is_guessed(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
