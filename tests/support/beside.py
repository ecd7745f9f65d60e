"""A command on a terminal of its own, and a thread that looks at it meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.fake_cluster import FakeCluster
from tests.support.screen import Window, window


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Have `work` done by another thread while the block runs; its error is raised here."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failed.append(error)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    # (Whoever began the tests in the background may have them ignore it.)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
        thread.join(60)
    except KeyboardInterrupt:
        pass  # as asked for above
    finally:
        signal.signal(signal.SIGINT, before)
    if failed:
        raise failed[0]


def run_live(
    cluster: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Window], object],
    *words: str,
    width: int = 80,
    height: int = 40,
) -> tuple[int, Window, str]:
    """Run a command on a terminal while `meanwhile` looks at it."""
    with window(monkeypatch, width, height) as shown:
        with beside(lambda: meanwhile(shown)):
            code = cluster.run(*words)
        return code, shown, shown.close()
