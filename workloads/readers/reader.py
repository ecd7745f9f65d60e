"""What readers of others' YAML do alike: look into a document, and bring it into our own form."""

from __future__ import annotations

from typing import Any

from cluster.config.document import Document, Location
from workloads.form import Draft


class DocumentReader:
    """A document, and the form that is made of it."""

    def __init__(self, document: Document) -> None:
        """Begin with a document that is an object."""
        self.document, self.draft = document, Draft(document.path)

    def _wrong(self, location: Location, what: str, hint: str = "") -> None:
        self.draft.wrong(self.document.place(location), what, hint)

    def _at(self, location: Location) -> Any:
        """Return the value at a location; None for none."""
        value: Any = self.document.value
        for key in location:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _put(self, location: Location, target: tuple[str, ...], value: Any) -> None:
        """Say a value of the document in our own words."""
        self.draft.put(target, value, self.document.place(location))
