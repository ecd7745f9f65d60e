"""The configuration of each part of a Spark cluster: properties in a file, as one is a secret.

Facts of Spark: its documentation, "Configuration", "Security", "Spark Standalone Mode".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.layout import Folder, Layout
from cluster.model.spec import SECRETS_TARGET, ConfigFile, Mount, SecretFile
from services.common import leaves, memory
from services.doors import origins

MASTER, WORKER = "spark-master", "spark-worker"  # labels
UI, HISTORY = 8080, 18080  # ports inside the containers
_BEHIND = 18081  # of the history server itself, behind what adds the logs (bin/spark-history)
_SHARED = "/var/spark"
_RECOVERY = "/var/lib/spark"  # the master's
_SHARE = (3, 4)  # of a worker's memory for executors' heaps; Python and buffers need the rest
_SPILL = "/var/spill"
_LOST = 30  # seconds without a sign of life until a worker counts as lost


@dataclass(frozen=True)
class SparkConfig:
    """What makes a container a part of the Spark cluster."""

    files: tuple[SecretFile | ConfigFile, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()


def client(cluster: Cluster, name: str) -> SparkConfig:
    """Return what the container `name` needs to run drivers; nothing without a master.

    A SparkSession in that container uses the cluster, unless it sets another master itself.
    """
    if not cluster.inventory.labelled(MASTER):
        return SparkConfig()
    text = cluster.settings.text
    driver = spark_config(
        cluster,
        {
            "spark.master": text("SPARK_URL"),
            "spark.driver.host": name,
            "spark.driver.bindAddress": "0.0.0.0",  # noqa: S104 - the container's own
            "spark.cores.max": text("SPARK_CORES_MAX"),
            "spark.executor.memory": text("SPARK_EXECUTOR_MEMORY").lower(),
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": f"file:{_SHARED}/events",
            "spark.driver.log.persistToDfs.enabled": "true",
            "spark.driver.log.dfsDir": f"file:{_SHARED}/drivers",
            # By version 1 the driver lists what executors have written and moves it: on a data
            # volume that is not seen everywhere at once (Blob), it leaves rows out, silently.
            "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        },
    )
    return spilling(cluster, name, driver)


def spilling(cluster: Cluster, name: str, config: SparkConfig) -> SparkConfig:
    """Return `config` with what the container `name` needs to spill where SPARK_SPILL says.

    Without that setting it spills into /tmp, which is on the disk of its node's engine.
    """
    if not (folder := cluster.settings.text("SPARK_SPILL")):
        return config
    return replace(
        config,
        environment=(*config.environment, ("SPARK_LOCAL_DIRS", _SPILL)),
        mounts=(*config.mounts, Mount(f"{folder}/{name}", _SPILL, create=True)),
    )


def _history_url(cluster: Cluster, host: Host) -> str:
    """Return where the master's page links to; at the front door where that alone leads there."""
    found = origins(cluster) if cluster.settings.flag("SKP_DOOR_ONLY") else {}
    if "history" in found:
        return found["history"].url
    return f"http://{host.ipv4}:{cluster.settings.text('SPARK_HPORT')}"


def master(cluster: Cluster) -> SparkConfig:
    """Return the master's configuration. Its page has no login, so nothing can be ended there."""
    (host,) = cluster.inventory.labelled(MASTER)
    found = spark_config(
        cluster,
        {
            "spark.master.rest.enabled": "false",
            "spark.master.ui.decommission.allow.mode": "DENY",
            "spark.master.ui.historyServerUrl": _history_url(cluster, host),
            "spark.worker.timeout": str(_LOST),
            "spark.deploy.recoveryMode": "FILESYSTEM",
            "spark.deploy.recoveryDirectory": (
                f"{_SHARED}/recovery" if cluster.layout is Layout.ONE_TREE else _RECOVERY
            ),
        },
    )
    if cluster.layout is Layout.ONE_TREE:
        return found
    return replace(
        found,
        environment=(*found.environment, ("SPARK_RECOVERY", _RECOVERY)),
        mounts=(*found.mounts, Mount(remembered(cluster), _RECOVERY)),
    )


def worker(cluster: Cluster, name: str) -> SparkConfig:
    """Return a worker's configuration: with limits, it offers what they leave to executors.

    Args:
        name: its container's.
    """
    found = spark_config(
        cluster,
        {
            "spark.worker.timeout": str(_LOST),
            "spark.worker.cleanup.enabled": "true",
            "spark.worker.cleanup.appDataTtl": str(_kept_seconds(cluster)),
        },
    )
    gives: dict[str, str] = {}
    if limit := memory(cluster, "SPARK_MEMORY"):
        gives["SPARK_WORKER_MEMORY"] = f"{_given(limit) >> 20}m"
    if cores := cluster.settings.text("SPARK_CPUS"):
        gives["SPARK_WORKER_CORES"] = str(max(1, int(float(cores))))
    return spilling(cluster, name, replace(found, environment=(*found.environment, *gives.items())))


def history(cluster: Cluster) -> SparkConfig:
    """Return the history server's configuration."""
    return spark_config(
        cluster,
        {
            "spark.history.fs.logDirectory": f"file:{_SHARED}/events",
            "spark.history.fs.cleaner.enabled": "true",
            "spark.history.fs.cleaner.maxAge": f"{_kept_seconds(cluster)}s",
            "spark.history.fs.driverlog.cleaner.enabled": "true",
            "spark.driver.log.dfsDir": f"file:{_SHARED}/drivers",
            "spark.history.ui.port": str(_BEHIND),
        },
    )


