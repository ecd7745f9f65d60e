"""What a service's settings were called in earlier versions, as the service declares it.

In 2018 bin/env.sh had some variables more. From December 2018 on, containers were described in
services.json and volumes.json instead: what `docker run` and `docker volume create` are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outdated:
    """A variable of an earlier bin/env.sh that is no setting today.

    Attributes:
        why: one sentence: what says it today, or why nothing does.
        today: the setting that means the same; "" for none.
        nothing: a value of it that says nothing, and is passed over.
    """

    why: str
    today: str = ""
    nothing: str = ""

    @property
    def advice(self) -> str:
        """What to write instead."""
        return f'{self.why}. Write: export {self.today}="..."' if self.today else f"{self.why}."


@dataclass(frozen=True)
class Earlier:
    """What earlier files say of a service, and which settings say it today.

    Attributes:
        outdated: variables of bin/env.sh by name.
        containers: by label of services.json, the setting that names the container.
        implied_labels: labels of what comes by itself today.
        ports: by port in the container, the setting; "" for one that is published no more, or
            by itself.
        environment: by variable, the setting.
        image: the beginning of the settings _IMAGE and _TAG; "" where SKP chooses the image.
        gone: by name of an image that can't be run today, why.
        gpu: the flag that a `docker` of nvidia-docker means, and whose images are _GPU_IMAGE.
        data: by folder in the container, the setting that names today's folder.
        volumes: by type in volumes.json and key, what its value says: a regular expression whose
            groups are called like settings.
    """

    outdated: Mapping[str, Outdated] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)
    implied_labels: tuple[str, ...] = ()
    ports: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    gone: Mapping[str, str] = field(default_factory=dict)
    gpu: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


# The cluster's own.
_FILES = "containers, volumes, networks and images are said by settings and labels"
_TARGET = "what containers see is always below /root: /root/volume and /root/mnt"
OUTDATED: Mapping[str, Outdated] = {
    "SWARM_NET": Outdated("the overlay network is called by another setting", "SKP_NET"),
    "SKP_IMAGES": Outdated(_FILES),
    "SKP_NETWORKS": Outdated(_FILES),
    "SKP_SERVICES": Outdated(_FILES),
    "SKP_VOLUMES": Outdated(_FILES),
    "SKP_MNT": Outdated("data volumes are mounted by containers, below /var/lib/skp/mnt"),
    "SKP_SUSER": Outdated("notebooks and jobs run as a user of their own (SKP_UID), never as root"),
    "SKP_SHOME": Outdated(_TARGET),
    "SKP_SMNT": Outdated(_TARGET),
}
