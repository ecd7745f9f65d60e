"""config.import: files of earlier versions become today's, and what can't is named."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services
from cli.declaration import check_declared
from cli.options import Options
from cli.program import program
from cli.session import Session
from cluster.config import env_file, inventory
from cluster.config.earlier import script
from tasks import ns

SCRIPT = """#!/bin/bash

export SKP_USER="ada"
export SKP_HOME="/srv/pier"
export SKP_MNT="$SKP_HOME/mnt"
export SKP_HOSTS="$SKP_HOME/etc/hosts.json"
export SKP_SERVICES="$SKP_HOME/etc/services.json"
export SKP_SHOME="/root/skp"
export SKP_SMNT="/root/mnt"

#echo $@
invoke -e -r $SKP_HOME/src/tasks "$@"
"""
HOSTS = {
    "n1": {
        "ipv4": "10.1.0.1",
        "labels": {
            "registry": "enable", "jupyter": "enable", "pgsql": "enable", "mysql": "enable",
            "portainer-agent": "enable", "spark-master": "enable", "kafka": "disable",
        },
        "roles": ["master", "manager"],
    },
    "n2": {
        "ipv4": "10.1.0.2",
        "labels": {"spark-worker": "enable"},
        "roles": ["slave", "worker", "spare"],
    },
}  # fmt: skip
NOTEBOOK = {
    "label": "jupyter",
    "networks": ["net-pier"],
    "ports": ["9010:8888", "9020:8088", "7000:7000"],
    "environments": ["SKP_SHOME=$SKP_SHOME", "JUPYTER_PASSWORD=hunter2", "OWN=hunter3"],
    "volumes": [
        "/var/run/docker.sock:/var/run/docker.sock", "volume-skp:$SKP_SHOME",
        "volume-s3:$SKP_SMNT/volume-s3", "volume-own:$SKP_SMNT/volume-own",
    ],
    "cmd": "$SKP_SHOME/volume/bin/run_jupyter.sh",
    "image": "localhost:5000/skp/docker-ds:v3",
    "docker": "nvidia-docker",
}  # fmt: skip
SERVICES = {
    "notes": NOTEBOOK,
    "store": {
        "label": "mysql",
        "ports": ["3307:3306"],
        "environments": ["MYSQL_ROOT_HOST=%", "MYSQL_ROOT_PASSWORD=mysql-pw"],
        "volumes": ["volume-mysql:/var/lib/mysql"],
        "image": "mysql/mysql-server:latest",
    },
    "pg": {"label": "pgsql", "image": "postgres:latest"},
    "agents": {"label": "portainer-agent", "image": "portainer/agent"},
}
VOLUMES = {
    "volume-skp": {"type": "nfs", "opts": ["--driver local"], "path": "$SKP_HOME"},
    "volume-dfs": {"type": "fs", "path": "$SKP_MNT/dfs"},
    "volume-s3": {
        "type": "s3fs", "path": "$SKP_MNT/s3", "opts": ["--driver local"],
        "bucket": "pier-data", "account_id": "AKIAX", "account_key": "hunter4",
    },
    "volume-ssh": {
        "type": "sshfs", "opts": ["-o sshcmd=ada@files.example:/data"],
        "conn": "ada@files.example",
    },
    "volume-blob": {
        "type": "blobfs", "account_name": "YOUR_ACCOUNT_NAME", "account_key": "YOUR_ACCOUNT_KEY",
        "container_name": "YOUR_CONTAINER_NAME",
    },
    "volume-mysql": {"type": "fs", "labels": ["mysql"], "path": "$SKP_MNT/mysql"},
    "volume-unused": {"type": "fs", "path": "$SKP_MNT/unused"},
    "volume-gluster": {"type": "gluster"},
}  # fmt: skip
NETWORKS = {"net-pier": {"opts": ["--attachable --driver overlay --subnet 10.7.0.0/16 --ipv6"]}}
IMAGES = {
    "skp/docker-ds": {
        "opts": ["--build-arg gpu=TRUE"], "registry": "localhost:5000",
        "path": "skp/docker-ds", "image": "skp/docker-ds", "tag": "v3",
    }
}  # fmt: skip


class Pier:
    """A folder of files of December 2018, and where today's go."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.env, self.hosts = folder, folder / "new.sh", folder / "new.json"

    def store(self, **files: object) -> list[str]:
        """Write files by their kind; return their paths."""
        paths = []
        for name, value in files.items():
            path = self.folder / ("skp.sh" if name == "skp" else f"{name}.json")
            path.write_text(value if isinstance(value, str) else json.dumps(value, indent=1))
            paths.append(str(path))
        return paths

    def every(self) -> list[str]:
        """Write all files."""
        return self.store(
            skp=SCRIPT, hosts=HOSTS, services=SERVICES, volumes=VOLUMES, networks=NETWORKS,
            images=IMAGES,
        )  # fmt: skip


