"""The digests of record as the Swarm stores them: of each image, the one that counts. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from cluster.model.answer import Unanswered

Record: TypeAlias = Mapping[str, tuple[str, ...]]
"""By image (repository:tag) the digests that were recorded, the one that counts first."""

# opencontainers.org, image-spec, descriptor: a digest.
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEPT = 5  # digests of one image: for rollbacks


def parse(text: str) -> Record | Unanswered:
    """Return the record in a label; a label of another form says nothing that may be relied on."""
    try:
        read: Any = json.loads(text or "{}")
        found = {str(name): tuple(digests) for name, digests in read.items()}
        if all(found.values()) and all(DIGEST.fullmatch(d) for ds in found.values() for d in ds):
            return found
    except (ValueError, RecursionError, AttributeError, TypeError):
        pass
    return Unanswered("the Swarm's record of the images that may run is of no known form")


def dumps(record: Record) -> str:
    """Return a record as a label; "" for an empty one."""
    return json.dumps(record, sort_keys=True, separators=(",", ":")) if record else ""


def with_digest(record: Record, name: str, digest: str) -> Record:
    """Return the record in which `digest` counts for an image, before those that did."""
    others = [known for known in record.get(name, ()) if known != digest]
    return {**record, name: (digest, *others)[:_KEPT]}
