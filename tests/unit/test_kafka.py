"""Brokers and ZooKeeper's servers: numbers, modes, listeners, and data that is not theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services
from cluster.config import settings
from cluster.config.inventory import Host, Inventory
from cluster.config.secrets import SPEC_KEY, Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.decisions import Decisions
from cluster.model.item import Blocked, Difference
from cluster.model.order import needed
from cluster.model.ordinals import ordinals
from cluster.model.policy import Busy
from cluster.model.spec import Container, Image, SecretFile
from cluster.model.state import FoundContainer, FoundNode, Health, Membership, State, Swarm
from cluster.operations.container import ReplaceContainer
from cluster.operations.decisions import RememberOrdinals
from cluster.plan.containers import Rules, plan_containers
from cluster.plan.ordinals import plan_ordinals
from services.common import identity
from services.kafka.service import SERVICE as KAFKA
from services.zookeeper import SERVICE as ZOOKEEPER
from tests.support.described import NETWORKS

ALL = ("c01", "c02", "c03", "c04")
META = "/var/kafka/data/meta.properties"


def cluster(tmp_path: Path, kafka: int = 3, zookeeper: int = 0, **values: str) -> Cluster:
    """Return a cluster whose first nodes have the labels."""
    path = tmp_path / "env.sh"
    path.write_text("# \n" + "".join(f"export {key}='{value}'\n" for key, value in values.items()))
    labels = [
        (*((("kafka", "enable"),) * (i < kafka)), *((("zookeeper", "enable"),) * (i < zookeeper)))
        for i in range(len(ALL))
    ]
    hosts = tuple(
        Host(
            name,
            f"10.0.0.{i}",
            labels[i],
            frozenset({"master", "manager"} if i == 0 else {"manager"}),
        )
        for i, name in enumerate(ALL)
    )
    return Cluster(
        settings.read(path, services.declared_settings(), {}),
        Inventory(tmp_path / "hosts.json", hosts),
        {SPEC_KEY: Secret("key")},
    )


def seen(
    marker_files: Mapping[str, Mapping[str, str]] | None = None,
    known: Mapping[str, Mapping[str, str]] | None = None,
) -> State:
    read = marker_files or {}
    nodes = {
        name: FoundNode(
            name,
            name,
            "26",
            Membership("active"),
            {},
            marker_files=read.get(name, {}),
        )
        for name in ALL
    }
    swarm = Swarm("c01", "s", {}, Decisions(numbers=known or {}), NETWORKS, {}, ("c01",))
    return State(nodes, {}, swarm)


def meta(number: int, cluster_id: str, version: int = 1) -> dict[str, str]:
    key = "node.id" if version == 1 else "broker.id"
    return {META: f"#x\nversion={version}\n{key}={number}\ncluster.id={cluster_id}\n"}


def environment(container: Container) -> dict[str, str]:
    return dict(container.environment)


def test_a_node_keeps_its_number_when_others_come_and_go(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, kafka=4)
    known = {"kafka": {"c02": "2", "c03": "3", "gone": "7"}}
    assert ordinals(KAFKA, wanted, seen(known=known)) == {"c01": 8, "c02": 2, "c03": 3, "c04": 9}


def test_data_says_its_number_to_a_swarm_that_knows_none(tmp_path: Path) -> None:
    data = {"c01": meta(5, "x"), "c02": meta(5, "x")}
    found = ordinals(KAFKA, cluster(tmp_path), seen(data))
    assert found == {"c01": 5, "c02": 6, "c03": 7}


@given(st.dictionaries(st.sampled_from([*ALL, "gone"]), st.integers(1, 9), max_size=5))
def test_no_number_is_given_twice(
    tmp_path_factory: pytest.TempPathFactory, known: dict[str, int]
) -> None:
    unique = {name: number * 10 + i for i, (name, number) in enumerate(known.items())}
    state = seen(known={"kafka": {name: str(n) for name, n in unique.items()}})
    found = ordinals(KAFKA, cluster(tmp_path_factory.mktemp("x"), kafka=4), state)
    assert len(set(found.values())) == len(found)
    for name, number in found.items():
        assert number == unique.get(name, number)
        assert name in unique or number not in unique.values()


def test_new_numbers_are_remembered_and_known_ones_are_not_said_again(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    (step,) = plan_ordinals([KAFKA], wanted, seen(known={"kafka": {"c01": "1"}}))
    assert step == RememberOrdinals(
        "c01",
        "kafka",
        {"c02": "2", "c03": "3"},
        (Difference("c02", 2, None), Difference("c03", 3, None)),
    )
    every = {"kafka": {"c01": "1", "c02": "2", "c03": "3"}}
    assert list(plan_ordinals([KAFKA], wanted, seen(known=every))) == []


def test_inside_and_outside_have_a_listener_each(tmp_path: Path) -> None:
    second = list(KAFKA.containers(cluster(tmp_path), seen()))[1]
    assert second.name == "kafka-skp-2"
    assert second.aliases == ("kafka-skp",)
    told = environment(second)["KAFKA_ADVERTISED_LISTENERS"]
    assert told == "INTERNAL://kafka-skp-2:9092,EXTERNAL://10.0.0.1:9092"


def test_clients_outside_are_told_the_public_addresses(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, KAFKA_PUBLIC_ADDRESS="c02=kafka.example.com")
    told = [environment(c)["KAFKA_ADVERTISED_LISTENERS"] for c in KAFKA.containers(wanted, seen())]
    assert [text.split("//")[-1] for text in told] == [
        "10.0.0.0:9092", "kafka.example.com:9092", "10.0.0.2:9092",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["203.0.113.1", "c9=a", "c01=", "c01=http://a"])
def test_a_public_address_of_no_broker_is_refused(tmp_path: Path, value: str) -> None:
    wanted = cluster(tmp_path, KAFKA_PUBLIC_ADDRESS=value)
    with pytest.raises(ConfigError, match="allowed: NODE=ADDRESS"):
        list(KAFKA.containers(wanted, seen()))


def test_with_the_label_zookeeper_its_servers_are_named_and_kraft_is_not(tmp_path: Path) -> None:
    first = environment(next(iter(KAFKA.containers(cluster(tmp_path, zookeeper=1), seen()))))
    assert first["KAFKA_ZOOKEEPER_CONNECT"] == "zookeeper-skp-1:2181"
    assert first["KAFKA_BROKER_ID"] == "1"
    assert "KAFKA_CONTROLLER_QUORUM_VOTERS" not in first


def test_without_it_the_first_three_are_controllers_and_stay_so(tmp_path: Path) -> None:
    four = [environment(c) for c in KAFKA.containers(cluster(tmp_path, kafka=4), seen())]
    voters = "1@kafka-skp-1:9093,2@kafka-skp-2:9093,3@kafka-skp-3:9093"
    assert {e["KAFKA_CONTROLLER_QUORUM_VOTERS"] for e in four} == {voters}
    assert [e["KAFKA_PROCESS_ROLES"] for e in four] == ["broker,controller"] * 3 + ["broker"]
    one = {"c01": {"/var/kafka/voters": "1@kafka-skp-1:9093\n"}}
    grown = [environment(c) for c in KAFKA.containers(cluster(tmp_path, kafka=3), seen(one))]
    assert {e["KAFKA_CONTROLLER_QUORUM_VOTERS"] for e in grown} == {"1@kafka-skp-1:9093"}


def test_voters_that_are_more_than_voters_reach_no_properties(tmp_path: Path) -> None:
    """The file is on a node's disk, and what is in it goes to all brokers."""
    one = {"c01": {"/var/kafka/voters": "1@kafka-skp-1:9093\nssl.keystore.location=/x\n"}}
    kept = [environment(c) for c in KAFKA.containers(cluster(tmp_path, kafka=1), seen(one))]
    assert [e["KAFKA_CONTROLLER_QUORUM_VOTERS"] for e in kept] == ["1@kafka-skp-1:9093"]


