"""Containers that accounts log in to: what their file says, and what they are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cluster.config.secrets import Secret
from cluster.connectors.managers import Managers
from cluster.errors import ConfigError, NodeError
from tests.support.deployments import OWN, SSHD
from workloads import account_service, readers
from workloads.account_service import FILE, NAME, AccountService
from workloads.accounts import Account, Membership, People
from workloads.build import deployment
from workloads.model import Deployment
from workloads.naming import StoredSecret
from workloads.needs import Needs
from workloads.secrets import Secrets
from workloads.to_service import Granted, specs

T = TypeVar("T")
KEY = Secret("the cluster's")
SERVICE = AccountService(("https://10.0.0.1:9060",), "PEM", Secret("the projects'"))
LETS_IN = OWN.replace("host: vision", "class: root\n    accounts: true")


def read(folder: Path, name: str, text: str) -> Deployment:
    (folder / name).write_text(text)
    return deployment(readers.read(folder / name))


class Store(Managers):
    """Managers with secrets, of which nobody reads the content again."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, str]] = {}
        self.written: list[str] = []
        self.others: Callable[[], None] = lambda: None

    def ask(self, request: Callable[[Any], T], doing: str = "") -> T:  # noqa: ARG002
        return request(self)

    def of_swarm(self, *_: str) -> list[Mapping[str, Any]]:
        return [{"ID": f"id-{n}", "Spec": {"Labels": each}} for n, each in self.there.items()]

    def create_secret(self, name: str, content: bytes, labels: dict[str, str]) -> None:
        self.others()
        if name in self.there:
            raise NodeError("c01", f"secret {name} already exists")
        self.there[name] = labels
        self.written.append(content.decode())

    def remove_secret(self, ident: str) -> None:
        del self.there[ident.removeprefix("id-")]


def test_a_file_says_that_accounts_log_in(tmp_path: Path) -> None:
    (part,) = read(tmp_path, "own.yaml", LETS_IN).parts
    assert (part.accounts, part.as_root) == (True, True)
    said = SSHD + 'CON_ACCOUNTS0="TRUE"\n'
    sshd, hub = read(tmp_path, "myDeploy.py", said).parts
    assert (sshd.accounts, hub.accounts) == (True, False)
    assert not read(tmp_path, "myDeploy.py", SSHD).parts[0].accounts
    for text, why in (
        (SSHD + 'CON_ACCOUNTS0="YES"\n', "CON_ACCOUNTS0: YES found; allowed: TRUE or FALSE"),
        (SSHD + 'CON_ACCOUNTS1="TRUE"\n', "CON_ACCOUNTS1: only root lets others log in"),
    ):
        with pytest.raises(ConfigError) as caught:
            read(tmp_path, "myDeploy.py", text)
        assert why in str(caught.value)


def test_the_container_has_it_in_memory_as_roots_alone(tmp_path: Path) -> None:
    wanted = read(tmp_path, "own.yaml", LETS_IN)
    stored = {name: (StoredSecret("vision", name, 1), f"id-{name}") for name in ("api-key", NAME)}
    images = {part.name: f"localhost:5000/x@sha256:{'0' * 64}" for part in wanted.parts}
    ports = {f"{copy}/server/8000/tcp": 31000 + copy for copy in (0, 1)}
    granted = Granted("vision", 1, "20001:20003", images, ports, "net", ("", ""), "/p", stored,
                      Needs(1, 1 << 30), KEY)  # fmt: skip
    for spec in specs(wanted, granted):
        container = spec["TaskTemplate"]["ContainerSpec"]
        own, told = container["Secrets"]
        assert own["File"] == {"Name": "api-key", "UID": "20001", "GID": "20003", "Mode": 0o400}
        assert told["File"] == {"Name": FILE, "UID": "0", "GID": "0", "Mode": 0o400}
        assert (told["SecretID"], told["SecretName"]) == (f"id-{NAME}", "skp_vision__accounts_1")
    plain = replace(wanted, parts=(replace(wanted.parts[0], accounts=False),))
    (spec, _) = specs(plain, granted)
    assert len(spec["TaskTemplate"]["ContainerSpec"]["Secrets"]) == 1


def test_a_credential_is_of_one_project_and_of_no_later_one_of_its_name() -> None:
    told = [json.loads(SERVICE.told(*which).reveal()) for which in
            (("vision", 20003), ("vision", 20005), ("vision2", 20003))]  # fmt: skip
    assert len({each["credential"].partition(".")[2] for each in told}) == 3
    assert told[0]["credential"].startswith("20003.")
    assert "the projects'" not in json.dumps(told) + repr(SERVICE)
    other = replace(SERVICE, key=Secret("another"))
    assert other.told("vision", 20003) != SERVICE.told("vision", 20003)


def asked(
    wanted: Deployment, people: People, store: Store, service: AccountService = SERVICE
) -> Any:
    secrets = Secrets(store, KEY)
    return account_service.secrets_for(wanted, "vision", people, secrets, lambda: service)


def away() -> Mapping[str, int]:
    raise NodeError("c01", "the account service does not run there")


def test_it_is_stored_once_and_anew_where_it_says_something_else(tmp_path: Path) -> None:
    wanted, store = read(tmp_path, "own.yaml", LETS_IN), Store()
    operator = People(groups=lambda: {"vision": 20003})
    kim = People(Account("kim", 20001, {"vision": Membership(20003, "member")}))
    first = asked(wanted, operator, store)
    assert asked(wanted, kim, store) == first
    assert [json.loads(each)["gid"] for each in store.written] == [20003]
    moved = asked(wanted, operator, store, replace(SERVICE, urls=("https://10.0.0.2:9060",)))
    assert (moved[NAME][0].number, list(store.there)) == (2, ["skp_vision__accounts_2"])
    # While the account service is silent, what the containers were told counts on.
    assert asked(wanted, People(groups=away), store) == moved
    with pytest.raises(NodeError):
        asked(wanted, People(groups=away), Store())


def test_two_that_store_it_at_once_have_the_same(tmp_path: Path) -> None:
    wanted, store = read(tmp_path, "own.yaml", LETS_IN), Store()
    operator = People(groups=lambda: {"vision": 20003})

    def first() -> None:
        store.others = lambda: None
        asked(wanted, operator, store)

    store.others = first
    assert asked(wanted, operator, store)[NAME][0].number == 1
    assert len(store.written) == 1


def test_what_no_account_could_log_in_to_is_refused(tmp_path: Path) -> None:
    wanted = read(tmp_path, "own.yaml", LETS_IN)
    with pytest.raises(ConfigError, match="vision is no project of the account service"):
        asked(wanted, People(), Store())
    with pytest.raises(ConfigError, match="vision is no project of the account service"):
        account_service.check(wanted, "vision", People())
    account_service.check(wanted, "vision", People(groups=away))
    with pytest.raises(ConfigError, match="no account service"):
        account_service.unknown()
    assert asked(read(tmp_path, "own.yaml", OWN), People(), Store()) == {}
