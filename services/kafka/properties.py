"""The properties of a broker as environment variables, by the convention of the public images."""

from __future__ import annotations

from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.errors import ConfigError, nearest
from cluster.model.cluster import Cluster
from cluster.model.spec import SecretFile

Pairs = tuple[tuple[str, str], ...]
INTERNAL, CONTROLLER, EXTERNAL = 9092, 9093, 9094  # inside the container
# Variables for Java, which are no properties of a broker. Among the options there may be passwords.
_OPTIONS, _SIZES = "KAFKA_OPTS", ("KAFKA_HEAP_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS")
_JAVA = (_OPTIONS, *_SIZES)
_OPTIONS_FILE = "java-options"
# Properties that SKP itself sets for each broker.
_OURS = frozenset(
    f"KAFKA_{name}"
    for name in (
        "BROKER_ID", "NODE_ID", "PROCESS_ROLES", "LOG_DIR", "LOG_DIRS", "LISTENERS",
        "ADVERTISED_LISTENERS", "ZOOKEEPER_CONNECT", "CONTROLLER_QUORUM_VOTERS",
    )
)  # fmt: skip


def common(cluster: Cluster, count: int) -> Pairs:
    """Return the variables that all of `count` brokers share: of three or more, one may fail."""
    copies, least = min(3, count), 2 if count >= 3 else 1
    heap = cluster.settings.text("KAFKA_HEAP")
    given = cluster.settings.others("KAFKA_")
    pairs = {
        "KAFKA_HEAP_OPTS": f"-Xms{heap} -Xmx{heap}",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INTERNAL",
        "KAFKA_DEFAULT_REPLICATION_FACTOR": copies,
        "KAFKA_MIN_INSYNC_REPLICAS": least,
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": copies,
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": copies,
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": least,
        "SKP_BOOTSTRAP": f"{cluster.settings.text('KAFKA_NAME')}:{INTERNAL}",
        **{key: value for key, value in given.items() if key in _SIZES},
    }
    if _OPTIONS in given:
        # Every java of the container reads its options from that file (java(1)), so that neither
        # the environment nor a command line has them.
        pairs["JDK_JAVA_OPTIONS"] = f"@/run/skp/{_OPTIONS_FILE}"
    return tuple((key, str(value)) for key, value in pairs.items())


def with_zookeeper(zookeeper: str, number: int) -> Pairs:
    """Return the variables of broker `number` with ZooKeeper; `zookeeper` is host:port,..."""
    listeners = f"INTERNAL://0.0.0.0:{INTERNAL},EXTERNAL://0.0.0.0:{EXTERNAL}"
    return (
        ("KAFKA_BROKER_ID", str(number)),
        ("KAFKA_ZOOKEEPER_CONNECT", zookeeper),
        ("KAFKA_LISTENERS", listeners),
        ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT"),
    )


def with_kraft(cluster_id: str, voters: str, number: int) -> Pairs:
    """Return the variables of broker `number` with KRaft.

    Args:
        voters: the controllers, as number@host:port,...; broker `number` may be one of them.
    """
    controls = str(number) in [voter.partition("@")[0] for voter in voters.split(",")]
    listeners = f"INTERNAL://0.0.0.0:{INTERNAL},EXTERNAL://0.0.0.0:{EXTERNAL}"
    if controls:
        listeners += f",CONTROLLER://0.0.0.0:{CONTROLLER}"
    return (
        ("KAFKA_NODE_ID", str(number)),
        ("KAFKA_PROCESS_ROLES", "broker,controller" if controls else "broker"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", voters),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_LISTENERS", listeners),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ),
        ("SKP_CLUSTER_ID", cluster_id),
    )


def files(cluster: Cluster) -> tuple[SecretFile, ...]:
    """Return the user's own KAFKA_* variables as files, since they may be secrets."""
    return (*_properties(cluster), *_java_options(cluster))


def _java_options(cluster: Cluster) -> tuple[SecretFile, ...]:
    """Return KAFKA_OPTS as java reads it from a file: a word on each line, in quotes."""
    words = cluster.settings.others("KAFKA_").get(_OPTIONS, "").split()
    quoted = [word.replace("\\", "\\\\").replace('"', '\\"') for word in words]
    text = "".join(f'"{word}"\n' for word in quoted)
    given = _OPTIONS in cluster.settings.others("KAFKA_")
    return (SecretFile(_OPTIONS_FILE, Secret(text)),) if given else ()


def _properties(cluster: Cluster) -> tuple[SecretFile, ...]:
    given = cluster.settings.others("KAFKA_")
    lines = [
        f"{_property(key)}={value.replace(chr(92), chr(92) * 2)}\n"
        for key, value in sorted(given.items())
        if key not in _JAVA
    ]
    return (SecretFile("properties", Secret("".join(lines))),) if lines else ()


def check_own(cluster: Cluster) -> None:
    """Refuse variables for what differs from broker to broker.

    Raises:
        ConfigError: there is one.
    """
    for key in sorted(_OURS & set(cluster.settings.others("KAFKA_"))):
        raise ConfigError(
            f"{cluster.settings.path}: {key} is SKP's to set, for each broker",
            "Take it out; there are KAFKA_PORT, KAFKA_PUBLIC_ADDRESS and KAFKA_VOLUME.",
        )


def _property(key: str) -> str:
    """Return a variable's name as a property's: _ is a dot, __ a _, ___ a dash."""
    name = key.removeprefix("KAFKA_").replace("___", "-").replace("__", "\0")
    return name.replace("_", ".").replace("\0", "_").lower()


def addresses(cluster: Cluster, hosts: tuple[Host, ...]) -> dict[str, str]:
    """Return the address by which clients outside reach each broker, by node.

    Raises:
        ConfigError: KAFKA_PUBLIC_ADDRESS is not of its form.
    """
    given = cluster.settings.text("KAFKA_PUBLIC_ADDRESS")
    addresses = {host.name: host.ipv4 for host in hosts}
    if given and "=" not in given and len(hosts) == 1:
        return {hosts[0].name: given}
    for entry in filter(None, given.split(",")):
        node, _, address = entry.strip().partition("=")
        if node not in addresses or not address or set(address) & set("/: "):
            place = cluster.settings.place("KAFKA_PUBLIC_ADDRESS")
            raise ConfigError(
                f"{place}: KAFKA_PUBLIC_ADDRESS: found {entry.strip()!r}"
                f"{nearest(node, addresses)}; allowed: NODE=ADDRESS,... with an address or name "
                "for each broker, since clients talk to each of them",
                f"Nodes with the label kafka: {', '.join(addresses)}",
            )
        addresses[node] = address
    return addresses
