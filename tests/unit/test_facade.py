"""TANGO's manager at the API: what it has started and stopped, and what it is told."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import socket
import stat
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from api import facade_answers, facade_config, facade_file, facade_names, facade_report
from api.facade_answers import Style
from api.facade_report import Reporter
from api.facade_status import THERE, Seen, Word
from api.people import NAME
from cluster.config.schema_fast import matches
from tests.support import tango
from workloads import readers
from workloads.check import check

KIM = {"Authorization": "Bearer kim"}
SERVICE = "?user_id=kim&project_id=7"
WORDS = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
READABLE = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tango.Cluster]:
    with tango.standing_in(tmp_path) as found:
        yield found


def asked(folder: Path, *paths: str, told: Reporter | None = None) -> list[tuple[int, str]]:
    """Return what is answered to kim, one request after the other."""

    async def each() -> list[tuple[int, str]]:
        app = tango.application(folder, tango.settled(folder), told)
        answers = [await tango.ask(app, f"{path}{SERVICE}", KIM) for path in paths]
        if told:
            await told.settled()
        return [(answer.status_code, answer.text) for answer in answers]

    return asyncio.run(each())


def test_a_service_is_started_stopped_and_started_again(
    tmp_path: Path, cluster: tango.Cluster
) -> None:
    tango.shared(tmp_path)
    assert asked(tmp_path, "/start", "/status_request", "/start", "/stop", "/status_request") == [
        (200, "started"),
        (200, "running"),
        (400, '{"detail":"Service already exists (running)"}'),
        (200, "finished"),
        (200, "stopped"),
    ]
    assert asked(tmp_path, "/stop", "/start", "/status_request")[1:] == [
        (200, "started"),
        (200, "running"),
    ]
    assert [each["verb"] for each in cluster.operations["vision", "tango-kim--7"]] == [
        "apply",
        "remove",
        "apply",
    ]


def test_what_is_submitted_is_our_own_file_by_its_own_name(
    tmp_path: Path, cluster: tango.Cluster
) -> None:
    tango.shared(tmp_path)
    asked(tmp_path, "/start")
    (text,) = cluster.texts
    assert "and not 'hello'" in text
    assert yaml.safe_load(text) == {
        "name": "tango-kim--7",
        "containers": {
            "main": {
                "image": "localhost:5000/team/web:2",
                "command": ["web.py", "one two"],
                "ports": [{"port": 8088}],
            }
        },
    }
    (tmp_path / "deployment.yaml").write_text(text)
    check(readers.read(tmp_path))


def test_of_many_starts_at_once_one_alone_starts(tmp_path: Path, cluster: tango.Cluster) -> None:
    tango.shared(tmp_path)
    cluster.is_idle = True

    async def together() -> list[str]:
        # (Two servers: nothing that they share but the gate.)
        apps = [tango.application(tmp_path, tango.settled(tmp_path)) for _ in range(2)]
        starts = [tango.ask(apps[n % 2], f"/start{SERVICE}", KIM) for n in range(8)]
        return sorted(answer.text for answer in await asyncio.gather(*starts))

    answers = asyncio.run(together())
    assert answers == ["started", *['{"detail":"Service already exists (started)"}'] * 7]
    assert len(cluster.operations["vision", "tango-kim--7"]) == 1


def test_stops_at_once_are_one(tmp_path: Path, cluster: tango.Cluster) -> None:
    tango.shared(tmp_path)
    asked(tmp_path, "/start", "/status_request")

    async def together() -> list[str]:
        app = tango.application(tmp_path, tango.settled(tmp_path))
        stops = [tango.ask(app, f"/stop{SERVICE}", KIM) for _ in range(4)]
        return [answer.text for answer in await asyncio.gather(*stops)]

    found = asyncio.run(together())
    assert "finished" in found
    assert set(found) <= {"finished", '{"detail":"Service not found"}'}
    assert len(cluster.operations["vision", "tango-kim--7"]) == 2


def test_a_stop_that_takes_too_long_is_not_called_done(
    tmp_path: Path, cluster: tango.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    tango.shared(tmp_path)
    asked(tmp_path, "/start", "/status_request")
    cluster.is_idle = True
    monkeypatch.setattr("api.facade_service._STOPPING", 0.0)
    found = asked(tmp_path, "/stop", "/start", "/status_request")
    assert [status for status, _ in found] == [504, 400, 200]
    assert found[2] == (200, "running")


def test_a_start_that_is_stopped_is_taken_back_and_may_be_given_again(
    tmp_path: Path, cluster: tango.Cluster
) -> None:
    tango.shared(tmp_path)
    cluster.is_idle = True
    found = asked(tmp_path, "/start", "/status_request", "/stop", "/status_request", "/start")
    assert [text for _, text in found] == ["started", "started", "finished", "stopped", "started"]


def test_a_change_of_a_service_that_runs_is_taken_back_before_it_is_stopped(
    tmp_path: Path, cluster: tango.Cluster
) -> None:
    begun = tango.operation(1, "apply", "running")
    cluster.rows, cluster.is_idle = [tango.row()], True
    cluster.operations["vision", "tango-kim--7"] = [begun]

    async def stopped() -> str:
        app = tango.application(tmp_path, tango.settled(tmp_path))
        stop = asyncio.create_task(tango.ask(app, f"/stop{SERVICE}", KIM))
        assert await asyncio.to_thread(cluster.cancelled.wait, 20)
        cluster.is_idle = False
        return (await stop).text

    assert asyncio.run(stopped()) == "finished"
    assert cluster.rows == []
    ended = [(e["verb"], e["state"]) for e in cluster.operations["vision", "tango-kim--7"]]
    assert ended == [("remove", "succeeded"), ("apply", "cancelled")]


def test_services_of_others_are_neither_told_nor_touched(
    tmp_path: Path, cluster: tango.Cluster
) -> None:
    cluster.rows = [tango.row(name="tango-lee--7"), tango.row(project="audio")]
    found = asked(tmp_path, "/status_request", "/stop")
    assert [status for status, _ in found] == [404, 404]
    assert cluster.operations == {}


def test_while_the_gate_is_away_nothing_is_known(tmp_path: Path) -> None:
    tango.shared(tmp_path)
    found = asked(tmp_path, "/status_request", "/start", "/stop")
    assert found[0] == (200, "unknown")
    assert [status for status, _ in found[1:]] == [503, 503]


@pytest.mark.parametrize("kind", ["socket", "device", "large"])
def test_what_is_no_file_of_the_user_is_not_read(
    tmp_path: Path, kind: str, cluster: tango.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tango.shared(tmp_path)
    path.unlink()
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            # (A socket's address is short: pytest's folders may be longer.)
            monkeypatch.chdir(path.parent)
            one.bind(path.name)
            assert asked(tmp_path, "/start")[0][0] == 400
    elif kind == "device":
        if os.getuid() != 0:
            pytest.skip("root alone makes a device")
        os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 5))
        assert asked(tmp_path, "/start") == [(400, '{"detail":"Deployment YAML not found"}')]
    else:
        path.write_bytes(b"#" * ((1 << 20) + 1))
        assert asked(tmp_path, "/start") == [(400, '{"detail":"Deployment YAML not found"}')]
        path.write_bytes(b"#" * (65 << 10))
        assert asked(tmp_path, "/start") == [(400, '{"detail":"Invalid deployment YAML spec"}')]
    assert cluster.texts == []


def test_a_folder_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, cluster: tango.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = threading.Event()
    monkeypatch.setattr("api.facade_service._READING", 0.05)
    monkeypatch.setattr(facade_file, "spec", lambda *_: ends.wait(20))
    assert asked(tmp_path, "/start") == [(400, '{"detail":"Deployment YAML not found"}')]
    ends.set()


@given(READABLE | WORDS, READABLE | WORDS, READABLE | WORDS, READABLE | WORDS)
def test_no_two_services_have_one_name(user: str, project: str, other: str, theirs: str) -> None:
    name = facade_names.deployment(user, project)
    assert matches(NAME, name)
    if (user, project) != (other, theirs):
        assert name != facade_names.deployment(other, theirs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a-b", "c"), ("a", "b-c")),
        (("a--b", "c"), ("a", "b--c")),
        (("a-", "b"), ("a", "-b")),
        (("Kim", "7"), ("kim", "7")),
        (("a.b", "c"), ("a", "b.c")),
        (("k" * 20, "p" * 20), ("k" * 21, "p" * 19)),
    ],
)
def test_names_that_look_alike_are_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert facade_names.deployment(*one) != facade_names.deployment(*other)
    assert facade_names.deployment("kim", "7") == "tango-kim--7"


@given(
    st.sampled_from(["pending", "running", "succeeded", "failed", "cancelled"]),
    st.sampled_from(["apply", "remove", "rollback"]),
    st.lists(st.sampled_from(["Running", "Pending", "Starting", "Failed", "Ended", "Unknown"])),
    st.sampled_from(["", "c01 does not answer"]),
)
def test_a_service_is_always_some_way(
    state: str, verb: str, phases: list[str], unknown: str
) -> None:
    rows = [tango.row(phase) for phase in phases]
    word = Seen(tango.operation(1, verb, state), rows, unknown).word
    assert word is not None
    under_way = state in ("pending", "running") and verb != "remove"
    if under_way:
        assert word in (Word.STARTED, Word.PREPARING)
    elif unknown:
        assert word is Word.UNKNOWN
    elif not rows or (state == "failed" and verb != "remove" and not _runs(phases)):
        assert word not in THERE, "it can be started"
    elif set(phases) == {"Running"}:
        assert word is Word.RUNNING


def _runs(phases: list[str]) -> bool:
    """Whether containers run, and none of the others has failed or is still to come."""
    return "Running" in phases and not {"Failed", "Pending", "Starting"} & set(phases)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(["80\r\nX-Evil: 1", "localhost:5000/team/web:2", "{{.ID}}", "run 'a b'"]),
    lambda each: st.lists(each, max_size=3)
    | st.dictionaries(st.sampled_from(["cpu", "memory", "apt", "atp"]) | st.text(max_size=5), each,
                      max_size=3),
    max_leaves=4,
)  # fmt: skip
NETWORK = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("service_host_port", "service_container_port"), VALUES)
)
BUILD = st.fixed_dictionaries(
    {"image_uri": st.just("localhost:5000/team/web:2") | VALUES},
    optional=dict.fromkeys(("components", "target_name", "os"), VALUES),
)
KEYS = ("service_name", "name", "workdir", "pre_exec", "entrypoint", "resources", "replicas", "k8s")
DEPLOY = st.fixed_dictionaries({}, optional={**dict.fromkeys(KEYS, VALUES), "network": NETWORK})
ODD = st.fixed_dictionaries({"build": BUILD, "deploy": DEPLOY | VALUES}, optional={"x": VALUES})


EVIL = {"service_host_port": "80\r\nX-Evil: 1", "service_container_port": 80}


@example({"build": {"image_uri": "localhost:5000/team/web:2"}, "deploy": {"network": EVIL}})
@given(ODD | st.fixed_dictionaries({"build": VALUES, "deploy": VALUES}) | VALUES)
def test_whatever_a_file_says_it_is_invalid_or_deployed_by_its_own_name(
    tmp_path_factory: pytest.TempPathFactory, said: Any
) -> None:
    folder = tmp_path_factory.getbasetemp()
    tango.shared(folder, text=json.dumps(said))
    try:
        found = facade_file.spec(folder / "shared", "kim", "7", "tango-kim--7")
    except facade_file.InvalidError:
        return
    assert yaml.safe_load(found.text)["name"] == "tango-kim--7"
    headers = dict(facade_answers.started(Style.TEXT, found.told).headers)
    assert all(each.isascii() and each.isprintable() for each in headers.values())


class Manager(BaseHTTPRequestHandler):
    """TANGO's manager as far as it is reported to."""

    told: ClassVar[list[dict[str, list[str]]]] = []
    statuses: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200 and path == "/status_report":
            self.told.append(urllib.parse.parse_qs(query))
        self.send_response(status)
        self.send_header("Location", "/status_report?elsewhere=1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a manager's status_report."""
    monkeypatch.setattr(facade_report, "_TRIES", (0.0, 0.01, 0.01))
    monkeypatch.setattr(facade_report, "_PAUSE", 0.01)
    Manager.told.clear()
    Manager.statuses.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Manager) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/status_report"
        server.shutdown()
        serving.join(5)


