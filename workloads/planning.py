"""What bringing a deployment would change: everything is asked, and nothing done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workloads import naming, steps, ways
from workloads.admission import Images
from workloads.doors import Names
from workloads.form import Form
from workloads.model import Deployment
from workloads.steps import Step
from workloads.store import Found, Store


def plan(
    store: Store,
    images: Images,
    names: Names,
    form: Form,
    wanted: Deployment,
    of: str,
    there: Sequence[Found],
) -> list[Step]:
    """Return what would be done; nothing where all is as the file says.

    Args:
        names: what names the front door has. form: the file, whose deployment is `wanted`.
        of: "project/name". there: its services.

    Raises:
        ConfigError: an image of the cluster's own registry is not there.
    """
    missing = images.missing(part.image for part in wanted.parts)
    kept = store.revisions(of)
    before = kept[-1].document if there and kept else {"form": {}, "images": {}}
    changed = [*steps.values(before["form"], form.value)] if before["form"] else []
    if not missing:
        found = images.admitted(part.image for part in wanted.parts)
        now = {part.name: found[part.image] for part in wanted.parts}
        changed += steps.images(before["images"], now)
    if before["form"] and not changed and not missing:
        return []
    project = of.partition("/")[0]
    leads = ways.of(store.routes.read(), {found.spec["Name"] for found in there})
    pieces = [piece.name for piece, _ in naming.pieces(wanted, project)]
    return [
        *(Step("copy", each.text) for each in missing),
        *steps.services(pieces, {replace(found.piece, slot=0).name for found in there}),
        *changed,
        *steps.ways(leads, ways.ways(wanted, project, {}), names.url),
    ]
