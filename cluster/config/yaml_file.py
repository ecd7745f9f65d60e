"""Reading YAML that people write: what JSON can say, and nothing that YAML guesses beyond it.

PyYAML's safe loader parses. Words stay words here, also `yes`, `on` and dates, which YAML 1.1 would
turn into other values; a repeated key, an alias and a tag are errors (YAML 1.2.2, section 10.2).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from cluster.config.document import DEPTH, Document, Location
from cluster.errors import ConfigError

_TAG = "tag:yaml.org,2002:"
# The core schema of YAML 1.2.
_SCALARS = (
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", re.compile(r"^[-+]?[0-9]{1,4000}$"), list("-+0123456789")),
    (
        "float",
        re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
        list("-+.0123456789"),
    ),
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2; every node knows its line."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name for it


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", _pattern, _first)


def is_guessed(text: str) -> bool:
    """Whether `text` without quotes is read as something else than a text."""
    return any(pattern.match(text) for _, pattern, _ in _SCALARS)


class YamlFile(Document):
    """A parsed YAML file."""

    def __init__(self, path: Path, text: str) -> None:
        """Parse `text`, which is what `path` holds; raises ConfigError when it is not YAML."""
        super().__init__(path)
        try:
            loader = _Loader(text)
            self._refuse_aliases(text)
            node = loader.get_single_node()
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self._wrong(line, f"a character of code {error.character:#x}") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            assert mark is not None  # every problem of a file has its place
            what = f"{error.problem or error.context} (column {mark.column + 1})"
            raise self._wrong(mark.line + 1, what) from None
        except RecursionError:
            raise self._wrong(1, f"more than {DEPTH} levels deep") from None
        if node is None:
            raise self._wrong(1, "it holds nothing but comments")
        self.value = self._value(node, ())

    def _refuse_aliases(self, text: str) -> None:
        """Refuse `*name`: a few lines of them can stand for more than any memory holds."""
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise self._wrong(line, f"an alias, *{event.anchor}, which is not read here")

    def _wrong(self, line: int, what: str) -> ConfigError:
        return ConfigError(f"{self.path}:{line}: not YAML: {what}", _advice(what))

    def _value(self, node: yaml.Node, location: Location) -> Any:
        line = self._lines[location] = node.start_mark.line + 1
        if len(location) > DEPTH:
            raise self._wrong(line, f"more than {DEPTH} levels deep")
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._object(node, location)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._value(item, (*location, at)) for at, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise self._wrong(line, f"the tag {node.tag}, which is not read here")

    def _object(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise self._wrong(line, "a key that is no text")
            if key in result:
                raise ConfigError(
                    f'{self.path}:{line}: "{key}" stands here for the second time',
                    f"It is first on line {self.line((*location, key))}; keep one of them.",
                )
            result[key] = self._value(value, (*location, key))
            self._lines[*location, key] = line  # where the key is: a value may begin a line later
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind, text = node.tag.removeprefix(_TAG), str(node.value)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        line = node.start_mark.line + 1
        if kind == "int":
            return int(text)
        if kind == "float":
            if math.isfinite(number := float(text)):
                return number
            raise self._wrong(line, "a number too large")
        raise self._wrong(line, f"the tag {node.tag}, which is not read here")


def _advice(what: str) -> str:
    """Return advice on the most frequent mistakes."""
    if "\\t" in what:
        return "YAML is indented with blanks: replace the tabs."
    if "alias" in what or "tag" in what:
        return "Write the values themselves."
    if "a key that is no text" in what:
        return 'Put it into quotes: "1": ...'
    return "Look at this line and the one before it: how far is it indented, is a quote missing?"