@pytest.mark.parametrize(
    ("style", "fails", "target", "how"),
    [
        (Style.TEXT, "", "cloud_deploy", "success"),
        (Style.JSON, "the image is missing", "kube_deploy", "failed"),
    ],
)
def test_the_manager_is_told_how_a_start_ended(
    tmp_path: Path, cluster: tango.Cluster, manager: str, style: Style, fails: str,
    target: str, how: str,
) -> None:  # fmt: skip
    tango.shared(tmp_path)
    cluster.fails, Manager.statuses[:] = fails, [503, 302]
    asked(tmp_path, "/start", told=Reporter(manager, style))
    assert Manager.told == [
        {"container_id": [target], "user_id": ["kim"], "project_id": ["7"], "status": [how]}
    ]


def test_a_manager_that_is_not_there_delays_nothing_and_is_given_up(
    tmp_path: Path, cluster: tango.Cluster, manager: str, caplog: pytest.LogCaptureFixture
) -> None:
    tango.shared(tmp_path)
    Manager.statuses[:] = [500] * 10
    found = asked(tmp_path, "/start", told=Reporter(manager, Style.TEXT))
    assert found == [(200, "started")]
    assert len(Manager.statuses) == 7
    assert "not taken after 3 tries: HTTP Error 500" in caplog.text