def test_a_further_broker_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    three = list(KAFKA.containers(cluster(tmp_path, kafka=3), seen()))
    four = list(KAFKA.containers(cluster(tmp_path, kafka=4), seen()))
    assert four[:3] == three


@pytest.mark.parametrize(
    ("count", "copies", "least"), [(1, "1", "1"), (2, "2", "1"), (3, "3", "2")]
)
def test_defaults_are_safe_for_the_number_of_brokers(
    tmp_path: Path, count: int, copies: str, least: str
) -> None:
    first = environment(next(iter(KAFKA.containers(cluster(tmp_path, kafka=count), seen()))))
    assert first["KAFKA_DEFAULT_REPLICATION_FACTOR"] == copies
    assert first["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"] == copies
    assert first["KAFKA_MIN_INSYNC_REPLICAS"] == least


def test_ones_own_variables_become_properties_in_a_file_that_nobody_else_reads(
    tmp_path: Path,
) -> None:
    wanted = cluster(tmp_path, KAFKA_LOG_RETENTION_HOURS="24", KAFKA_SSL_KEY__X___Y="p\\w")
    first = next(iter(KAFKA.containers(wanted, seen())))
    (file,) = first.files
    assert isinstance(file, SecretFile)
    assert file.content.reveal() == "log.retention.hours=24\nssl.key_x-y=p\\\\w\n"
    assert not {"KAFKA_LOG_RETENTION_HOURS", "KAFKA_SSL_KEY__X___Y"} & set(environment(first))


