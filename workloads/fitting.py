"""What of a deployment a cluster can't do, whatever is free. Pure."""

from __future__ import annotations

from cluster.errors import ConfigError, nearest
from cluster.model.cluster import Cluster
from workloads.doors import Names
from workloads.form import Form
from workloads.model import Deployment, VolumeKind, is_inside


def unfit(form: Form, wanted: Deployment, cluster: Cluster, at_door: Names) -> list[ConfigError]:
    """Return what a cluster can't do of a file, each with its place.

    Args:
        form: the file, whose deployment is `wanted`. at_door: what names the front door has.
    """
    names, errors = cluster.inventory.names, list[ConfigError]()
    if wanted.node and wanted.node not in names:
        what = f"there is no node {wanted.node}{nearest(wanted.node, names)}"
        errors.append(form.error(("node",), what, f"There are: {', '.join(names)}."))
    for part in wanted.parts:
        if part.ways and not at_door.domain:
            what = f"names at the front door: {at_door.why}"
            errors.append(form.error(("containers", part.name, "ports"), what, at_door.hint))
    allowed = cluster.settings.text("DEPLOY_HOST_PATHS").split()
    for name, volume in wanted.volumes.items():
        inside = any(is_inside(volume.path, folder) for folder in allowed)
        if volume.kind is VolumeKind.HOST and not inside:
            what = f"{volume.path} of nodes is not open to deployments"
            hint = f"DEPLOY_HOST_PATHS allows: {', '.join(allowed) or 'none'}."
            errors.append(form.error(("volumes", name, "path"), what, hint))
    return errors
