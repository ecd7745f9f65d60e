"""What Prometheus and Alertmanager are told: whom to ask, and where alerts go. Pure.

prometheus.io/docs/prometheus/2.53/configuration/configuration and
prometheus.io/docs/alerting/0.28/configuration name the fields. JSON is YAML too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster.config.inventory import Host
from cluster.model.cluster import Cluster
from cluster.model.spec import LIVE, SECRETS_TARGET, ConfigFile

RULES = Path(__file__).with_name("alerts.yml")
"""The alerts, as Prometheus reads them; the labels `node` and `disk` come from here."""
TARGETS, WEBHOOK = "targets.json", "webhook-url"
"""Names of files: the targets, which may change while Prometheus runs; the webhook's URL."""
NODE_MOUNTS = "/node"
"""The folder in an exporter's container that has a folder for each disk to be measured."""
EXPORTER_PORT = 9100
"""The exporters' port, inside their containers."""
# A node that is down is told within a minute: of this, an answer that is waited for, the alert's
# own 20 s, and one more look.
_INTERVAL, _PATIENCE, _LOOK = "10s", "5s", "5s"


@dataclass(frozen=True)
class Target:
    """A server that Prometheus asks for its metrics.

    Attributes:
        job: what kind it is: "node", "prometheus" or "alertmanager".
        address: HOST:PORT on the network of what is monitored.
        node: the name of the node that it is on.
    """

    job: str
    address: str
    node: str


def exporter(cluster: Cluster, host: Host) -> str:
    """Return the name of a node's exporter, by which Prometheus reaches it."""
    return f"{cluster.settings.text('METRICS_NAME')}-{host.name}"


def targets(every: Iterable[Target]) -> ConfigFile:
    """Return the file of targets, which Prometheus reads anew whenever it changes."""
    groups = [
        {"targets": [each.address], "labels": {"job": each.job, "node": each.node}}
        for each in every
    ]
    return ConfigFile(TARGETS, _text(groups))


def prometheus(alertmanager: str) -> ConfigFile:
    """Return Prometheus's configuration; what it asks is in a file of its own.

    Args:
        alertmanager: HOST:PORT to which alerts are sent.
    """
    # Which disks there are is said by where the exporter's container has them: "/" is its own
    # root, which is the engine's.
    of_the_engine = {
        "source_labels": ["mountpoint"],
        "regex": "/",
        "target_label": "disk",
        "replacement": "engine",
    }
    others = of_the_engine | {"regex": f"{NODE_MOUNTS}/(.+)", "replacement": "$1"}
    found = {
        "global": {
            "scrape_interval": _INTERVAL,
            "scrape_timeout": _PATIENCE,
            "evaluation_interval": _LOOK,
        },
        "rule_files": [f"{SECRETS_TARGET}/{RULES.name}"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": "skp",
                "file_sd_configs": [
                    {"files": [f"{SECRETS_TARGET}/{LIVE}/{TARGETS}"], "refresh_interval": "30s"}
                ],
                "metric_relabel_configs": [of_the_engine, others],
            }
        ],
    }
    return ConfigFile("prometheus.yml", _text(found))


def alertmanager(*, sends: bool) -> ConfigFile:
    """Return Alertmanager's configuration.

    Args:
        sends: whether there is a webhook, whose URL is in a file of its own; else alerts are only
            shown.
    """
    hook = {"url_file": f"{SECRETS_TARGET}/{WEBHOOK}", "send_resolved": True}
    found = {
        "route": {
            "receiver": "webhook",
            "group_by": ["alertname", "node"],
            "group_wait": "2s",
            "group_interval": "1m",
            "repeat_interval": "4h",
        },
        "receivers": [{"name": "webhook"} | ({"webhook_configs": [hook]} if sends else {})],
    }
    return ConfigFile("alertmanager.yml", _text(found))


def rules() -> ConfigFile:
    """Return the alerts."""
    return ConfigFile(RULES.name, RULES.read_text(encoding="utf-8"))


def _text(found: object) -> str:
    return json.dumps(found, indent=1, sort_keys=True) + "\n"
