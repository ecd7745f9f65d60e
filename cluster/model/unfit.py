"""Engines that can't run a platform's containers: what is wrong, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_FILE = "/etc/docker/daemon.json or dockerd's command line"
_ROOTLESS = (
    "its engine is a rootless one, which has no overlay networks",
    "Run the system's engine there, as root: systemctl enable --now docker",
)
_REMAPPED = (
    "its engine gives containers other user ids (userns-remap): their data would be nobody's",
    f'Take "userns-remap" out of {_FILE}, and restart it. It will not see the images that it has.',
)
_DRIVER = (
    "its engine keeps images in containerd, which knows no storage driver overlay2",
    f'Take "storage-driver" out of {_FILE}, and restart it.',
)


def unfit(security: Iterable[str], driver: str, store: Iterable[str]) -> tuple[str, str]:
    """Return why an engine can run no container of ours, and what to do; ("", "") for nothing.

    Facts of Docker's documentation: "Rootless mode", "Isolate containers with a user namespace",
    "containerd image store".

    Args:
        security: what the engine says of its security options, such as "name=userns".
        driver: the name of what keeps its layers.
        store: the values of what it says of that.
    """
    names = {word.removeprefix("name=") for option in security for word in option.split(",")}
    if "rootless" in names:
        return _ROOTLESS
    if "userns" in names:
        return _REMAPPED
    if driver == "overlay2" and any("io.containerd.snapshotter" in value for value in store):
        return _DRIVER
    return "", ""
