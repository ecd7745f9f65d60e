"""The parts of a cluster that are no service."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """A part of a cluster; FILES come with JOIN."""

    INIT = "init"
    JOIN = "join"
    LABEL = "label"
    NETWORK = "network"
    FILES = "files"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    LEAVE = "leave"


FORM = (Part.INIT, Part.JOIN, Part.LABEL, Part.NETWORK, Part.FILES)
"""The parts that make a Swarm, and what its nodes have on their own disks, in their order."""
