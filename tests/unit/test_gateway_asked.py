"""By which addresses containers of deployments ask the account service, and whom they trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster.config.secrets import Resolved, Secret, StoredSecrets
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from services.gateway import given
from services.gateway.asked import Ways, ways
from services.gateway.authority import Names, certificate, period_of, root
from services.gateway.pem import Certificate
from services.gateway.service import called
from tests.support.door_described import wanted


def told(cluster: Cluster, **stored: Secret) -> Ways:
    values: Mapping[str, Secret] = {**cluster.secrets, "GATEWAY_CERTIFICATE": Secret(""), **stored}
    return ways(cluster, Resolved(values, StoredSecrets(), StoredSecrets()))


def test_by_each_door_with_the_clusters_own_authority(tmp_path: Path) -> None:
    cluster = wanted(tmp_path, gateway="12")
    found = told(cluster)
    assert found.urls == ("https://10.0.0.1:9060", "https://10.0.0.2:9060")
    assert found.authority == root(cluster.secrets["GATEWAY_CA_SECRET"], called(cluster))
    assert found.key == Secret("the-secret-FLASK_PROJECT_SECRET")
    named = told(wanted(tmp_path, {"SKP_DOMAIN": "skp.example"}, gateway="12"))
    assert named.urls == ("https://accounts.skp.example:8443",)
    assert told(wanted(tmp_path, {"GATEWAY_HOST": "door.lan"})).urls == ("https://door.lan:9060",)


def test_a_certificate_of_ones_own_is_trusted_by_those_who_signed_it(tmp_path: Path) -> None:
    cluster, names = wanted(tmp_path), Names(("10.0.0.1",))
    now = datetime(2026, 12, 1, tzinfo=UTC)
    leaf = certificate(Secret("theirs"), names, period_of(now.timestamp()))
    signer = root(Secret("theirs"), names)
    for chain, trusted in ((leaf.chain + signer, signer), (leaf.chain, "")):
        own = given.stored(Certificate(chain, leaf.key))
        assert told(cluster, GATEWAY_CERTIFICATE=own).authority == trusted


def test_without_a_door_its_own_port_is_asked(tmp_path: Path) -> None:
    doorless = replace(wanted(tmp_path, flask="12"), recorded=frozenset())
    assert told(doorless).urls == ("http://10.0.0.1:8060", "http://10.0.0.2:8060")
    shut = replace(wanted(tmp_path, {"SKP_DOOR_ONLY": "TRUE"}, flask="1"), recorded=frozenset())
    with pytest.raises(ConfigError, match="no front door runs"):
        told(shut)


def test_what_is_not_stored_yet_is_not_given_away(tmp_path: Path) -> None:
    cluster = wanted(tmp_path)
    known = Resolved(cluster.secrets, StoredSecrets(), StoredSecrets())
    for key in ("FLASK_PROJECT_SECRET", "GATEWAY_CA_SECRET"):
        with pytest.raises(ConfigError, match=f"{key} is not stored yet"):
            ways(cluster, replace(known, generated=(key,)))
    with pytest.raises(ConfigError, match="not built yet"):
        ways(replace(cluster, recorded=frozenset()), known)
