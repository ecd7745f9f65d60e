"""Looking again and again: what changed stands out, and what containers use is ranked."""

from __future__ import annotations

import json
import re
import signal
import threading
from pathlib import Path

import pytest

from tests.support.beside import run_live
from tests.support.fake_cluster import HOSTS, FakeCluster
from tests.support.fakes import Reply, Request, reply
from tests.support.screen import Window

JUPYTER = {name: {**told, "labels": [{"jupyter": "enable"}]} for name, told in HOSTS.items()}
WIDTHS = pytest.mark.parametrize("width", [80, 160])


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = FakeCluster(tmp_path, monkeypatch, JUPYTER)
    made.begin()
    assert made.run("docker.apply", "-q") == 0
    return made


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@WIDTHS
def test_a_container_that_is_killed_stands_out(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    def look(shown: Window) -> None:
        shown.wait("jupyter-skp-c02 +running +healthy")
        state = cluster["c02"].containers["jupyter-skp-c02"]["State"]
        state.update(Running=False, Status="exited")
        shown.wait(r"jupyter-skp-c02 \* +running +exited")
        interrupt()

    words = ("docker.status", "jupyter", "--watch", "--interval", "0.2")
    code, shown, text = run_live(cluster, monkeypatch, look, *words, width=width)
    assert code == 130
    assert re.search(r"\d\d:\d\d:\d\d c02 jupyter-skp-c02: healthy -> exited", text)
    assert {"31", "36"} <= shown.screen.colours
    assert "\x1b[2J" not in b"".join(shown.screen.written).decode()


def test_a_file_gets_the_first_look_and_every_change(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(3))

    def pause(_: float) -> None:
        if next(looks) == 2:
            raise KeyboardInterrupt
        cluster["c02"].containers.pop("jupyter-skp-c02", None)

    monkeypatch.setattr("cli.watching.time.sleep", pause)
    assert cluster.run("docker.status", "jupyter", "--watch") == 130
    told = capsys.readouterr()
    assert told.out.count("NODE  CONTAINER") == 1
    assert len(told.err.splitlines()) == 1
    assert told.err.endswith(" c02 jupyter-skp-c02: healthy -> missing\n")


def stats(cluster: FakeCluster) -> None:
    """Have containers use more with every look; those of c02 the most."""
    counts = dict.fromkeys(cluster, 0)

    def script(name: str, weight: int) -> None:
        machine = cluster[name]

        def answer(request: Request) -> Reply:
            counts[name] += 1
            # (So far apart that a look that comes late does not change the order.)
            total = counts[name] * 100**weight * 1_000_000
            return reply(
                {
                    "cpu_stats": {"cpu_usage": {"total_usage": total}},
                    "memory_stats": {
                        "usage": weight * 3_000_000,
                        "limit": 3_100_000 * weight,
                        "stats": {"inactive_file": 1000},
                    },
                    "networks": {"eth0": {"rx_bytes": total // 1000, "tx_bytes": 1}},
                    "blkio_stats": {
                        "io_service_bytes_recursive": [{"op": "read", "value": counts[name]}]
                    },
                }
            )

        machine.connection.on("GET /containers/*/stats", answer)
        listed = [{"Id": c["Id"], "Names": [f"/{n}"]} for n, c in machine.containers.items()]
        machine.connection.on("GET /containers/json", reply(listed))

    for weight, name in enumerate(("c01", "c03", "c02"), start=1):
        script(name, weight)


@WIDTHS
def test_what_containers_use_is_ranked(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    stats(cluster)

    def look(shown: Window) -> None:
        shown.wait(r"NODE +CONTAINER +CPU(.|\n)*[kM]B/s")
        interrupt()

    code, _, text = run_live(
        cluster, monkeypatch, look, "docker.top", "--interval", "0.2", width=width
    )
    assert code == 130
    rows = [line.split()[0] for line in text.splitlines()[1:]]
    assert rows[0] == "c02"
    assert rows[-1] == "c01"
    assert all(len(line) <= width for line in text.splitlines())


def test_what_containers_use_as_json_is_one_document(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    stats(cluster)
    assert cluster.run("docker.top", "--json", "--sort", "memory", "--interval", "0.2") == 0
    first, *others = json.loads(capsys.readouterr().out)["containers"]
    assert first["node"] == "c02"
    assert first["memory"] == 8_999_000
    assert first["cores"] > others[-1]["cores"] > 0
    assert first["network_per_second"] > 0


@pytest.mark.parametrize("words", [("--sort", "age"), ("--interval", "0")])
def test_what_can_t_be_shown_is_refused(cluster: FakeCluster, words: tuple[str, str]) -> None:
    assert cluster.run("docker.top", *words) == 2
