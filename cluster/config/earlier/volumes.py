"""volumes.json and networks.json of December 2018: what Docker's commands were given."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cluster.config.document import Document
from cluster.config.earlier.draft import Draft

_HOME, _DFS = "volume-skp", "volume-dfs"
_WHERE = frozenset({"type", "path", "labels"})  # where it is mounted, and on which nodes
_NFS = "an export of its own: ./skp.py nfs.install and nfs.mount-skp share SKP_HOME"


def volumes(document: Document, draft: Draft) -> None:
    """Translate volumes.json."""
    backends = {kind: keys for own in draft.services.values() for kind, keys in own.volumes.items()}
    for name, entry in document.value.items():
        kind = str(entry.get("type"))
        draft.shared[name] = kind
        if kind in backends:
            _backend(document, name, backends[kind], draft)
        elif name == _DFS:
            for text, place in draft.texts(document, (name, "path"), entry.get("path", "")):
                draft.put("SKP_DFS", text, place)
        elif name == _HOME:
            _home(document, draft)
        elif kind not in ("fs", "nfs"):
            draft.leave(document.place((name, "type")), f"no data volume is of the type {kind}")
        elif name not in draft.mounted:
            draft.leave(document.place((name,)), "none of the services mounts it")


def _home(document: Document, draft: Draft) -> None:
    entry = document.value[_HOME]
    for text, place in draft.texts(document, (_HOME, "path"), entry.get("path", "")):
        if text != "$SKP_HOME":
            draft.put("SKP_HOME", text, place)
    if entry.get("type") == "nfs":
        draft.leave(document.place((_HOME, "type")), _NFS)


def _backend(document: Document, name: str, keys: Mapping[str, str], draft: Draft) -> None:
    entry = document.value[name]
    for key, value in entry.items():
        if key in _WHERE or (key == "opts" and key not in keys):
            continue
        for text, place in draft.texts(document, (name, key), value):
            found = re.fullmatch(keys[key], text) if key in keys else None
            if found is None:
                draft.leave(place, "no setting says it")
            for setting, part in (found.groupdict() if found else {}).items():
                draft.put(setting, part, place)


def networks(document: Document, draft: Draft) -> None:
    """Translate networks.json: there is one network, and three of its options are settings."""
    for name, entry in document.value.items():
        draft.put("SKP_NET", name, document.place((name,)))
        for text, place in draft.texts(document, (name, "opts"), entry.get("opts", [])):
            rest = re.sub(r"(--driver|-d)[ =]overlay|--attachable", "", text)
            if found := re.search(r"--subnet[ =](\S+)", rest):
                draft.put("SKP_NET_SUBNET", found[1], place)
            if found_encrypted := re.search(r"(--opt|-o)[ =]encrypted\b(=true)?", rest):
                draft.put("SKP_NET_ENCRYPTED", "TRUE", place)
            for known in (found, found_encrypted):
                rest = rest.replace(known[0], "") if known else rest
            if rest.strip():
                draft.leave(place, f"no setting says {rest.strip()}")
