"""A file of a deployment, brought into the form of our own, with the place of each value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.config.document import Location
from cluster.errors import ConfigError, ConfigErrors

Place = Callable[[Location], str]


@dataclass(frozen=True)
class Form:
    """What a file says, in our own words (etc/deployment.schema.json), not checked yet.

    Attributes:
        path: the file.
        value: the document.
        place: tells where in the file a value comes from: "myDeploy.py:7: SHM_SIZE".
        warnings: what was read and means nothing here, each with its place.
    """

    path: Path
    value: dict[str, Any]
    place: Place
    warnings: tuple[str, ...] = ()

    def error(self, location: Location, what: str, hint: str = "") -> ConfigError:
        """Return an error about the value at `location`."""
        return ConfigError(f"{self.place(location)}: {what}", hint)


@dataclass
class Draft:
    """A form while a reader of another kind of file makes it.

    Attributes:
        path: the file.
        errors: what is wrong with it in that kind's own words.
    """

    path: Path
    value: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[ConfigError] = field(default_factory=list)
    _places: dict[Location, str] = field(default_factory=dict)

    def put(self, location: Location, value: Any, place: str) -> None:
        """Say a value in our own words; objects on the way are made.

        Args:
            location: keys of objects alone: a list is put as a whole.
            place: where it stands in the file.
        """
        at = self.value
        for depth, key in enumerate(location[:-1], 1):
            at = at.setdefault(str(key), {})
            self._places.setdefault(location[:depth], place)
        at[str(location[-1])] = value
        self._places[location] = place

    def wrong(self, place: str, what: str, hint: str = "") -> None:
        """Note an error."""
        self.errors.append(ConfigError(f"{place}: {what}", hint))

    def form(self) -> Form:
        """Return the form.

        Raises:
            ConfigErrors: with all that was noted.
        """
        if self.errors:
            raise ConfigErrors(self.errors)
        return Form(self.path, self.value, self._place, tuple(self.warnings))

    def _place(self, location: Location) -> str:
        whole = location
        while location not in self._places and location:
            location = location[:-1]
        rest = ".".join(str(part) for part in whole[len(location) :])
        return self._places.get(location, f"{self.path}:1") + (f": {rest}" if rest else "")
