"""A value that the Swarm's store keeps, and that many change: by compare-and-swap."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

import docker.errors

from cluster.connectors.engine import Engine, is_conflict
from cluster.connectors.managers import Managers
from cluster.deadlines import Deadline
from cluster.errors import SkpError

T = TypeVar("T")
_SECONDS = 120  # deadline of a change; fifty at once need some ten
_LONGEST_PAUSE = 0.2  # seconds between two tries, at random, so that not all come at once


class Record(Generic[T]):
    """One value, as a text in the label of a config: a config's data can't be changed."""

    def __init__(
        self,
        managers: Managers,
        name: str,
        label: str,
        parse: Callable[[str, int], T],
        text: Callable[[T], str],
    ) -> None:
        """Use these managers.

        Args:
            name, label: of the config.
            parse: returns the value of a text, "" for none yet, and of the config's version, which
                is higher with each change. text: the reverse.
        """
        self._managers, self._name, self._label = managers, name, label
        self._parse, self._text = parse, text

    def read(self) -> T:
        """Return the value as it is now."""
        return self._managers.ask(self._read)[1]

    def change(self, step: Callable[[T], T]) -> None:
        """Change the value.

        Args:
            step: made again on what another has written meanwhile; what it raises is raised.
        """
        deadline = Deadline(_SECONDS)
        while not deadline.passed:
            entry, before = self._managers.ask(self._read)
            after = step(before)
            if self._text(after) == self._text(before):
                return
            if self._managers.ask(partial(self._swap, entry, after)):
                return
            threading.Event().wait(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - no secret
        what = f"{self._name} was changed by others for {_SECONDS} s"
        raise SkpError(what, "Type it again.")

    def _read(self, engine: Engine) -> tuple[Mapping[str, Any] | None, T]:
        listed = engine.configs(filters={"name": self._name})
        found = [config for config in listed if config["Spec"]["Name"] == self._name]
        if not found:
            return None, self._parse("", 0)
        text = (found[0]["Spec"].get("Labels") or {}).get(self._label, "")
        return found[0], self._parse(text, found[0]["Version"]["Index"])

    def _swap(self, entry: Mapping[str, Any] | None, after: T, engine: Engine) -> bool:
        """Write the value if it is still that of `entry`; tell whether it was."""
        labels = {self._label: self._text(after)}
        try:
            if entry is None:
                engine.create_config(self._name, b"skp", labels=labels)
            else:
                engine.update_config(entry["ID"], entry["Version"]["Index"], self._name, labels)
        except docker.errors.APIError as error:
            if is_conflict(error):
                return False
            raise
        return True