def test_what_began_before_the_server_did_is_reported_once_it_is_asked_about(
    tmp_path: Path, cluster: tango.Cluster, manager: str
) -> None:
    tango.shared(tmp_path)
    cluster.is_idle = True
    asked(tmp_path, "/start")
    told = Reporter(manager, Style.TEXT)

    async def asks() -> None:
        app = tango.application(tmp_path, tango.settled(tmp_path), told)
        for _ in range(3):
            await tango.ask(app, f"/status_request{SERVICE}", KIM)
        cluster.is_idle = False
        await told.settled()

    asyncio.run(asks())
    assert [each["status"] for each in Manager.told] == [["success"]]


def test_what_was_stopped_is_not_reported(
    tmp_path: Path, cluster: tango.Cluster, manager: str
) -> None:
    tango.shared(tmp_path)
    cluster.is_idle = True
    asked(tmp_path, "/start", "/stop", told=Reporter(manager, Style.TEXT))
    assert Manager.told == []


ROUTES = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    "eth1\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
)


def test_what_the_server_is_given(tmp_path: Path) -> None:
    given_, routes = tmp_path / "facade.json", tmp_path / "route"
    routes.write_text(ROUTES)
    said = {
        "answers": "json", "cors": False, "open_account": "tango", "open_project": "vision",
        "open_to": ["10.0.0.0/24"], "report": "", "shared": True,
    }  # fmt: skip
    given_.write_text(json.dumps(said))
    found = facade_config.read(given_, routes)
    assert (found.style, found.shared) == (Style.JSON, Path("/shared"))
    assert found.open.networks == (ipaddress.IPv4Network("10.0.0.0/24"),)
    assert found.open.engine == "172.18.0.1"
    assert facade_config.gateway(ROUTES.splitlines()[0]) == ""