@pytest.fixture
def pier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pier:
    found = Pier(tmp_path)
    monkeypatch.setenv("SKP_ENV", str(found.env))
    monkeypatch.setenv("SKP_HOSTS", str(found.hosts))
    return found


def typed(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        program(ns).run(["skp.py", "config.import", *words])
    return int(caught.value.code or 0)


def run(*words: str) -> int:
    """Run the command; an exit code of 0 is no exit."""
    try:
        program(ns).run(["skp.py", "config.import", *words], exit=False)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_all_files_become_two_that_are_read_and_fit_together(pier: Pier) -> None:
    assert run("-q", *pier.every()) == 0
    found = Session(Options())
    check_declared(found.declared.alone())
    hosts = found.inventory
    assert [(host.name, host.ipv4, sorted(host.groups)) for host in hosts.hosts] == [
        ("n1", "10.1.0.1", ["manager", "master"]),
        ("n2", "10.1.0.2", ["worker"]),
    ]
    assert hosts.host("n1").labels == (
        ("registry", "enable"), ("jupyter", "enable"), ("pgsql", "enable"), ("mysql", "enable"),
        ("spark-master", "enable"), ("kafka", "disable"),
    )  # fmt: skip
    wanted = {
        "SKP_USER": "ada", "SKP_HOME": "/srv/pier", "SKP_DFS": "/srv/pier/mnt/dfs",
        "SKP_NET": "net-pier", "SKP_NET_SUBNET": "10.7.0.0/16",
        "JUPYTER_NAME": "notes", "JUPYTER_PORT": "9010", "JUPYTER_RESTAPIPORT": "9020",
        "JUPYTER_GPU": "True", "JUPYTER_GPU_IMAGE": "skp/docker-ds", "JUPYTER_GPU_TAG": "v3",
        "JUPYTER_VOLUME": "/srv/pier/volume", "MYSQL_NAME": "store", "MYSQL_PORT": "3307",
        "MYSQL_IMAGE": "skp/docker-mysql", "S3_ACCOUNT": "pier-data",
        "SSHFS_ID": "ada", "SSHFS_HOST": "files.example", "SSHFS_VOLUME": "/data",
        "BLOB_ACCOUNT_NAME": "",
    }  # fmt: skip
    assert {key: found.settings.text(key) for key in wanted} == wanted
    assert found.settings.password("JUPYTER_PASSWORD") == "hunter2"
    assert found.settings.password("S3_ACCESS_KEY") == "hunter4"
    assert found.settings.password("MYSQL_ROOT_PASSWORD") == ""  # the published template's
    assert found.settings.warnings == ()


LEFT = {
    "skp.sh:6: SKP_HOSTS": "below etc/",
    "hosts.json:9: n1.labels.portainer-agent": "comes by itself",
    "hosts.json:7: n1.labels.pgsql": "no service",
    "hosts.json:26: n2.roles.2": "'spare'",
    "services.json:10: notes.ports.2": "7000:7000",
    "services.json:15: notes.environments.2": "the variable OWN",
    "services.json:18: notes.volumes.0": "root on the node",
    "services.json:21: notes.volumes.3": "$SKP_HOME/volume",
    "services.json:34: store.environments.1": "MYSQL_ROOT_PASSWORD is generated anew",
    "services.json:37: store.volumes.0": "begins empty in $MYSQL_VOLUME",
    "services.json:39: store.image": "8.0.32",
    "services.json:41: pg": "the label pgsql",
    "services.json:45: agents": "comes by itself",
    "volumes.json:3: volume-skp.type": "nfs.mount-skp",
    "volumes.json:32: volume-blob.account_name": "BLOB_ACCOUNT_NAME",
    "volumes.json:43: volume-unused": "none of the services",
    "volumes.json:48: volume-gluster.type": "gluster",
    "networks.json:4: net-pier.opts.0": "--ipv6",
    "images.json:4: skp/docker-ds.opts.0": "--build-arg gpu=TRUE",
}


def test_what_could_not_be_translated_is_named_with_file_line_and_key(
    pier: Pier, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", "--dry", *pier.every()) == 0
    left = json.loads(capsys.readouterr().out)["left"]
    found = {each["place"].replace(f"{pier.folder}/", ""): each["why"] for each in left}
    for place, why in LEFT.items():
        assert why in found.get(place, f"nothing; there are {sorted(found)}"), place


def test_a_dry_run_shows_the_files_without_secrets_and_writes_none(
    pier: Pier, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dry", *pier.every()) == 0
    said = "".join(capsys.readouterr())
    assert f"{pier.env} would be made:" in said
    assert '{"jupyter": "enable"}' in said
    assert 'export JUPYTER_PASSWORD="(not shown)"' in said
    assert "hunter" not in said
    assert not pier.env.exists() and not pier.hosts.exists()


def test_what_is_there_is_written_over_by_those_alone_who_say_so(pier: Pier) -> None:
    pier.env.write_text("# mine\n")
    paths = pier.every()
    assert typed(*paths) == 2  # nobody is there who could be asked
    assert pier.env.read_text() == "# mine\n"
    assert not pier.hosts.exists()
    assert run("--yes", *paths) == 0
    assert "JUPYTER_PORT" in pier.env.read_text()
    assert run(*paths) == 0  # the same again changes nothing, and asks nothing


def test_the_settings_are_for_their_owner_alone(pier: Pier) -> None:
    before = os.umask(0)
    try:
        run("-q", *pier.every())
    finally:
        os.umask(before)
    assert stat.S_IMODE(pier.env.stat().st_mode) == 0o600
    assert stat.S_IMODE(pier.hosts.stat().st_mode) == 0o644


def test_hosts_alone_touch_no_settings(pier: Pier) -> None:
    assert run("-q", *pier.store(hosts=HOSTS)) == 0
    assert inventory.read(pier.hosts, services.labels()).names == ("n1", "n2")
    assert not pier.env.exists()


def test_an_earlier_env_sh_gets_todays_names(pier: Pier) -> None:
    old = (
        'export SWARM_NET="swarm-pier"\nexport KAFKA_PORT="9092"\n'
        'export KAFKA_ADVERTISED_PORT="9095"\nexport PORTAINER_PW="hunter2$"\n'
        "export JUPYTER_VOLUME=$SWARM_NET/x # not a path\n"
        'export REGISTRY_PORT="5001"\nexport KAFKA_LOG_RETENTION_HOURS="24"\n'
    )
    assert run("-q", *pier.store(skp=old)) == 0
    found = env_file.evaluate(pier.env, pier.folder).exported
    assert found == {
        "SKP_NET": "swarm-pier",
        "KAFKA_PORT": "9095",
        "PORTAINER_PASSWORD": "hunter2$",
        "KAFKA_LOG_RETENTION_HOURS": "24",
    }


def test_a_script_is_read_and_never_run(pier: Pier) -> None:
    trace = pier.folder / "trace"
    text = f'export SKP_USER="$(touch {trace})"\nexport SKP_NET="n`touch {trace}`"\ntouch {trace}\n'
    run("-q", *pier.store(skp=text))
    assert not trace.exists()
    assert not pier.env.exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.json", '{"a": {"b": 1}}', "x.json:1: none of the files of earlier versions"),
        ("x.json", "[1]", "x.json:1: none of the files of earlier versions"),
        ("x.json", '{"a": ', "x.json:1: not JSON"),
        (
            "hosts.json",
            '{"a": {"ipv4": "10.0.0.300", "roles": ["master"]}}',
            "hosts.json:1: a.ipv4",
        ),
        ("x.yaml", "a:\n  ipv4: 10.0.0.1\n  roles: [slave]\n", "x.yaml:3: a.roles: [] found"),
    ],
)
def test_what_is_no_such_file_is_refused(
    pier: Pier, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    path = pier.folder / name
    path.write_text(text)
    assert typed(str(path)) == 2
    assert said in capsys.readouterr().err
    assert not pier.hosts.exists()


def test_without_files_it_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed() == 2
    assert "./skp.py config.import --dry" in capsys.readouterr().err


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=30))
def test_every_value_reaches_bash_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    path = tmp_path_factory.mktemp("env") / "env.sh"
    path.write_text(script.rendered({"OWN": (value, "a\nexport X=1: OWN")}, "b"), encoding="utf-8")
    assert env_file.evaluate(path, path.parent).exported == {"OWN": value}
