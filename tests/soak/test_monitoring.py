"""Monitoring for real: targets that follow the plan, a node that is lost, and who reaches what."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest
import requests

from cluster.config.settings import ROOT
from tests.support.accounts import PASSWORD, administrator, ask
from tests.support.confined import check_confined
from tests.support.data_volumes import until
from tests.support.door import HOST, Visitor, authority
from tests.support.lab import NODES, container_ids, host_docker, labelled, on, skp

HERE = "10.99.0.1"  # this machine, on the nodes' network
AT = "http://10.99.0.11:8090/api/v1"
MINUTE = 60
UP = {
    ("alertmanager", "c01"),
    ("prometheus", "c01"),
    *(("node", node) for node in NODES),
}
TOKEN = "a-token-that-nobody-shows"

Env = dict[str, str]
Alerts = Queue[dict[str, Any]]


@contextmanager
def webhook(heard: Alerts) -> Iterator[str]:
    """A server that hears alerts; yields its URL."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in body["alerts"]:
                heard.put(alert | {"path": self.path, "heard": time.time()})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HERE, 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HERE}:{server.server_address[1]}/hooks/{TOKEN}"
        server.shutdown()


def heard_of(alerts: Alerts, name: str, node: str, status: str, seconds: float) -> dict[str, Any]:
    """Return the first alert of that kind that arrives in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = alerts.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            pytest.fail(f"{name} of {node} is not {status} within {seconds} s")
        labels = found["labels"]
        if (labels["alertname"], labels["node"], found["status"]) == (name, node, status):
            return found


def targets() -> dict[tuple[str, str], str]:
    """Return how each target is, by its job and node."""
    found = requests.get(f"{AT}/targets?state=active", timeout=10).json()["data"]["activeTargets"]
    return {(each["labels"]["job"], each["labels"]["node"]): each["health"] for each in found}


def all_up(wanted: set[tuple[str, str]], seconds: float = MINUTE) -> float:
    """Wait until these and no others are asked, and all answer; return how long it took."""
    return until(lambda: targets() == dict.fromkeys(wanted, "up"), seconds)


def asked(query: str) -> dict[str, float]:
    """Return what a query finds, by node and disk."""
    answer = requests.get(f"{AT}/query", params={"query": query}, timeout=10).json()
    return {
        f"{each['metric']['node']} {each['metric'].get('disk', '')}".strip(): float(
            each["value"][1]
        )
        for each in answer["data"]["result"]
    }


@pytest.fixture(scope="module")
def alerts() -> Alerts:
    return Queue()


@pytest.fixture(scope="module")
def monitored(
    platform: None, alerts: Alerts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Env]:
    """Prometheus on c01, exporters on all nodes, and a webhook that hears of alerts here."""
    folder = tmp_path_factory.mktemp("monitored")
    with webhook(alerts) as url:
        env = labelled(folder / "hosts.json", "monitoring", nodes=("c01",))
        own = folder / "env.sh"
        own.write_text(f'source {ROOT}/bin/env.sh\nexport ALERT_WEBHOOK="{url}"\n')
        own.chmod(0o600)
        env |= {"SKP_ENV": str(own)}
        for words in (("image-build-prometheus",), ("swarm-label",), ("swarm-network",),
                      ("prometheus-run",), ("metrics-run",)):  # fmt: skip
            done = skp(f"docker.{words[0]}", env=env)
            assert done.code == 0, done.all
        yield env
        gone = skp("-q", "docker.apply", "prometheus", "metrics", "--yes")
        on("c01", "sudo rm -rf /var/prometheus /var/alertmanager")
        assert gone.code == 0, gone.all


def test_all_targets_are_up(monitored: Env) -> None:
    all_up(UP, 2 * MINUTE)
    for metric in ("node_memory_MemAvailable_bytes", "node_cpu_seconds_total", "node_load1"):
        assert set(asked(f"max by (node) ({metric})")) == set(NODES)
    sizes = asked("node_filesystem_size_bytes{disk!=''}")
    disks = {f"{node} {disk}" for node in NODES for disk in ("engine", "shared", "system")}
    assert set(sizes) == disks
    assert min(sizes.values()) > 0
    assert set(asked("node_filesystem_device_error{disk!=''} == 0")) == disks


def test_what_is_right_is_left_as_it_is(monitored: Env) -> None:
    again = skp("docker.apply", "prometheus", "metrics", env=monitored)
    assert again.code == 0, again.all
    assert "Nothing to change" in again.out


def test_configuration_and_rules_are_right_for_promtool(monitored: Env) -> None:
    config, rules = (
        on("c01", f"docker exec prometheus-skp promtool check {what} /run/skp/{file}")
        for what, file in (("config", "prometheus.yml"), ("rules", "alerts.yml"))
    )
    assert (config.code, rules.code) == (0, 0), config.all + rules.all
    assert "6 rules found" in rules.out


def test_each_alert_is_there_when_it_is_to_be(monitored: Env) -> None:
    cases = shlex.quote((Path(__file__).parent / "alerts_tested.yml").read_text())
    run = "cat >/tmp/cases.yml && promtool test rules /tmp/cases.yml"
    ran = on("c01", f"echo {cases} | docker exec -i prometheus-skp bash -c {shlex.quote(run)}")
    assert ran.code == 0, ran.all


def test_every_container_is_confined(monitored: Env) -> None:
    check_confined("prometheus", "metrics")


def test_the_webhooks_url_is_on_no_command_line_and_in_no_variable(monitored: Env) -> None:
    shown = on("c01", "docker inspect alertmanager-skp prometheus-skp; ps axwwe").out
    assert "alertmanager" in shown
    assert TOKEN not in shown
    told = on("c01", "docker logs alertmanager-skp 2>&1; docker exec prometheus-skp true").out
    assert TOKEN not in told


# Says which of the pairs of host and port answer with metrics, and that all were tried. (That a
# connection is taken says nothing: on the way out of a network something may take all of them.)
_REACH = r"""
while [ $# -gt 0 ]; do
  export host=$1 port=$2
  timeout 4 bash -c '
    exec 3<>"/dev/tcp/$host/$port" && printf "GET /metrics HTTP/1.0\r\n\r\n" >&3 &&
    grep -qa "^go_goroutines" <&3
  ' 2>/dev/null && echo "$host:$port"
  shift 2
done
echo tried
"""


def inside_addresses() -> list[str]:
    """Return all addresses that the exporters and Alertmanager have, on any network."""
    found = []
    for node in NODES:
        names = f"metrics-skp-{node}" + (" alertmanager-skp" if node == "c01" else "")
        shown = on(node, f"for c in {names}; do docker exec $c cat /proc/net/fib_trie; done").out
        lines = shown.splitlines()
        found += [
            line.split()[-1]
            for line, kind in pairwise(lines)
            if "host LOCAL" in kind and not line.split()[-1].startswith("127.")
        ]
    return sorted(set(found))


def test_users_containers_reach_neither_exporters_nor_alertmanager(monitored: Env) -> None:
    addresses = inside_addresses()
    assert len(addresses) >= 2 * len(NODES)
    names = [*(f"metrics-skp-{node}" for node in NODES), "alertmanager-skp"]
    tried = [*addresses, *names, *(f"10.99.0.1{n}" for n in (1, 2, 3))]
    words = " ".join(f"{name} {port}" for name in tried for port in (9100, 9093))
    image = "$(docker inspect -f {{.Image}} prometheus-skp)"
    user = f"docker run --rm --network net-skp-users --entrypoint bash {image}"
    script = shlex.quote(_REACH)
    ran = on("c01", f"{user} -c {script} - {words}")
    assert ran.out.split() == ["tried"], ran.all
    own = "metrics-skp-c03 9100 alertmanager-skp 9093"
    # (It is not that nothing can be reached: Prometheus reaches them.)
    same = on("c01", f"docker exec prometheus-skp bash -c {script} - {own}")
    assert same.out.split() == ["metrics-skp-c03:9100", "alertmanager-skp:9093", "tried"]


def test_targets_come_and_go_with_hosts_json_and_nothing_is_replaced(
    monitored: Env, tmp_path: Path
) -> None:
    before = container_ids()
    hosts = json.loads(Path(monitored["SKP_HOSTS"]).read_text())
    fewer = tmp_path / "hosts.json"
    fewer.write_text(json.dumps({name: hosts[name] for name in ("c01", "c02")}))
    lost = {("node", "c03")}
    for env, wanted in (
        (monitored | {"SKP_HOSTS": str(fewer)}, UP - lost),
        (monitored, UP),
    ):
        done = skp("docker.apply", "prometheus", "metrics", env=env)
        assert done.code == 0, done.all
        took = all_up(wanted)
        print(f"targets are {len(wanted)} after {took:.1f} s")
    after = container_ids()
    for name in ("prometheus-skp", "alertmanager-skp"):
        assert after["c01"][name] == before["c01"][name]


def test_a_node_that_is_lost_is_told_within_a_minute(monitored: Env, alerts: Alerts) -> None:
    all_up(UP)
    began = time.time()
    assert host_docker("kill", "c03").code == 0
    try:
        down = heard_of(alerts, "NodeDown", "c03", "firing", MINUTE)
        print(f"told after {down['heard'] - began:.1f} s: {down['annotations']}")
        assert down["path"].endswith(TOKEN)
        assert "c03" in down["annotations"]["summary"]
        assert "host.check --nodes c03" in down["annotations"]["remedy"]
    finally:
        up = skp("-q", "lab.up", "-n", "3", "--publish")
        assert up.code == 0, up.all
    healed = skp("docker.apply", "registry", "prometheus", "metrics", env=monitored)
    assert healed.code == 0, healed.all
    heard_of(alerts, "NodeDown", "c03", "resolved", 3 * MINUTE)


@pytest.fixture(scope="module")
def door(monitored: Env) -> Iterator[Env]:
    """A front door, and the accounts that it asks, beside what monitors."""
    path = Path(monitored["SKP_HOSTS"])
    hosts = json.loads(path.read_text())
    services = ("mysql", "flask", "nginx", "gateway")
    hosts["c01"]["labels"] += [{label: "enable"} for label in services]
    path.write_text(json.dumps(hosts))
    for name in services:
        built = skp(f"docker.image-build-{name}", env=monitored)
        assert built.code == 0, built.all
    began = skp("docker.apply", *services, "prometheus", "metrics", env=monitored)
    assert began.code == 0, began.all
    yield monitored
    gone = skp("-q", "docker.apply", ",".join(services), "--yes")
    on("c01", "sudo rm -rf /home/skp/skp/platform/mysql")
    assert gone.code == 0, gone.all


def test_the_page_at_the_door_asks_for_the_account(door: Env, tmp_path: Path) -> None:
    visitor = Visitor(authority(tmp_path, door))
    page = f"https://{HOST}:9090"
    assert visitor.get(f"{page}/classic/graph").status_code == 401
    assert visitor.asked_to_log_in(f"{page}/classic/graph")
    answer = ask("POST", "/accounts", {"name": "watcher", "password": PASSWORD}, administrator())
    assert answer.status_code == 201, answer.text
    visitor.log_in("watcher")
    shown = visitor.enter(f"{page}/classic/graph")
    assert shown.status_code == 200, shown.text
    assert "Prometheus" in shown.text
    asked_for = visitor.get(f"{page}/api/v1/query?query=up")
    assert len(asked_for.json()["data"]["result"]) == len(UP)
