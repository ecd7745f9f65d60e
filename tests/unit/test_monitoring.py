"""Monitoring as it is described: nobody gets it unasked, targets follow the inventory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from cluster.config.secrets import Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.networks import networks
from cluster.model.page import Asks
from cluster.model.spec import NOBODY, Container, SecretFile, mark_file
from services.gateway.service import SERVICE as GATEWAY
from services.metrics import SERVICE as METRICS
from services.prometheus.configuration import RULES
from services.prometheus.service import SERVICE as PROMETHEUS
from tests.support import door_described
from tests.support.described import NOTHING, described

HOOK = "https://alerts.example/hooks/the-token"
KEY = Secret("key")
Values = Mapping[str, str]
NONE: Values = MappingProxyType({})


def cluster(
    folder: Path, nodes: int = 3, label: str = "2", hook: str = "", values: Values = NONE
) -> Cluster:
    """Return a cluster of some nodes, of which those in `label` have the label."""
    hosts: dict[str, Any] = {
        f"c0{n}": {
            "ipv4": f"10.0.0.{n}",
            "groups": ["master", "manager"] if n == 1 else ["worker"],
            "labels": [{"monitoring": "enable"}] if str(n) in label else [],
        }
        for n in range(1, nodes + 1)
    }
    found = described(folder, hosts, values)
    return replace(found, secrets={**found.secrets, "ALERT_WEBHOOK": Secret(hook)})


def all_of(wanted: Cluster) -> dict[str, Container]:
    return {c.name: c for s in (PROMETHEUS, METRICS) for c in s.containers(wanted, NOTHING)}


def config(container: Container, name: str) -> Any:
    (text,) = (f.content for f in (*container.files, *container.live) if f.name == name)
    assert isinstance(text, str)
    return json.loads(text)


def test_without_the_label_there_is_nothing(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, label="")
    assert all_of(wanted) == {}
    assert [*PROMETHEUS.pages(wanted), *PROMETHEUS.marker_files(wanted)] == []
    assert [*METRICS.folders(wanted), *METRICS.hosts(wanted)] == []
    assert not [each for each in networks(wanted) if each.name.endswith("metrics")]
    for service in (PROMETHEUS, METRICS):
        assert "no node has the label monitoring" in service.no_host_error(wanted).what


def test_with_it_one_node_asks_and_all_are_asked(tmp_path: Path) -> None:
    found = all_of(cluster(tmp_path, label="23"))
    assert {name: c.node for name, c in found.items()} == {
        "prometheus-skp": "c02",
        "alertmanager-skp": "c02",
        "metrics-skp-c01": "c01",
        "metrics-skp-c02": "c02",
        "metrics-skp-c03": "c03",
    }


def test_they_share_a_network_with_nobody_else_and_one_port_is_published(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    (own,) = (each for each in networks(wanted) if each.name == "net-skp-metrics")
    assert own.subnet == "10.91.48.0/20"
    found = all_of(wanted)
    assert {c.overlays for c in found.values()} == {("net-skp-metrics",)}
    assert {name: c.ports[0].host for name, c in found.items() if c.ports} == {
        "prometheus-skp": 8090
    }


def test_none_may_write_or_do_anything_beside_its_data(tmp_path: Path) -> None:
    found = all_of(cluster(tmp_path))
    assert all(c.read_only and not c.capabilities and c.memory for c in found.values())
    users = {name: c.user for name, c in found.items()}
    assert users["metrics-skp-c01"] == NOBODY
    assert users["prometheus-skp"] != users["alertmanager-skp"] != NOBODY
    assert all(m.read_only for c in found.values() if c.service == "metrics" for m in c.mounts)
    # An exporter sees empty folders: what is to be measured, and nothing that lies there.
    assert {m.source for m in found["metrics-skp-c01"].mounts} == {
        "/var/lib/skp/metrics",
        "/home/skp/skp/volume/var/metrics",
    }


def test_targets_follow_the_inventory_and_nothing_is_replaced(tmp_path: Path) -> None:
    few, many = (all_of(cluster(tmp_path, nodes=n))["prometheus-skp"] for n in (2, 3))
    jobs = {
        (group["labels"]["job"], group["labels"]["node"]): group["targets"]
        for group in config(many, "targets.json")
    }
    assert jobs == {
        ("prometheus", "c02"): ["prometheus-skp:9090"],
        ("alertmanager", "c02"): ["alertmanager-skp:9093"],
        **{("node", f"c0{n}"): [f"metrics-skp-c0{n}:9100"] for n in (1, 2, 3)},
    }
    assert len(config(few, "targets.json")) == len(jobs) - 1
    assert few.described("id", KEY) == many.described("id", KEY)
    assert few.marked(KEY).live_mark != many.marked(KEY).live_mark
    assert PROMETHEUS.marker_files(cluster(tmp_path)) == (mark_file("prometheus-skp"),)


def test_prometheus_is_told_where_its_targets_and_alerts_are(tmp_path: Path) -> None:
    found = all_of(cluster(tmp_path, values={"PROMETHEUS_RETENTION": "30d"}))["prometheus-skp"]
    assert "--storage.tsdb.retention.time=30d" in found.command
    told = config(found, "prometheus.yml")
    (job,) = told["scrape_configs"]
    assert job["file_sd_configs"][0]["files"] == ["/run/skp/live/targets.json"]
    assert told["rule_files"] == ["/run/skp/alerts.yml"]
    assert {f.name for f in found.files} == {"prometheus.yml", "alerts.yml"}


def test_a_webhook_is_a_secret_file(tmp_path: Path) -> None:
    without = all_of(cluster(tmp_path))["alertmanager-skp"]
    assert config(without, "alertmanager.yml")["receivers"] == [{"name": "webhook"}]
    found = all_of(cluster(tmp_path, hook=HOOK))["alertmanager-skp"]
    (hook,) = config(found, "alertmanager.yml")["receivers"][0]["webhook_configs"]
    assert hook["url_file"] == "/run/skp/webhook-url"
    assert SecretFile("webhook-url", Secret(HOOK)) in found.files
    assert HOOK not in json.dumps(found.described("id", KEY))


def test_too_little_memory_and_a_shared_disk_are_refused(tmp_path: Path) -> None:
    for key, value in (
        ("PROMETHEUS_MEMORY", "100m"),
        ("PROMETHEUS_VOLUME", "/home/skp/skp/volume/prometheus"),
        ("ALERTMANAGER_VOLUME", "/home/skp/skp/platform/alerts"),
    ):
        with pytest.raises(ConfigError, match=key):
            all_of(cluster(tmp_path, values={key: value}))


def test_the_door_leads_there_for_accounts_and_is_on_its_network(tmp_path: Path) -> None:
    wanted = door_described.wanted(tmp_path, monitoring="1")
    (page,) = PROMETHEUS.pages(wanted)
    assert (page.asks, page.inside, page.port) == (Asks.ACCOUNT, 9090, 8090)
    (door,) = GATEWAY.containers(wanted, NOTHING)
    assert door.also_on == ("net-skp-metrics",)
    (without,) = GATEWAY.containers(door_described.wanted(tmp_path), NOTHING)
    assert without.also_on == ()


def test_every_alert_says_what_is_wrong_where_and_what_to_type() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    assert set(rules) == {
        *("NodeDown", "MemoryShort", "ClockSkew", "DiskFilling", "DiskFull", "DiskDead"),
    }
    for rule in rules.values():
        said = rule["annotations"]
        assert "$labels.node" in said["summary"]
        assert "./skp.py " in said["remedy"]
    assert rules["NodeDown"]["for"] == "20s"


def test_alerts_name_commands_that_there_are() -> None:
    from tasks import ns

    words = RULES.read_text().split()
    named = {after for word, after in itertools.pairwise(words) if word == "./skp.py"}
    assert {each.rstrip(".") for each in named} <= set(ns.task_names)
