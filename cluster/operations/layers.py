"""How far an engine is with an image, from what it tells of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.facts.told import number_or, text_or
from cluster.model.policy import Amount, Progress

# The engine's words (moby, pkg/progress and distribution/) and ours.
_WORDS = {
    "Downloading": "pulling",
    "Extracting": "unpacking",
    "Pushing": "pushing",
}
_WHOLE = {"Download complete": "Downloading", "Pushed": "Pushing"}
_MOST = 1000  # layers; no image has more than 127, and an engine may send anything


class Layers:
    """Adds up the layers of one image, and tells the sum."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done: dict[str, dict[str, int]] = {status: {} for status in _WORDS}
        self._total: dict[str, dict[str, int]] = {status: {} for status in _WORDS}

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event of a pull or a push; raises StrangeError for one that is none."""
        said, layer = text_or("", event, "status"), text_or("", event, "id")
        status = _WHOLE.get(said, said)
        done, total = self._done.get(status), self._total.get(status)
        if done is None or total is None or len(done) > _MOST:
            return
        if said in _WHOLE:
            done[layer] = total.get(layer, 0)
        elif not text_or("", event, "progressDetail", "units"):  # else it is seconds
            done[layer] = number_or(0, event, "progressDetail", "current")
            total[layer] = max(number_or(0, event, "progressDetail", "total"), done[layer])
        whole = sum(total.values())
        if whole:
            self._progress.moved(Amount(_WORDS[status], sum(done.values()), whole))
