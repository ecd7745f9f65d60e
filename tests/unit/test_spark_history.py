"""Spark's history server shows logs of executors, and nothing that a notebook has them lead to."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest
import requests

PROGRAM = Path(__file__).parent.parent.parent / "images" / "docker-ds" / "bin" / "spark-history"
SECRET = "spark.authenticate.secret of-the-cluster"
LINK = "/proxy/x/logPage/?appId=app-1-1&executorId=0&logType=stdout"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is there is in the image
    loader = SourceFileLoader("spark_history", str(PROGRAM))
    spec = spec_from_loader("spark_history", loader)
    assert spec is not None
    loaded = module_from_spec(spec)
    loader.exec_module(loaded)
    monkeypatch.setattr(loaded, "ROOT", tmp_path / "spark")
    return loaded


@pytest.fixture
def page(program: ModuleType) -> Iterator[str]:
    """Give the address of the link to a log, by the real server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), program.Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{LINK}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give the path of a log that is there, beside a secret that the server can read."""
    (tmp_path / "spark-defaults.conf").write_text(SECRET)
    path = tmp_path / "spark" / "work" / "app-1-1" / "0" / "stdout"
    path.parent.mkdir(parents=True)
    path.write_text("said by the executor\n")
    return path


def test_a_log_is_shown(page: str, log: Path) -> None:
    answer = requests.get(page, timeout=10)
    assert (answer.status_code, answer.text) == (200, "said by the executor\n")


def test_what_is_no_link_of_a_log_is_refused(page: str, log: Path) -> None:
    answer = requests.get(page.replace("app-1-1", "app-1-1/.."), timeout=10)
    assert answer.status_code == 400


def moved(path: Path, to: Path) -> None:
    """Put a link in place of `path`, to where the log's own name is a link to the secret."""
    path.rename(path.with_name("before"))
    path.symlink_to(to)


@pytest.mark.parametrize("place", ["stdout", "0", "app-1-1", "work"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_on_the_way_shows_nothing(
    page: str, log: Path, tmp_path: Path, place: str, absolute: bool
) -> None:
    secret = tmp_path / "spark-defaults.conf"
    way = [log, *log.parents]
    linked = next(path for path in way if path.name == place)
    if linked == log:
        target = secret
    else:
        target = tmp_path / "elsewhere"
        copy = target / log.relative_to(linked)
        copy.parent.mkdir(parents=True)
        os.link(secret, copy)
    moved(linked, target if absolute else Path(os.path.relpath(target, linked.parent)))
    assert log.read_text() == SECRET, "the attack has what it needs"
    answer = requests.get(page, timeout=10)
    assert answer.status_code == 404
    assert SECRET not in answer.text


def test_a_fifo_is_not_waited_for(page: str, log: Path) -> None:
    log.unlink()
    os.mkfifo(log)
    assert requests.get(page, timeout=10).status_code == 404


def test_no_descriptor_stays_open(program: ModuleType, log: Path) -> None:
    names = log.relative_to(program.ROOT).parts
    before = len([*Path("/proc/self/fd").iterdir()])
    for attempt in (names, (*names[:-1], "stderr"), ("work", "app-2-2", "0", "stdout")):
        try:
            program.open_below(program.ROOT, *attempt).close()
        except OSError:
            continue
    assert len([*Path("/proc/self/fd").iterdir()]) == before
