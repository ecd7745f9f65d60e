"""services.json and images.json of December 2018: what `docker run` and `build` were given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cluster.config.document import Document
from cluster.config.earlier.draft import Draft
from cluster.config.earlier.names import Earlier

_OF_THE_PROJECT = re.compile(r"\$SKP_SHOME/volume/bin/run_\w+\.sh")
_IN_ALL = ("SKP_SHOME", "SKP_SMNT")
_HOME, _MOUNTS, _ENGINE = "$SKP_SHOME", "$SKP_SMNT/", "/var/run/docker.sock"
_DATA_VOLUMES = ("sshfs", "s3fs", "blobfs")
_SHARED_DISK = "volume-dfs"
_SILENT = frozenset({"label", "path", "zookeeper"})  # said by another key, or by the service itself
_GPU = "nvidia-docker"


def services(document: Document, draft: Draft) -> None:
    """Translate services.json."""
    for name, entry in document.value.items():
        label = entry.get("label")
        implied = [s for s in draft.services.values() if label in s.implied_labels]
        own = next((s for s in draft.services.values() if label in s.containers), None)
        if implied:
            draft.leave(document.place((name,)), "left out: it comes by itself")
        elif own is None:
            draft.leave(document.place((name,)), f"no service of SKP: the label {label}")
        else:
            draft.put(own.containers[label], name, document.place((name,)))
            _service(document, name, own, draft)


def _service(document: Document, name: str, own: Earlier, draft: Draft) -> None:
    entry = document.value[name]
    gpu = entry.get("docker") == _GPU and bool(own.gpu)
    each: Mapping[str, Callable[[str, str, Earlier, Draft], None]] = {
        "networks": _network,
        "ports": _port,
        "environments": _variable,
        "volumes": _mount,
        "cmd": _command,
        "docker": _client,
        "image": lambda text, place, own, draft: _image(text, place, own, draft, gpu=gpu),
    }
    for key, value in entry.items():
        if key in _SILENT:
            continue
        texts = draft.texts(document, (name, key), value)
        for text, place in texts:
            if key in each:
                each[key](text, place, own, draft)
            else:
                draft.leave(place, "no setting says it")


def _network(text: str, place: str, _: Earlier, draft: Draft) -> None:
    draft.put("SKP_NET", text, place)


def _port(text: str, place: str, own: Earlier, draft: Draft) -> None:
    *before, inner = text.split(":")
    outer, key = (before[-1] if before else inner), own.ports.get(inner)
    if key is None:
        draft.leave(place, f"{text}: this port of it is not published")
    elif key:
        draft.put(key, outer, place)
    elif outer != inner:
        draft.leave(place, f"{text}: the port is always {inner}")
    if len(before) > 1:
        draft.leave(place, f"{text}: SKP_BIND says the address, for all services")


def _variable(text: str, place: str, own: Earlier, draft: Draft) -> None:
    name, _, value = text.partition("=")
    name, value = name.strip(), value.strip()
    key = own.environment.get(name)
    if key:
        draft.put(key, value, place)
    elif key is None and name not in _IN_ALL:  # its value may be a secret
        draft.leave(place, f"no setting gives it the variable {name}")


def _mount(text: str, place: str, own: Earlier, draft: Draft) -> None:
    source, _, target = text.partition(":")
    target = target.removesuffix(":rw").removesuffix(":ro")
    if target in own.data:
        if key := own.data[target]:
            draft.leave(place, f"its data stays where it is: the new one begins empty in ${key}")
    elif target == _HOME or draft.shared.get(source) in _DATA_VOLUMES or source == _SHARED_DISK:
        pass  # SKP_HOME, and the settings of the volume itself
    elif source == _ENGINE:
        draft.leave(place, "left out: whoever has the engine's socket is root on the node")
    else:
        advice = ": move what is in it to $SKP_HOME/volume" if target.startswith(_MOUNTS) else ""
        draft.leave(place, f"not mounted{advice}")


def _command(text: str, place: str, _: Earlier, draft: Draft) -> None:
    if not _OF_THE_PROJECT.fullmatch(text):
        draft.leave(place, "today's image has a command of its own")


def _client(text: str, place: str, own: Earlier, draft: Draft) -> None:
    if text == _GPU and own.gpu:
        draft.put(own.gpu, "TRUE", place)
    elif text != "docker":
        draft.leave(place, f"{text} is not used")


def _image(text: str, place: str, own: Earlier, draft: Draft, *, gpu: bool) -> None:
    first, slash, rest = text.partition("/")
    local = slash and (first == "localhost" or ":" in first or "." in first)
    name, _, tag = (rest if local else text).partition(":")
    if own.image:
        prefix = f"{own.image}_GPU" if gpu else own.image
        draft.put(f"{prefix}_IMAGE", name, place)
        draft.put(f"{prefix}_TAG", tag or "latest", place)
    else:
        draft.leave(place, "today's image is chosen by SKP")


def images(document: Document, draft: Draft) -> None:
    """Translate images.json: which image runs is in services.json, the rest is typed today."""
    for name, entry in document.value.items():
        for text, place in draft.texts(document, (name, "opts"), entry.get("opts", [])):
            draft.leave(
                place, f"{text}: given to the command that builds it, docker.image-build-..."
            )
