"""The front door as it is described: where pages are, what is asked about, what it is given."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.config.inventory import Host
from cluster.config.secrets import Resolved, Secret, StoredSecrets
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.layout import Layout
from cluster.model.spec import ConfigFile, Container, SecretFile, mark_file
from services.common import on_each
from services.doors import LOGIN, names_of_deployments, origins
from services.flask.service import SERVICE as FLASK
from services.gateway import authority, given
from services.gateway.authority import PERIOD, Names, certificate, period_of, root
from services.gateway.commands import authority as printed
from services.gateway.commands import own_certificate
from services.gateway.pem import Certificate
from services.gateway.routes import configuration
from services.gateway.service import SERVICE as GATEWAY
from services.jupyter import SERVICE as JUPYTER
from tests.support.described import NOTHING, described
from tests.support.door_described import hosts, wanted

SECRET = Secret("the-secret")
NAMES = Names(("10.0.0.1", "8.8.4.4", "door.example", "127.0.0.1", "localhost"), "skp.example")


def doors(cluster: Cluster) -> list[Container]:
    return list(GATEWAY.containers(cluster, NOTHING))


def routes(cluster: Cluster) -> dict[str, Any]:
    (file,) = doors(cluster)[0].live
    assert isinstance(file, SecretFile)
    found: dict[str, Any] = json.loads(file.content.reveal())
    return found


def listening(cluster: Cluster) -> dict[str, Any]:
    (file,) = doors(cluster)[0].files
    assert isinstance(file, ConfigFile)
    found: dict[str, Any] = json.loads(file.content)
    return found


def test_it_runs_where_accounts_are_once_its_image_was_built(tmp_path: Path) -> None:
    cluster = wanted(tmp_path)
    assert [door.node for door in doors(cluster)] == ["c01"]
    assert doors(replace(cluster, recorded=frozenset({"skp/docker-flask:latest"}))) == []
    assert [door.name for door in doors(wanted(tmp_path, gateway="12"))] == [
        "gateway-skp",
        "gateway-skp-c02",
    ]


def test_each_page_has_a_port_of_its_own_without_a_domain(tmp_path: Path) -> None:
    cluster = wanted(tmp_path)
    urls = {name: origin.url for name, origin in origins(cluster).items()}
    assert urls == {
        "accounts": "https://10.0.0.1:9060",
        "airflow": "https://10.0.0.1:9040",
        "history": "https://10.0.0.1:19080",
        "jupyter": "https://10.0.0.1:9010",
        "jupyter-c02": "https://10.0.0.1:9110",
        "kernels": "https://10.0.0.1:9020",
        "kernels-c02": "https://10.0.0.1:9120",
        "login": "https://10.0.0.1:9070",
        "spark": "https://10.0.0.1:9030",
    }
    (door,) = doors(cluster)
    published = {port.host for port in door.ports}
    assert published == {int(url.rpartition(":")[2]) for url in urls.values()}
    points = listening(cluster)["entryPoints"]
    assert {name for name in points if points[name]["address"].startswith(":")} == set(urls)


def test_with_a_domain_each_page_has_a_name_and_all_one_port(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, {"SKP_DOMAIN": "skp.example", "GATEWAY_TLS_PORT": "443"})
    assert origins(cluster)["spark"].url == "https://spark.skp.example"
    (door,) = doors(cluster)
    assert [(port.host, port.container) for port in door.ports] == [(443, 8443)]
    rules = {name: router["rule"] for name, router in routes(cluster)["http"]["routers"].items()}
    assert rules.pop("inside") == "PathPrefix(`/door/check/`)"
    assert all("Host(`" in rule and ".skp.example`)" in rule for rule in rules.values())


def test_each_of_several_notebooks_is_reached_by_a_name_of_its_own(tmp_path: Path) -> None:
    """The plain name is an alias of all: by that a browser would be at another one each time."""
    cluster = wanted(tmp_path, flask="12")
    found = routes(cluster)["http"]["services"]
    reached = {
        server["url"]
        for name in ("jupyter", "jupyter-c02", "account-service")
        for server in found[name]["loadBalancer"]["servers"]
    }
    assert reached == {
        "http://jupyter-skp-c01:8010",
        "http://jupyter-skp-c02:8010",
        "http://flask-skp-c01:8060",
        "http://flask-skp-c02:8060",
    }
    notebooks = list(JUPYTER.containers(cluster, NOTHING))
    accounts = list(FLASK.containers(cluster, NOTHING))
    for containers in (notebooks, accounts):
        called = [{c.name, *c.aliases} for c in containers]
        assert f"{containers[0].name}-c01" in called[0] - called[1]
        assert containers[1].name in called[1] - called[0]
    # Without a door nothing of them changes, and with one notebook neither.
    doorless = replace(cluster, recorded=frozenset())
    assert {c.aliases for c in JUPYTER.containers(doorless, NOTHING)} == {("jupyter-skp",)}
    (one,) = JUPYTER.containers(wanted(tmp_path, jupyter="1"), NOTHING)
    assert one.aliases == ("jupyter-skp",)


def test_another_name_of_the_door_is_that_of_its_pages(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, {"GATEWAY_HOST": "skp.office"})
    assert {origin.host for origin in origins(cluster).values()} == {"skp.office"}


@pytest.mark.parametrize("domain", ["", "skp.example"])
def test_what_has_no_login_of_its_own_is_asked_about_at_every_door(
    tmp_path: Path, domain: str
) -> None:
    cluster = wanted(tmp_path, {"SKP_DOMAIN": domain})
    found = routes(cluster)["http"]
    for page in ("spark", "history"):
        chain = found["routers"][page]["middlewares"]
        assert chain == ["from-outside", f"ask-{page}", "to-page"]
        asking = found["middlewares"][f"ask-{page}"]["forwardAuth"]
        assert asking["address"].endswith(f"/door/check/{page}")
        assert asking["authResponseHeaders"] == ["Cookie"]
        assert not asking["trustForwardHeader"]
    # Where pages share a host, the platform's cookies come to all of them, and are taken away.
    own = "ask-jupyter" in found["routers"]["jupyter"]["middlewares"]
    assert own is not bool(domain)


def test_a_page_that_wants_to_know_who_asks_is_told_by_a_token(tmp_path: Path) -> None:
    spark = origins(wanted(tmp_path))["spark"]
    page = replace(spark, page=replace(spark.page, wants_token=True))
    told = json.loads(
        configuration({"spark": page}, ["flask-skp"], "secret", Certificate("", ""), 8060, {})
    )
    asking = told["http"]["middlewares"]["ask-spark"]["forwardAuth"]
    assert asking["authResponseHeaders"] == ["Cookie", "X-Skp-Token"]


@pytest.mark.parametrize("host", ["a" * 63, "x.state", "gpu-07.ai.example.com", "NODE-1"])
def test_a_page_has_a_name_that_a_tokens_audience_may_have(tmp_path: Path, host: str) -> None:
    (name,) = {on_each("jupyter", 1, Host(host, "10.0.0.2", (), frozenset())) for _ in range(2)}
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name)
    assert not name.endswith(("-", "-state"))


def test_no_page_sees_the_doors_secret_or_who_a_client_says_it_is(tmp_path: Path) -> None:
    found = routes(wanted(tmp_path))["http"]
    enter = found["middlewares"]["from-outside"]["headers"]["customRequestHeaders"]
    leave = found["middlewares"]["to-page"]["headers"]["customRequestHeaders"]
    assert enter["X-Skp-Door"] == "the-secret-FLASK_DOOR_SECRET"
    theirs = ("X-Skp-Token", "X-Skp-Service", "Remote-User", "X-Forwarded-User")
    assert {enter[name] for name in theirs} == {""}
    assert leave == {"X-Skp-Door": ""}
    for name, router in found["routers"].items():
        if name != "inside" and router["service"] != "account-service":
            assert router["middlewares"][0] == "from-outside", name
            assert router["middlewares"][-1] == "to-page", name
    points = listening(wanted(tmp_path))["entryPoints"].values()
    assert {point["http"]["aliasHeadersStrategy"] for point in points} == {"delete"}


def test_what_is_the_doors_alone_is_reached_on_the_login_pages_host_only(tmp_path: Path) -> None:
    found = routes(wanted(tmp_path))["http"]["routers"]
    assert "!PathPrefix(`/door`)" in found["accounts"]["rule"]
    assert "/door/check" not in found["login-door"]["rule"]
    assert found["inside"]["entryPoints"] == ["inside"]
    assert listening(wanted(tmp_path))["entryPoints"]["inside"]["address"].startswith("127.0.0.1:")


def test_answers_to_an_account_end_within_five_minutes(tmp_path: Path) -> None:
    points = listening(wanted(tmp_path))["entryPoints"]
    limits = {name: p["transport"]["respondingTimeouts"] for name, p in points.items()}
    assert limits["spark"]["writeTimeout"] == limits["history"]["writeTimeout"] == 300
    assert limits["jupyter"]["writeTimeout"] == 0


def test_another_route_or_certificate_is_no_reason_to_replace_it(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, {"SKP_DOMAIN": "skp.example"})
    more = wanted(tmp_path, {"SKP_DOMAIN": "skp.example"}, spark_master="")
    (door,), (other,) = doors(cluster), doors(more)
    key = cluster.secrets["SKP_SPEC_KEY"]
    assert door.described("id", key) == other.described("id", key)
    assert door.marked(key).live_mark != other.marked(key).live_mark
    assert mark_file("gateway-skp") in GATEWAY.marker_files(cluster)


def test_the_account_service_knows_the_pages_and_is_not_replaced_for_them(tmp_path: Path) -> None:
    cluster = wanted(tmp_path)
    (there,) = FLASK.containers(cluster, NOTHING)
    (file,) = there.live
    assert isinstance(file, ConfigFile)
    told = json.loads(file.content)
    assert told["login"] == "https://10.0.0.1:9070"
    assert LOGIN not in told["pages"]
    assert told["pages"]["jupyter"]["path"] == "/jupyter-skp/"
    assert {told["pages"][page]["asks"] for page in ("spark", "history")} == {"account"}
    doorless = replace(cluster, recorded=frozenset({"skp/docker-flask:latest"}))
    (alone,) = FLASK.containers(doorless, NOTHING)
    assert alone.live == ()
    key = cluster.secrets["SKP_SPEC_KEY"]
    assert alone.described("id", key) == there.described("id", key)


def test_two_pages_at_one_port_of_the_door_are_refused(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, {"SPARK_MPORT": "8110"})
    with pytest.raises(ConfigError, match="jupyter-c02 and spark would both be at the port 9110"):
        doors(cluster)


def test_a_port_that_there_is_not_is_refused(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, {"GATEWAY_OFFSET": "10000", "SPARK_HPORT": "60000"})
    with pytest.raises(ConfigError, match="history, whose own port is 60000, would be at the port"):
        doors(cluster)


def test_pages_behind_a_door_that_is_nowhere_are_told(tmp_path: Path) -> None:
    values = {"SKP_DOOR_ONLY": "TRUE"}
    assert GATEWAY.warnings(wanted(tmp_path, values)) == ()
    nowhere = described(tmp_path, hosts(jupyter="1"), values)
    (said,) = GATEWAY.warnings(nowhere)
    assert "no front door runs" in said


def test_it_is_on_the_users_network_and_no_other_without_portainer(tmp_path: Path) -> None:
    cluster = replace(wanted(tmp_path), layout=Layout.TWO_TREES)
    (door,) = doors(cluster)
    assert door.overlays == ("net-skp-users",)
    assert (door.read_only, door.capabilities, door.mounts) == (True, (), ())


def pem(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def openssl(*words: str | Path) -> str:
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout + done.stderr


def test_the_certificate_is_one_that_openssl_accepts_for_each_name(tmp_path: Path) -> None:
    now = period_of(1_800_000_000)
    made = certificate(SECRET, NAMES, now)
    ca, leaf = pem(tmp_path, "ca", root(SECRET, NAMES)), pem(tmp_path, "leaf", made.chain)
    at = ("-attime", str(1_800_000_000), "-x509_strict", "-purpose", "sslserver", "-CAfile", ca)
    for host in ("10.0.0.1", "8.8.4.4", "127.0.0.1"):
        assert "OK" in openssl("verify", *at, "-verify_ip", host, leaf), host
    for host in ("door.example", "localhost", "spark.skp.example"):
        assert "OK" in openssl("verify", *at, "-verify_hostname", host, leaf), host
    for host in ("other.example", "a.spark.skp.example"):
        assert "mismatch" in openssl("verify", *at, "-verify_hostname", host, leaf), host
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf, pem(tmp_path, "key", made.key))


def test_the_authority_can_not_sign_for_others(tmp_path: Path) -> None:
    """Whoever has its key: a certificate for another name or public address does not count."""
    ca = pem(tmp_path, "ca", root(SECRET, NAMES))
    for names in (Names(("bank.example",)), Names(("9.9.9.9", "localhost"))):
        forged = certificate(SECRET, names, period_of(1_800_000_000))
        leaf = pem(tmp_path, "leaf", forged.chain)
        said = openssl("verify", "-attime", "1800000000", "-CAfile", ca, leaf)
        # (Its issuer is the same name and key.)
        assert "permitted subtree violation" in said


def test_the_same_secret_makes_the_same_and_another_another() -> None:
    first = root(SECRET, NAMES), certificate(SECRET, NAMES, 7)
    authority._key.cache_clear()
    certificate.cache_clear()
    assert (root(SECRET, NAMES), certificate(SECRET, NAMES, 7)) == first
    assert root(Secret("other"), NAMES) != first[0]
    assert certificate(SECRET, NAMES, 8) != first[1]


def test_a_certificate_counts_from_before_its_period_until_long_after(tmp_path: Path) -> None:
    period = period_of(1_800_000_000)
    leaf = pem(tmp_path, "leaf", certificate(SECRET, NAMES, period).chain)
    ca = pem(tmp_path, "ca", root(SECRET, NAMES))
    begin = int(period * PERIOD.total_seconds())
    length = int(PERIOD.total_seconds())
    assert period_of(begin) == period_of(begin + length - 1) == period
    for moment in (begin - 3600, begin + length, begin + 3 * length - 60):
        assert "OK" in openssl("verify", "-attime", str(moment), "-CAfile", ca, leaf), moment


def test_the_root_that_is_printed_is_that_of_the_door_and_moves_with_its_label(
    tmp_path: Path,
) -> None:
    cluster = wanted(tmp_path)
    known = Resolved(cluster.secrets, StoredSecrets(), StoredSecrets())
    ca = pem(tmp_path, "ca", printed(cluster, known))
    for where in ("1", "2"):
        moved = wanted(tmp_path, gateway=where)
        (pair,) = routes(moved)["tls"]["certificates"]
        leaf = pem(tmp_path, "leaf", pair["certFile"])
        assert "OK" in openssl("verify", "-CAfile", ca, "-verify_ip", f"10.0.0.{where}", leaf)
    with pytest.raises(ConfigError):
        printed(described(tmp_path, hosts(jupyter="1")), known)
    with pytest.raises(ConfigError, match="is not stored yet"):
        printed(cluster, replace(known, generated=("GATEWAY_CA_SECRET",)))


DAY = datetime(2026, 12, 1, tzinfo=UTC)
AT = period_of(DAY.timestamp())


def own(*hosts: str, domain: str = "") -> Certificate:
    return certificate(Secret("another authority"), Names(hosts, domain), AT)


def test_a_certificate_of_ones_own_is_used_as_it_was_given(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, {"SKP_DOMAIN": "skp.example"})
    made = certificate(Secret("x"), Names((), "skp.example"), period_of(time.time()))
    chosen = own_certificate(cluster, made.chain, made.key)
    assert made.key not in repr(chosen)
    using = replace(cluster, secrets={**cluster.secrets, **chosen})
    (pair,) = routes(using)["tls"]["certificates"]
    assert pair["certFile"].strip() == made.chain.strip()
    assert pair["keyFile"].strip() == made.key.strip()
    assert GATEWAY.warnings(using) == ()


@pytest.mark.parametrize(
    ("chain", "key", "said"),
    [
        ("", own("h").key, "no certificate in the file"),
        (own("h").chain, "", "no key in the file"),
        (own("h").chain, own("h").chain, "no key in the file"),
        (own("h").chain, certificate(Secret("y"), Names(("h",)), AT).key, "key is not that of"),
        (own("other").chain, own("other").key, "is not for h; it is for other"),
        (own("h").chain * 40, own("h").key, "longer than"),
    ],
)
def test_a_certificate_that_the_door_can_not_use_is_refused_and_no_key_is_shown(
    chain: str, key: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        given.checked(chain, key, {"h"}, DAY)
    lines = key.splitlines()[1:-1]
    assert not any(line in str(raised.value) for line in lines if line)


def test_one_that_does_not_count_today_is_refused_and_one_that_ends_is_told() -> None:
    made = own("h")
    late = DAY + 4 * PERIOD
    with pytest.raises(ConfigError, match="counts from 2026-"):
        given.checked(made.chain, made.key, {"h"}, late)
    assert given.complaints(made, {"h"}, DAY) == []
    (ends,) = given.complaints(made, {"h"}, DAY + 2.5 * PERIOD)
    assert "certificate ends at" in ends
    (lacks,) = given.complaints(made, {"h", "g"}, DAY)
    assert "is not for g" in lacks


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("spark.skp.example", True),
        ("SPARK.skp.example", True),
        ("skp.example", True),
        ("a.spark.skp.example", False),
        ("10.0.0.1", True),
        ("10.0.0.2", False),
    ],
)
def test_a_star_is_one_name_and_an_address_is_none(host: str, covered: bool) -> None:
    made = own("10.0.0.1", domain="skp.example")
    if covered:
        both = f"{made.key}\n{made.chain}"  # as some tools want it
        found = given.checked(both, both, {host}, DAY)
        assert (found.chain, given.read(given.stored(found))) == (made.chain, found)
        assert made.key.splitlines()[1] not in repr(found)
        return
    with pytest.raises(ConfigError, match=f"is not for {host}"):
        given.checked(made.chain, made.key, {host}, DAY)


@pytest.mark.parametrize("text", ["AAAA", "/w==", "QUJD"])
def test_what_gateway_cert_did_not_store_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not what gateway"):
        given.read(Secret(text))


@pytest.mark.parametrize(
    "values",
    [
        {"SKP_DOMAIN": "apps.example"},
        {"GATEWAY_HOST": "Door.apps.example"},
    ],
)
def test_names_of_deployments_are_not_among_the_platforms_own(
    tmp_path: Path, values: dict[str, str]
) -> None:
    cluster = wanted(tmp_path, {"DEPLOY_DOMAIN": "apps.example"} | values)
    with pytest.raises(ConfigError, match="platform's own pages"):
        names_of_deployments(cluster)
    beside = {key: value.replace("apps", "skp") for key, value in values.items()}
    cluster = wanted(tmp_path, {"DEPLOY_DOMAIN": "apps.example"} | beside)
    assert names_of_deployments(cluster)[0] == "apps.example"


def test_no_page_is_at_the_port_that_names_of_deployments_need(tmp_path: Path) -> None:
    port = next(iter(origins(wanted(tmp_path)).values())).port
    named = {"DEPLOY_DOMAIN": "apps.example", "GATEWAY_TLS_PORT": str(port)}
    with pytest.raises(ConfigError, match=f"the port {port} of the front door"):
        doors(wanted(tmp_path, named))