def spark_config(cluster: Cluster, properties: Mapping[str, str]) -> SparkConfig:
    """Return the configuration that all parts share, with `properties` added."""
    secret = cluster.secrets["SPARK_SECRET"].reveal()
    every = {
        "spark.authenticate": "true",
        "spark.authenticate.secret": secret.replace("\\", "\\\\"),
        **_secrecy(cluster),
        "spark.ui.reverseProxy": "true",
        # Through the master's page anybody reaches a driver's.
        "spark.ui.killEnabled": "false",
        **properties,
    }
    lines = "".join(f"{key} {value}\n" for key, value in every.items())
    return SparkConfig(
        (
            SecretFile("spark-defaults.conf", Secret(lines)),
            ConfigFile("spark-env.sh", f"mkdir -p {_SHARED}/events {_SHARED}/drivers\n"),
        ),
        (("SPARK_CONF_DIR", SECRETS_TARGET),),
        (shared(cluster),),
    )


def _secrecy(cluster: Cluster) -> dict[str, str]:
    """Return what has all parts encrypt what they say to each other, and what they spill.

    Names: Spark's documentation, "Security". Without the fallback's end, one side may ask for none.
    """
    if cluster.layout is Layout.ONE_TREE or not cluster.settings.flag("SPARK_ENCRYPTED"):
        return {}
    return {
        "spark.network.crypto.enabled": "true",
        "spark.network.crypto.authEngineVersion": "2",
        "spark.network.crypto.cipher": "AES/GCM/NoPadding",
        "spark.network.crypto.saslFallback": "false",
        "spark.io.encryption.enabled": "true",
    }


def shared(cluster: Cluster) -> Mount:
    """Return the folder of logs that all parts and all drivers share."""
    alone = cluster.layout is Layout.ONE_TREE
    return Mount(f"{cluster.settings.text('SPARK_VOLUME')}/var/spark", _SHARED, create=alone)


def log_folders(cluster: Cluster) -> tuple[Folder, ...]:
    """Return the folders of what drivers and workers log; none without a master."""
    if not cluster.inventory.labelled(MASTER):
        return ()
    return leaves(cluster, "SPARK_VOLUME", "spark", "events", "drivers", "work")


def remembered(cluster: Cluster) -> str:
    """Return the path of what the master remembers, which no user's code may write.

    Before there were two trees it was a part of the folder of logs.
    """
    return f"{cluster.platform}/spark/recovery"


def check(cluster: Cluster) -> None:
    """Refuse labels and settings that Spark can't work with.

    Raises:
        ConfigError: there are workers without a master, several masters, names that Spark can't
            use, or less memory than an executor needs.
    """
    masters = cluster.inventory.labelled(MASTER)
    if len(masters) != 1:
        found = ", ".join(host.name for host in masters) or "no node"
        raise ConfigError(
            f"{cluster.inventory.path}: {found} has the label {MASTER}; exactly one has to have it",
            f'Give {{"{MASTER}": "enable"}} to one node, or take {WORKER} from all.',
        )
    _check_names(cluster)
    _check_memory(cluster)


# Containers whose names Spark makes URLs of: its own, and those that drivers run in
# (spark.driver.host).
_IN_URLS = ("SPARK_MNAME", "SPARK_WNAME", "JUPYTER_NAME", "AIRFLOW_NAME")


def _check_names(cluster: Cluster) -> None:
    settings = cluster.settings
    for key in _IN_URLS:
        if "_" in (name := settings.text(key)):
            raise ConfigError(
                f"{settings.place(key)}: {key}: {name} can't be part of a URL, which Spark needs; "
                "allowed: letters, digits, '.', '-'"
            )
    host, _, port = settings.text("SPARK_URL").removeprefix("spark://").rpartition(":")
    if host != settings.text("SPARK_MNAME") or int(port) > 65535:
        raise ConfigError(
            f"{settings.place('SPARK_URL')}: SPARK_URL: {settings.text('SPARK_URL')} is not where "
            f"the master is; allowed: spark://{settings.text('SPARK_MNAME')}:PORT",
            'export SPARK_URL="spark://$SPARK_MNAME:7077"',
        )


def _check_memory(cluster: Cluster) -> None:
    settings = cluster.settings
    limit, heap = memory(cluster, "SPARK_MEMORY"), memory(cluster, "SPARK_EXECUTOR_MEMORY")
    if heap < 512 << 20:
        raise ConfigError(
            f"{settings.place('SPARK_EXECUTOR_MEMORY')}: SPARK_EXECUTOR_MEMORY: "
            f"{settings.text('SPARK_EXECUTOR_MEMORY') or 'nothing'} is too little for an executor "
            "to start; allowed: 512m or more"
        )
    if limit and _given(limit) < heap:
        least = heap * _SHARE[1] // _SHARE[0]
        raise ConfigError(
            f"{settings.place('SPARK_MEMORY')}: SPARK_MEMORY: {settings.text('SPARK_MEMORY')} is "
            f"too little for one executor of {settings.text('SPARK_EXECUTOR_MEMORY')} "
            f"(SPARK_EXECUTOR_MEMORY); allowed: {(least >> 20) + 1}m or more"
        )


def _given(limit: int) -> int:
    return limit * _SHARE[0] // _SHARE[1]


def _kept_seconds(cluster: Cluster) -> int:
    return cluster.settings.number("SPARK_KEEP_DAYS") * 86400
