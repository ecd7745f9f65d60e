"""Files of earlier versions together: what today's hosts.json and bin/env.sh say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.config import documents, kinds, schema
from cluster.config.document import Document, read_text
from cluster.config.earlier import containers, hosts_2018, script, volumes
from cluster.config.earlier.draft import Draft
from cluster.config.earlier.hosts_2018 import Left
from cluster.config.earlier.names import OUTDATED, Earlier, Outdated
from cluster.config.kinds import Setting
from cluster.errors import ConfigError, ConfigErrors

_NAMED = "Name the files of the earlier version: hosts.json, services.json, ..., bin/skp.sh"
_PLACES = ("SKP_ETC", "SKP_HOSTS")
_SECRET = re.compile(r"PASSW|SECRET|TOKEN|_KEY|_PW")
_HIDDEN = "(not shown)"
_SCHEMA = kinds.ROOT / "etc" / "hosts.schema.json"
# By kind, the keys that each entry of such a file has.
_KEYS = {
    "hosts": frozenset({"ipv4"}),
    "volumes": frozenset({"type"}),
    "services": frozenset({"label", "image"}),
    "images": frozenset({"image", "tag"}),
}
_NETWORKS = "networks"  # whose entries have options alone, or nothing


@dataclass(frozen=True)
class Known:
    """What today's services declare.

    Attributes:
        earlier: what each says of earlier files, by its name. labels: those of all services.
        declared: their settings. outdated: variables that are settings no more.
    """

    earlier: Mapping[str, Earlier]
    labels: frozenset[str]
    declared: Sequence[Setting]
    outdated: Mapping[str, Outdated]


@dataclass(frozen=True)
class Translation:
    """What the earlier files say, in today's form.

    Attributes:
        hosts: the text of hosts.json; "" where no file says anything of it.
        env: that of bin/env.sh, likewise. shown: the same without secrets.
        left: what could not be translated: file, line and key, and why.
    """

    hosts: str
    env: str
    shown: str
    left: tuple[Left, ...]


def translate(paths: Sequence[Path], known: Known, environment: Mapping[str, str]) -> Translation:
    """Read files of earlier versions, each recognized by what it holds.

    Args:
        paths: hosts.json, services.json, volumes.json, networks.json, images.json, bin/skp.sh or
            an earlier bin/env.sh, under any names.
        environment: what variables the scripts may use: those of the caller's shell.

    Raises:
        ConfigErrors: a file is none of these, or its hosts are wrong by other reasons than age.
    """
    draft = Draft(known.earlier, known.labels, kinds.secrets(known.declared), dict(environment))
    scripts, found = _read(paths)
    for path, text in scripts.items():
        _script(path, text, known, draft)
    draft.shared.update(_entries(found["volumes"], "type"))
    for value in _entries(found["services"], "volumes").values():
        draft.mounted |= {str(each).partition(":")[0] for each in value or ()}
    for kind, translator in (
        ("hosts", _hosts),
        (_NETWORKS, volumes.networks),
        ("volumes", volumes.volumes),
        ("services", containers.services),
        ("images", containers.images),
    ):
        for document in found[kind]:
            translator(document, draft)
    _drop_images(draft)
    _drop_misfits(known.declared, draft)
    sources = ", ".join(path.name for path in paths)
    hosts = hosts_2018.rendered(draft.hosts) if draft.hosts else ""
    return Translation(
        hosts,
        script.rendered(draft.settings, sources) if draft.settings else "",
        script.rendered(_masked(draft), sources) if draft.settings else "",
        tuple(draft.left),
    )


def _read(paths: Sequence[Path]) -> tuple[dict[Path, str], dict[str, list[Document]]]:
    scripts: dict[Path, str] = {}
    found: dict[str, list[Document]] = {kind: [] for kind in (*_KEYS, _NETWORKS)}
    for path in paths:
        text = read_text(path, _NAMED)
        if script.is_script(text):
            scripts[path] = text
        else:
            document = documents.read(path, _NAMED)
            found[_kind(document)].append(document)
    return scripts, found


def _kind(document: Document) -> str:
    """Return which file it is, by the keys that all its entries have."""
    entries = list(document.value.values()) if isinstance(document.value, dict) else []
    if entries and all(isinstance(entry, dict) for entry in entries):
        common = frozenset.intersection(*(frozenset(entry) for entry in entries))
        for kind, keys in _KEYS.items():
            if keys <= common:
                return kind
        if all(set(entry) <= {"opts"} for entry in entries):
            return _NETWORKS
    raise ConfigError(f"{document.path}:1: none of the files of earlier versions", _NAMED)


def _entries(found: Iterable[Document], key: str) -> dict[str, Any]:
    return {
        name: entry[key]
        for document in found
        for name, entry in document.value.items()
        if key in entry
    }


def _script(path: Path, text: str, known: Known, draft: Draft) -> None:
    settings = frozenset(kinds.document(known.declared)["properties"])
    lines = list(script.exports(text, draft.variables))
    draft.variables.update({line.key: line.value for line in lines if line.value is not None})
    # What was renamed comes first: its new name may have meant something else before.
    for line in sorted(lines, key=lambda line: line.key not in known.outdated):
        place = f"{path}:{line.line}{': ' if line.key else ''}{line.key}"
        outdated = known.outdated.get(line.key)
        if not line.key:
            draft.leave(place, "it exports no variable")
        elif line.value is None:
            draft.leave(place, "bash would have to compute its value")
        elif line.key in _PLACES:
            draft.leave(place, "left out: these files are below etc/ of this checkout")
        elif outdated is None:
            draft.put(line.key, _literal(line.value), place)
            if line.key not in settings:
                draft.leave(place, "no setting of SKP: kept as it is")
        elif line.value == outdated.nothing or (line.key in OUTDATED and not outdated.today):
            pass  # it names files and folders of the earlier program itself
        elif outdated.today:
            draft.put(outdated.today, _literal(line.value), place)
        else:
            draft.leave(place, outdated.why)


def _literal(value: str) -> str:
    """Return a value that was expanded already, so that expanding it changes nothing."""
    return re.sub(r"([\"$`\\])", r"\\\1", value)


def _hosts(document: Document, draft: Draft) -> None:
    if draft.hosts is not None:
        draft.leave(document.place(()), "a second file of hosts: only the first is taken")
        return
    implied = {label for each in draft.services.values() for label in each.implied_labels}
    hosts, left = hosts_2018.translate(document, implied, draft.labels)
    wrong = list(schema.violations(schema.load(_SCHEMA), hosts))
    if wrong:
        raise ConfigErrors(
            document.error(hosts_2018.source(document, found.location), found.what)
            for found in wrong
        )
    draft.hosts = hosts
    draft.left += left


def _drop_images(draft: Draft) -> None:
    """Take out images that can't be run today, with their tags, and say so."""
    for own in draft.services.values():
        name, place = draft.settings.get(f"{own.image}_IMAGE", ("", ""))
        if name in own.gone:
            draft.settings.pop(f"{own.image}_IMAGE")
            draft.settings.pop(f"{own.image}_TAG", None)
            draft.leave(place, f"{name}: {own.gone[name]}")


def _drop_misfits(declared: Sequence[Setting], draft: Draft) -> None:
    """Take out what no setting may have as its value, and say so."""
    properties = kinds.document(declared)["properties"]
    given = {key: value for key, (value, _) in draft.settings.items() if key in properties}
    for key, what in kinds.misfits(declared, given).items():
        _, place = draft.settings.pop(key)
        draft.leave(place, f"{key} can't have this value: {what}")


def _masked(draft: Draft) -> dict[str, tuple[str, str]]:
    return {
        key: (_HIDDEN if value and _is_secret(key, draft) else value, place)
        for key, (value, place) in draft.settings.items()
    }


def _is_secret(key: str, draft: Draft) -> bool:
    return key in draft.secrets or _SECRET.search(key) is not None
