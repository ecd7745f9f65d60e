"""A deployment.yaml of TANGO's shared folder, brought into our own form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.config.yaml_file import YamlFile
from cluster.errors import ConfigError
from workloads.check import SCHEMA, check
from workloads.readers import own, tango
from workloads.readers.inside import content_of

NAME = "deployment.yaml"
_MOST = 64 << 10  # bytes; a deployment's form has no more, either
_SHOWN = 100  # characters of its own name


class MissingError(Exception):
    """There is no such file, or none that is read here."""


class InvalidError(Exception):
    """The file says nothing that can be deployed."""


@dataclass(frozen=True)
class Spec:
    """What is deployed.

    Attributes:
        text: a file of our own kind. told: what was read and means nothing here, and the like.
    """

    text: str
    told: tuple[str, ...]


def spec(shared: Path, user: str, project: str, name: str) -> Spec:
    """Return what the file of a user's project says.

    Args:
        shared: the folder that has common/. name: what the deployment is called, whatever the
            file says.

    Raises:
        MissingError: there is none, or a link, or no plain file. InvalidError: it is wrong.
    """
    where = f"common/{user}/{project}/{NAME}"
    try:
        content = content_of(shared, where, where)
    except ConfigError as error:
        raise MissingError(str(error)) from None
    try:
        return _read(content, where, name)
    except ConfigError as error:
        raise InvalidError(str(error)) from None


def _read(content: bytes, where: str, name: str) -> Spec:
    if len(content) > _MOST:
        raise ConfigError(f"{where}: more than {_MOST >> 10} KB")
    try:
        document = YamlFile(Path(where), content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: not UTF-8") from None
    said = document.value
    if not isinstance(said, dict) or not isinstance(said.get("build"), dict):
        raise ConfigError(f"{where}: no object `build`")
    deploy = said.get("deploy") or {}
    if not isinstance(deploy, dict):
        raise ConfigError(f"{where}: `deploy` is no object")
    given = deploy.get("service_name", deploy.get("name"))
    said["deploy"] = {**deploy, "service_name": name}
    form = tango.Reader(document).form()
    check(form)
    told = f"{where}: it is called {name}, and not {ascii(given)[:_SHOWN]}"
    named = (told,) if given is not None else ()
    text = own.written(form.value, Path(SCHEMA.name))
    return Spec("".join(f"# {each}\n" for each in named) + text, (*named, *form.warnings))
