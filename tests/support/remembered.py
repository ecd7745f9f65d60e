"""A cluster that remembers every option that a `-run` may be given, and what commands ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import done

GIVEN = {
    "api": {"API_NAME": "counter", "API_PORT": "8990"},
    "airflow": {
        "AIRFLOW_NAME": "flow",
        "AIRFLOW_PORT": "8140",
        "AIRFLOW_VOLUME": "/home/skp/skp/volume/flow",
    },
    "flask": {
        "FLASK_NAME": "people",
        "FLASK_PORT": "8160",
        "FLASK_VOLUME": "/home/skp/skp/volume/people",
    },
    "gate": {"GATE_NAME": "wicket"},
    "gateway": {"GATEWAY_NAME": "front"},
    "git": {"GIT_NAME": "repositories", "GIT_PORT": "2322"},
    "jupyter": {
        "JUPYTER_NAME": "note",
        "JUPYTER_PORT": "8111",
        "JUPYTER_VOLUME": "/home/skp/skp/volume/note",
    },
    "kafka": {"KAFKA_NAME": "broker", "KAFKA_PORT": "9192", "KAFKA_VOLUME": "/data/broker"},
    "metrics": {"METRICS_NAME": "gauge"},
    "mysql": {"MYSQL_NAME": "db", "MYSQL_PORT": "3406", "MYSQL_VOLUME": "/data/db"},
    "nginx": {
        "NGINX_NAME": "page",
        "NGINX_PORT": "8170",
        "NGINX_VOLUME": "/home/skp/skp/volume/page",
    },
    "portainer": {
        "PORTAINER_NAME": "harbour",
        "PORTAINER_PORT": "8150",
        "PORTAINER_VOLUME": "/data/harbour",
    },
    "prometheus": {
        "PROMETHEUS_NAME": "watch",
        "PROMETHEUS_PORT": "8190",
        "PROMETHEUS_VOLUME": "/data/watch",
    },
    "registry": {"REGISTRY_NAME": "shelf", "REGISTRY_VOLUME": "/data/shelf"},
    "spark": {"SPARK_VOLUME": "/home/skp/skp/volume/spark"},
    "volumes": {"VOLUMES_NAME": "vol"},
    "zookeeper": {"ZOOKEEPER_NAME": "keeper", "ZOOKEEPER_VOLUME": "/data/keeper"},
}
HOSTS: dict[str, Any] = {
    "c01": {
        "ipv4": "10.1.0.1",
        "labels": [
            {label: "enable"}
            for label in (
                *("jupyter", "mysql", "portainer", "spark-master", "zookeeper", "kafka"),
                "monitoring",
            )
        ],
        "groups": ["master", "manager"],
    },
    "c02": {
        "ipv4": "10.1.0.2",
        "labels": [{label: "enable"} for label in ("jupyter", "kafka", "spark-worker")],
        "groups": ["worker"],
    },
    "c03": {"ipv4": "10.1.0.3", "labels": [{"kafka": "enable"}], "groups": ["worker"]},
}
SETTINGS = {
    "PORTAINER_IMAGE": "portainer/portainer-ce",
    "S3_ACCOUNT": "bucket",
    "S3_ACCESS_ID": "id",
    "S3_ACCESS_KEY": "key",
    "S3_ACCEPTED": "id:key",
}
MOUNTED = done(0, json.dumps({"state": "mounted", "alive": True}))
UNMOUNTED = done(1, json.dumps({"state": "unmounted by hand"}))


def made(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    """Return the cluster before anything runs there."""
    return FakeCluster(folder, patch, HOSTS, **SETTINGS)


@dataclass(frozen=True)
class Row:
    """A command, and what it has to ask nodes for, each somewhere on the wire.

    Attributes:
        execs: how commands in containers end, by a part of them.
        drained: nodes that are drained first.
        code: its exit code.
    """

    words: str
    asks: tuple[str, ...]
    execs: tuple[tuple[str, Any], ...] = ()
    drained: tuple[str, ...] = ()
    code: int = 0


NONE_THERE = (("--skip-column-names", done()),)
BOTH_THERE = (("--skip-column-names", done(0, "database\nuser")),)
ROWS = (
    Row(
        "volume.status",
        ("c01: .*docker exec vol-s3-c01 volume-skp status", "c02: .*docker exec vol-s3-c02 "),
        (("volume-skp status", MOUNTED),),
    ),
    Row(
        "volume.check",
        ("docker exec vol-s3-c01 volume-skp check", "docker exec vol-s3-c02 volume-skp check"),
        (("volume-skp check", done(0, json.dumps({"ok": True}))),),
    ),
    Row(
        "volume.umount",
        ("docker exec vol-s3-c01 volume-skp umount", "docker exec vol-s3-c02 volume-skp umount"),
        (("volume-skp status", MOUNTED),),
    ),
    Row(
        "volume.mount",
        ("docker exec vol-s3-c01 volume-skp mount", "docker exec vol-s3-c02 volume-skp mount"),
        (("volume-skp status", UNMOUNTED),),
    ),
    *(
        Row(
            words,
            (f"c01: .*docker exec -i people flask-skp account {verb}( <|$)",),
            (("flask-skp account", done(0, answer)),),
        )
        for words, verb, answer in (
            ("account.list", "list", "[]"),
            ("account.add kim", "add", "{}"),
            ("account.rm kim --yes", "rm", "{}"),
            ("account.password kim", "password", "{}"),
            ("account.token kim -p secret", "token", '{"access_token": "token"}'),
            ("account.disable kim", "disable", "{}"),
            ("account.enable kim", "enable", "{}"),
            ("account.level kim -l admin", "level", "{}"),
            ("account.keys kim", "list", '[{"name": "kim", "ssh_keys": []}]'),
            ("account.key-add kim -f /dev/null", "key-add", "{}"),
            ("account.key-rm kim -f 00ff", "key-rm", "{}"),
            ("account.token-add kim -l ci -d 30", "token-add", '{"token": "skp_x"}'),
            ("account.tokens kim", "tokens", "[]"),
            ("account.token-rm kim -l ci", "token-rm", "{}"),
            ("account.rotate", "rotate", "{}"),
            ("project.list", "project-list", "[]"),
            ("project.add vision -o kim", "project-add", "{}"),
            ("project.rm vision --yes", "project-rm", "{}"),
            ("project.member-set vision -a kim", "project-set", "{}"),
            ("project.member-rm vision -a kim", "project-leave", "{}"),
        )
    ),
    Row("gateway.ca", ()),
    Row("gateway.cert-rm", ()),
    Row("gateway.cert -c /dev/null -k /dev/null", (), code=2),
    Row("docker.kafka-drain -h c02", ("c02: .*docker exec broker-2 kafka-drain",)),
    Row(
        "docker.mysql-airflow-init",
        ("docker exec db mysql", "docker exec db sh /run/skp/airflow-init$"),
        NONE_THERE,
    ),
    Row(
        "docker.mysql-airflow-init --reset --yes",
        (
            "test -e /home/skp/skp/platform/airflow/store",
            "cd -P /home/skp/skp/platform .* mv -fT store.new store",
            "docker exec db sh /run/skp/airflow-init --reset",
        ),
        BOTH_THERE,
    ),
    Row(
        "docker.airflow-db-init",
        (
            r"c01: POST /containers/create\?name=flow-init\.new .*SKP_STORE=db:3306/airflow",
            r'name=flow-init\.new .*"Source": "/home/skp/skp/volume/flow"',
        ),
    ),
    Row(
        "docker.airflow-web-passwd-init",
        ("docker exec flow /opt/skp/bin/airflow-skp web-password",),
    ),
    Row("docker.portainer-run", (r"/dev/tcp/127\.0\.0\.1/8051 ",)),
    Row(
        "docker.undrain -h c03",
        (r"c03: POST /containers/create\?name=broker-3\.new",),
        (),
        ("c03",),
    ),
    Row("docker.restart -n broker", ("c01: POST /containers/.*/restart", "c03: .*/restart")),
)


CLIENT = "env DOCKER_HOST=unix:///var/run/docker.sock docker"
SHELLS = {
    "docker.api-shell": f"{CLIENT} exec -i counter bash",
    "docker.airflow-shell": f"{CLIENT} exec -i flow bash",
    "docker.flask-shell": f"{CLIENT} exec -i people bash",
    "docker.flask-shell -h c01 -n people": f"{CLIENT} exec -i people bash",
    "docker.jupyter-shell": f"{CLIENT} exec -i note bash",
    "docker.jupyter-shell -h c02": f"{CLIENT} exec -i note-c02 bash",
    "docker.jupyter-shell -c pwd": f"{CLIENT} exec -i note bash -c pwd",
    "docker.kafka-shell -h c03": f"{CLIENT} exec -i broker-3 bash",
    "docker.mysql-shell": f"{CLIENT} exec -i db bash",
    "docker.gate-shell": f"{CLIENT} exec -i wicket bash",
    "docker.gateway-shell": f"{CLIENT} exec -i front bash",
    "docker.git-shell": f"{CLIENT} exec -i repositories bash",
    "docker.nginx-shell": f"{CLIENT} exec -i page bash",
    "docker.mysql-client": f"{CLIENT} exec -i db mysql",
    "docker.prometheus-shell": f"{CLIENT} exec -i watch bash",
    "docker.spark-shell": f"{CLIENT} exec -i spark-skp-",
    "docker.zookeeper-shell": f"{CLIENT} exec -i keeper-1 bash",
    "docker.exec-shell -h c01 -n note": f"{CLIENT} exec -i note bash",
}


# Commands that read no setting that `-run` may override; each with what it does read.
OTHERS = {
    r"config\.import": "files of this machine, which it translates",
    r"(cron|lab|lang|iptable|nfs)\..*": "this machine, or what machines have before they are nodes",
    r"host\.(copy|firewall|install)": "what machines have before they are nodes",
    r"ssh\..*": "hosts.json and what is typed",
    r"(sshfs|s3fs|blobfs)\..*": "where credentials are: $SKP_HOME, and the server's own settings",
    r"docker\.swarm-.*|docker\.node-rm|docker\.drain": "the Swarm; what goes is found by labels",
    r"docker\.image-.*": "images: names and tags, the registry's address",
    r"(deploy|image)\..*": "what teams bring: none of it is a service of the platform",
    r"docker\.(ps|top|audit|history)": "what is there",
    r"secrets\..*": "the managers' secrets; what uses them is found as by docker.apply",
}
