"""What a person decided, remembered in the Swarm itself, so that cron's docker.apply keeps to it.

The decisions are labels of the Swarm's specification, which are changed by compare-and-swap
(decision 38).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias

from cluster.errors import SkpError
from cluster.model import digests as record
from cluster.model.answer import Unanswered
from cluster.model.digests import Record
from cluster.model.layout import Layout

# Services that a person took down, comma-separated.
LABEL_STOPPED = "skp.held"
# Service to image to the digest that a rollback chose, as JSON.
LABEL_PINNED = "skp.pinned"
# Service to setting to the value that `-run` was given, as JSON.
LABEL_OPTIONS = "skp.options"
# Service to node to the number that it has for ever, as JSON.
LABEL_NUMBERS = "skp.numbers"
# Container to the nodes that may have it to the ids that these have in the Swarm, as JSON.
LABEL_PLACES = "skp.places"
# How data is laid out; absent in a Swarm that an earlier version began.
LABEL_LAYOUT = "skp.layout"
NEW, _TWO, _MOVING = _LAYOUTS = ("new", str(Layout.TWO_TREES.value), "moving")
# Image to the digests that were recorded, the one that counts first, as JSON.
LABEL_DIGESTS = "skp.digests"

Table: TypeAlias = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Decisions:
    """All decisions.

    Attributes:
        stopped: services that a person took down.
        pinned: service to image reference to digest: what a rollback chose.
        options: service to setting to value: what `-run` was given.
        numbers: service to node to its ordinal, also of nodes that are gone: no ordinal is given
            twice.
        places: container to node to that one's id in the Swarm, of containers that may be there
            only once: where they may be.
        layout: how data is laid out; of a Swarm that is only to begin, as this version does it.
        moving: whether a person agreed that it is changed, which has not ended yet.
        arranged: whether the folders of two trees were made once.
        digests: which image a tag means; unknown when the label is of no known form.
        strange: a layout that this version does not know.
    """

    stopped: frozenset[str] = frozenset()
    pinned: Table = field(default_factory=dict)
    options: Table = field(default_factory=dict)
    numbers: Table = field(default_factory=dict)
    layout: Layout = Layout.TWO_TREES
    moving: bool = False
    arranged: bool = False
    digests: Record | Unanswered = field(default_factory=dict)
    strange: str = ""
    places: Table = field(default_factory=dict)

    @classmethod
    def parse(cls, labels: Mapping[str, str]) -> Self:
        """Return the decisions in a Swarm's labels.

        A label that is not of its form is ignored, but for those of the digests and of the layout.
        """
        layout = labels.get(LABEL_LAYOUT, "")
        return cls(
            frozenset(labels.get(LABEL_STOPPED, "").split(",")) - {""},
            _table(labels.get(LABEL_PINNED, "")),
            _table(labels.get(LABEL_OPTIONS, "")),
            _table(labels.get(LABEL_NUMBERS, "")),
            Layout.TWO_TREES if layout in (NEW, _TWO) else Layout.ONE_TREE,
            layout == _MOVING,
            layout == _TWO,
            record.parse(labels.get(LABEL_DIGESTS, "")),
            "" if layout in ("", *_LAYOUTS) else layout,
            _table(labels.get(LABEL_PLACES, "")),
        )

    def checked(self) -> Self:
        """Return them.

        Raises:
            SkpError: a version that this one does not know laid out the cluster.
        """
        if self.strange:
            raise SkpError(
                f"the Swarm's label {LABEL_LAYOUT} says {self.strange[:40]!r}; known to this "
                f"version: {', '.join(_LAYOUTS)}, or no such label",
                "A later version of SKP laid out this cluster: use that one.",
            )
        return self

    def dumps(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return `labels` with these decisions in them, and all other labels as they are."""
        ours = {
            LABEL_STOPPED: ",".join(sorted(self.stopped)),
            LABEL_PINNED: _text(self.pinned),
            LABEL_OPTIONS: _text(self.options),
            LABEL_NUMBERS: _text(self.numbers),
            LABEL_PLACES: _text(self.places),
            LABEL_LAYOUT: self._layout,
        }
        if not isinstance(self.digests, Unanswered):  # else the label stays as it is
            ours[LABEL_DIGESTS] = record.dumps(self.digests)
        others = {key: value for key, value in labels.items() if key not in ours}
        return others | {key: value for key, value in ours.items() if value}

    @property
    def _layout(self) -> str:
        if self.strange:
            return self.strange
        if self.moving:
            return _MOVING
        if self.layout is Layout.ONE_TREE:
            return ""
        return _TWO if self.arranged else NEW

    @property
    def settings(self) -> dict[str, str]:
        """The options of all services, as settings that override bin/env.sh."""
        return {key: value for chosen in self.options.values() for key, value in chosen.items()}

    def stop(self, service: str) -> Decisions:
        """Return the decisions with `service` stopped, and without its pins and options."""
        return replace(
            self.run(service, {}),
            stopped=self.stopped | {service},
            options=_without(self.options, service),
        )

    def run(self, service: str, options: Mapping[str, str]) -> Decisions:
        """Return the decisions with `service` wanted, unpinned, and `options` added to its own."""
        chosen = {**self.options.get(service, {}), **options}
        others = _without(self.options, service)
        return replace(
            self,
            stopped=self.stopped - {service},
            pinned=_without(self.pinned, service),
            options={**others, service: chosen} if chosen else others,
        )

    def pin(self, service: str, images: Mapping[str, str]) -> Decisions:
        """Return the decisions with the images of `service` at the given digests, by reference."""
        return replace(self, pinned={**_without(self.pinned, service), service: dict(images)})

    def move(self) -> Decisions:
        """Return the decisions with a person's word that data is moved into two trees."""
        return replace(self, layout=Layout.ONE_TREE, moving=True, arranged=False)

    def settle(self) -> Decisions:
        """Return the decisions with the data in two trees."""
        return replace(self, layout=Layout.TWO_TREES, moving=False, arranged=True)

    def number(self, service: str, numbers: Mapping[str, str]) -> Decisions:
        """Return the decisions with ordinals of further nodes of `service`; existing ones stay."""
        known = {**numbers, **self.numbers.get(service, {})}
        return replace(self, numbers={**_without(self.numbers, service), service: known})

    def place(self, container: str, nodes: Mapping[str, str]) -> Decisions:
        """Return the decisions with the nodes (by name, their ids) that may have a container."""
        others = _without(self.places, container)
        return replace(self, places={**others, container: dict(nodes)} if nodes else others)

    def leave(self, container: str, node: str) -> Decisions:
        """Return the decisions without a node among those that may have a container."""
        known = self.places.get(container, {})
        return self.place(container, {name: i for name, i in known.items() if name != node})

    def admit(self, image: str, digest: str) -> Decisions:
        """Return the decisions with `digest` counting for an image, given as repository:tag.

        A record of no known form is begun anew.
        """
        known = {} if isinstance(self.digests, Unanswered) else self.digests
        return replace(self, digests=record.with_digest(known, image, digest))

    def adopt(self, digests: Mapping[str, str]) -> Decisions:
        """Return the decisions with digests of further images; those on record stay."""
        if isinstance(self.digests, Unanswered):
            return self
        further = {image: (digest,) for image, digest in digests.items()}
        return replace(self, digests={**further, **self.digests})

    def forget(self, image: str) -> Decisions:
        """Return the decisions without any digest of an image."""
        if isinstance(self.digests, Unanswered):
            return self
        others = {name: found for name, found in self.digests.items() if name != image}
        return replace(self, digests=others)


def _without(table: Table, service: str) -> dict[str, Mapping[str, str]]:
    return {name: values for name, values in table.items() if name != service}


def _text(table: Table) -> str:
    return json.dumps(table, sort_keys=True, separators=(",", ":")) if table else ""


def _table(text: str) -> Table:
    try:
        read: Any = json.loads(text or "{}")
        return {
            str(service): {str(key): str(value) for key, value in values.items()}
            for service, values in read.items()
        }
    except (json.JSONDecodeError, AttributeError):
        return {}