def test_options_of_java_are_in_a_file_that_it_reads_itself(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, KAFKA_OPTS=r'-Dmy.password=a\b"c  -Dx=#y')
    first, *_ = KAFKA.containers(wanted, seen())
    assert first.files == (
        SecretFile("java-options", Secret('"-Dmy.password=a\\\\b\\"c"\n"-Dx=#y"\n')),
    )
    assert environment(first)["JDK_JAVA_OPTIONS"] == "@/run/skp/java-options"
    assert not [pair for pair in first.environment if "password" in str(pair)]


def test_sizes_of_java_stay_in_the_environment(tmp_path: Path) -> None:
    first, *_ = KAFKA.containers(cluster(tmp_path, KAFKA_HEAP_OPTS="-Xmx2g"), seen())
    assert environment(first)["KAFKA_HEAP_OPTS"] == "-Xmx2g"
    assert "JDK_JAVA_OPTIONS" not in environment(first)
    assert first.files == ()


def test_what_differs_from_broker_to_broker_can_not_be_set_for_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KAFKA_LOG_DIRS is SKP's to set"):
        list(KAFKA.containers(cluster(tmp_path, KAFKA_LOG_DIRS="/tmp"), seen()))


def test_data_of_another_broker_is_refused(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    ours = identity(wanted, "kafka")
    state = seen({"c01": meta(4, ours)}, {"kafka": {"c01": "1", "c02": "2", "c03": "3"}})
    first = next(iter(KAFKA.containers(wanted, state)))
    assert first.obstacle[0] == "/var/kafka has the data of broker 4, and this is broker 1"


def test_data_of_another_cluster_is_refused_where_it_is(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    ours = identity(wanted, "kafka")
    state = seen({"c01": meta(1, ours), "c02": meta(2, ours), "c03": meta(3, "other")})
    obstacles = [c.obstacle for c in KAFKA.containers(wanted, state)]
    assert obstacles[:2] == [(), ()]
    assert obstacles[2][0] == "/var/kafka has the data of another cluster (other)"


def test_data_that_all_agrees_outlives_the_clusters_key(tmp_path: Path) -> None:
    state = seen({name: meta(i, "old") for i, name in enumerate(ALL[:3], 1)})
    for container in KAFKA.containers(cluster(tmp_path), state):
        assert container.obstacle == ()
        assert environment(container)["SKP_CLUSTER_ID"] == "old"


@pytest.mark.parametrize(("version", "zookeeper"), [(0, 0), (1, 3)])
def test_data_of_the_other_mode_is_refused(tmp_path: Path, version: int, zookeeper: int) -> None:
    state = seen({name: meta(i, "x", version) for i, name in enumerate(ALL[:3], 1)})
    for container in KAFKA.containers(cluster(tmp_path, zookeeper=zookeeper), state):
        assert "docs/kafka.md" in container.obstacle[1]


def test_what_is_refused_is_a_step_that_cannot_be_done(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    state = seen({"c01": meta(4, "x")}, {"kafka": {"c01": "1", "c02": "2", "c03": "3"}})
    first = next(iter(KAFKA.containers(wanted, state)))
    rules = Rules(lambda _: "sha256:a", wanted.home, Secret("key"), "c01")
    (step,) = plan_containers([first], state, rules, services=["kafka"], nodes=ALL)
    assert isinstance(step, Blocked)
    assert "data of broker 4" in step.reason


def test_a_rolling_change_goes_one_by_one_and_only_within_its_service() -> None:
    def replaced(service: str, order: int) -> ReplaceContainer:
        name = f"{service}-{order}"
        wanted = Container("c01", name, service, Image("skp/x"), rolling_order=order)
        found = FoundContainer(name, "id", "skp/x", "running", service)
        return ReplaceContainer(wanted, "sha256:a", {}, "c01", found, Busy.SKIP)

    brokers = [replaced("kafka", order) for order in (1, 2, 3)]
    others = [replaced("zookeeper", order) for order in (1, 2)]
    assert needed(brokers[2], [*brokers, *others]) == brokers[:2]


def test_the_leader_of_an_ensemble_is_replaced_last(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, zookeeper=3)
    state = seen()
    leader = FoundContainer(
        "zookeeper-skp-1",
        "i",
        "x",
        "running",
        "zookeeper",
        health=Health.HEALTHY,
        probe_output="leader",
    )
    nodes = {**state.nodes, "c01": replace(state.nodes["c01"], containers={leader.name: leader})}
    turns = [c.rolling_order for c in ZOOKEEPER.containers(wanted, replace(state, nodes=nodes))]
    assert turns == [4, 2, 3]


def test_an_even_number_of_servers_is_refused_at_first_only(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, zookeeper=2)
    with pytest.raises(ConfigError, match="2 nodes have the label zookeeper: c01, c02"):
        list(ZOOKEEPER.containers(wanted, seen()))
    begun = seen({"c01": {"/var/zookeeper/myid": "1\n"}})
    assert len(list(ZOOKEEPER.containers(wanted, begun))) == 2


def test_data_of_another_server_or_ensemble_is_refused(tmp_path: Path) -> None:
    wanted = cluster(tmp_path, zookeeper=3)
    known = {"zookeeper": {"c01": "1", "c02": "2", "c03": "3"}}
    notes = {
        "c01": {"/var/zookeeper/myid": "2"},
        "c02": {"/var/zookeeper/myid": "2", "/var/zookeeper/cluster": "other"},
    }
    first, second, third = [c.obstacle for c in ZOOKEEPER.containers(wanted, seen(notes, known))]
    assert first[0] == "/var/zookeeper has the data of server 2, and this is server 1"
    assert second[0] == "/var/zookeeper has the data of another cluster (other)"
    assert third == ()


@pytest.mark.parametrize("value", ["128m", ""])
def test_too_small_a_heap_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"KAFKA_HEAP: .* allowed: 256m or more"):
        list(KAFKA.containers(cluster(tmp_path, KAFKA_HEAP=value), seen()))


def test_a_clusters_identity_has_kafkas_form_and_is_its_own(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    for number in range(200):
        own = identity(replace(wanted, secrets={SPEC_KEY: Secret(str(number))}), "kafka")
        assert len(own) == 22
        assert own[0] not in "-_"
    assert identity(wanted, "kafka") != identity(wanted, "zookeeper")
