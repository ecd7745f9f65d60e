"""How far it is from what a person types to the engine: `docker.apply`, hop by hop."""

from __future__ import annotations

import gc
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import skp
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import Reply, Request

ROOT = Path(skp.__file__).parent
OURS = ("skp.py", "tasks/", "cli/", "services/", "cluster/")
DOCUMENT = ROOT / "docs" / "architecture.md"


def entered(frame: FrameType | None) -> Iterator[str]:
    """Yield our functions on a stack, the innermost first, as "cluster/x.py: Class.function"."""
    while frame is not None:
        path = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
        # A comprehension is a frame of its own before Python 3.12, and no function of ours.
        if path.startswith(OURS) and not frame.f_code.co_name.endswith("comp>"):
            yield f"{path}: {frame.f_code.co_qualname}"
        frame = frame.f_back


class Ways:
    """Where threads were begun, so that a way can be followed from one into the next."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._begun: dict[threading.Thread, list[str]] = {}
        start = threading.Thread.start

        def noted(thread: threading.Thread) -> None:
            self._begun[thread] = self.here()
            start(thread)

        patch.setattr(threading.Thread, "start", noted)

    def here(self) -> list[str]:
        """Return our functions from the entry to here, the first outermost."""
        own = [*entered(sys._getframe(1))]
        return self._begun.get(threading.current_thread(), []) + own[::-1]


@pytest.fixture(scope="module")
def hops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The functions of ours from `skp.py docker.apply` to the request that creates a container."""
    with pytest.MonkeyPatch.context() as patch:
        cluster = FakeCluster(tmp_path_factory.mktemp("hops"), patch)
        cluster.begin()
        machine, ways, found = cluster["c02"], Ways(patch), list[list[str]]()

        def created(request: Request) -> Reply:
            found.append(ways.here())
            return machine.created(request)

        machine.connection.on("POST /containers/create", created)
        patch.setattr(sys, "argv", ["skp.py", "docker.apply", "-q"])
        patch.setattr(sys, "prefix", f"{ROOT}/.venv")
        # What only a process of its own needs, when it begins and when it ends.
        patch.setattr(skp, "prepare", lambda: None)
        for name in ("freeze", "disable"):
            patch.setattr(gc, name, lambda: None)
        skp.main()
        yield max(found, key=len)


def test_apply_takes_at_most_twelve_hops_to_the_engine(hops: list[str]) -> None:
    assert len(hops) <= 12, "\n".join(hops)
    assert hops[0] == "skp.py: main"
    assert len(set(hops)) == len(hops)


def test_the_document_names_them(hops: list[str]) -> None:
    text = DOCUMENT.read_text().partition("## docker.apply, hop by hop")[2].partition("\n## ")[0]
    told = re.findall(r"^\d+\. `([^`]*)`, `([^`]*)`", text, re.MULTILINE)
    assert [f"{path}: {name}" for path, name in told] == hops
