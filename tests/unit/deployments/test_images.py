"""Images of other registries: what copies are called, whose login is sent, where none may lead."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from cluster.config.inventory import Inventory
from cluster.config.secrets import Secret
from cluster.errors import ConfigError, NodeError, SkpError
from cluster.model.policy import Progress
from tests.support.fakes import FakeConnection, done, fake_host, fake_node
from workloads import mirror
from workloads.check import is_image
from workloads.logins import NOTHING, login
from workloads.references import parsed

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "source", "kept"),
    [
        ("nginx", "docker.io/library/nginx:latest", "mirror/docker.io/library/nginx:latest"),
        ("team/app:1", "docker.io/team/app:1", "mirror/docker.io/team/app:1"),
        ("Reg.example/a/b:2", "Reg.example/a/b:2", "mirror/reg.example/a/b:2"),
        ("reg.example:5000/a:2", "reg.example:5000/a:2", "mirror/reg.example_5000/a:2"),
        (
            f"reg.example/a:2@{DIGEST}",
            f"reg.example/a@{DIGEST}",
            f"mirror/reg.example/a:sha256-{'a' * 64}",
        ),
        ("localhost:5000/team/app:1", "localhost:5000/team/app:1", "team/app:1"),
    ],
)
def test_what_a_copy_is_called(text: str, source: str, kept: str) -> None:
    assert is_image(text)
    reference = parsed(text)
    assert (reference.source, reference.kept.name) == (source, kept)
    assert reference.is_own == text.startswith("localhost:5000/")


def written(path: Path, auths: object, mode: int = 0o600) -> Path:
    path.write_text(json.dumps({"auths": auths}))
    path.chmod(mode)
    return path


def auth(words: str) -> dict[str, str]:
    return {"auth": base64.b64encode(words.encode()).decode()}


@pytest.mark.parametrize(
    ("key", "repository"),
    [
        ("reg.example", "reg.example/team/app"),
        ("https://reg.example/v2/", "reg.example/team/app"),
        ("reg.example/team", "reg.example/team/app"),
        ("reg.example:5000", "reg.example:5000/app"),
        ("https://index.docker.io/v1/", "docker.io/team/app"),
    ],
)
def test_only_the_login_of_that_registry_is_taken(
    key: str, repository: str, tmp_path: Path
) -> None:
    auths = {key: auth("me:right"), "other.example": auth("me:others"), "reg": auth("me:no")}
    found = login(written(tmp_path / "logins", auths), repository).reveal()
    assert list(json.loads(found)["auths"].values()) == [auth("me:right")]
    assert "other.example" not in found


def test_the_narrowest_login_counts(tmp_path: Path) -> None:
    auths = {"reg.example": auth("me:wide"), "reg.example/team": auth("me:narrow")}
    found = login(written(tmp_path / "logins", auths), "reg.example/team/app").reveal()
    assert json.loads(found) == {"auths": {"reg.example/team": auth("me:narrow")}}


@pytest.mark.parametrize(
    ("auths", "mode", "why"),
    [
        ({"reg.example": auth("me:x")}, 0o644, "others may read it"),
        ({"other.example": auth("me:x")}, 0o600, "no login for reg.example; it has: other"),
        ({"reg.example": {}}, 0o600, "a helper keeps it"),
        ({"reg.example": {"auth": "%%%"}}, 0o600, "a helper keeps it"),
        ({"reg.example": auth("nopassword")}, 0o600, "a helper keeps it"),
        ([], 0o600, 'no JSON with "auths"'),
    ],
)
def test_a_file_that_has_no_login_is_refused(
    auths: object, mode: int, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=why):
        login(written(tmp_path / "logins", auths, mode), "reg.example/app")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        login(tmp_path / "nothing", "reg.example/app")


HOSTS = Inventory(
    Path("hosts.json"), (fake_host("c01", "master", "manager"), fake_host("c02", number=2))
)


def master(addresses: str, told: str = "{}", *more: str) -> FakeConnection:
    """A master where a name means these addresses; it has one more than the inventory says."""
    means = [f"means {each}" for each in addresses.split()]
    said = [*means, "own 127.0.0.1", "own 10.0.0.1", "own 172.17.0.1", *more, f"knows {told}"]
    connection = FakeConnection("c01")
    connection.on_run("getent ahosts", done(0, "\n".join(said)))
    connection.on_run("docker image inspect", done(0, "sha256:tool"))
    return connection


@pytest.mark.parametrize(
    "addresses", ["127.0.0.1", "203.0.113.7\n10.0.0.2", "::1", "::ffff:127.0.0.1", "169.254.1.1",
                  "0.0.0.0", "224.0.0.1", "172.17.0.1", "2002:a00:2::1"],  # noqa: S104 - refused
)  # fmt: skip
def test_a_name_that_leads_to_a_node_is_refused(addresses: str) -> None:
    connection = master(addresses)
    with pytest.raises(ConfigError, match=r"reg.example leads to a node"):
        mirror.copy(
            fake_node(connection), HOSTS, parsed("reg.example/a:1"), NOTHING, Progress(print)
        )
    assert len(connection.wire) == 1, "nothing was begun"


@pytest.mark.parametrize("host", [
    "localhost:5001", "a.localhost:1", "c02:5000", "10.0.0.1:5000", "LocalHost:5001", "C02:5000",
    "172.17.0.1:5000",
])  # fmt: skip
def test_a_node_is_no_registry(host: str) -> None:
    with pytest.raises(ConfigError, match="leads to a node"):
        mirror.copy(fake_node(master("")), HOSTS, parsed(f"{host}/a:1"), NOTHING, Progress(print))


def test_the_address_that_was_looked_at_is_the_one_that_is_asked_and_no_login_is_a_word() -> None:
    connection = master("203.0.113.7", '{"reg.example": {"Secure": false}}')
    connection.on_run("bash -c", done())
    secret = Secret('{"auths": {"reg.example": {"auth": "c2VjcmV0"}}}')
    mirror.copy(fake_node(connection), HOSTS, parsed("reg.example/a:1"), secret, Progress(print))
    line = connection.wire[-1]
    assert "--add-host=reg.example:203.0.113.7" in line
    assert "--src-tls-verify=false" in line
    assert "c2VjcmV0" not in " ".join(connection.wire)


def test_a_registry_that_asks_for_a_login_is_told_with_what_to_type() -> None:
    connection = master("203.0.113.7")
    said = 'time="..." level=fatal msg="reading manifest 1: authentication required"'
    connection.on_run("bash -c", done(1, "", said))
    with pytest.raises(SkpError, match="authentication required") as told:
        mirror.copy(
            fake_node(connection), HOSTS, parsed("reg.example/a:1"), NOTHING, Progress(print)
        )
    assert "image.mirror reg.example/a:1 -c" in str(told.value.hint)
    assert "level=fatal" not in told.value.what


def copied(connection: FakeConnection) -> None:
    reference = parsed("reg.example/a:1")
    mirror.copy(fake_node(connection), HOSTS, reference, NOTHING, Progress(print))


def test_a_name_that_the_master_does_not_know_is_asked_for_by_nobody() -> None:
    """Asked a second time, from inside the container, it might lead to a node."""
    connection = master("")
    with pytest.raises(SkpError, match=r"the master knows no host reg\.example"):
        copied(connection)
    assert len(connection.wire) == 1, "nothing was begun"


def test_a_proxy_may_know_a_name_that_the_master_does_not() -> None:
    connection = master("", "{}", "proxy https_proxy")
    connection.on_run("bash -c", done())
    copied(connection)
    assert "--add-host" not in connection.wire[-1]


def test_a_master_that_does_not_say_what_it_has_copies_nothing() -> None:
    connection = FakeConnection("c01")
    connection.on_run("getent ahosts", done(1, "means 203.0.113.7", "docker: not running"))
    with pytest.raises(NodeError, match="c01: its addresses can't be asked for: docker"):
        copied(connection)


@pytest.mark.parametrize(
    ("code", "why", "hint"),
    [
        (
            99,
            "c01: the cluster's registry does not take the copy of reg.example/a:1",
            "registry-run",
        ),
        (125, "c01: what copies reg.example/a:1 does not start: no such image", ""),
        (124, r"c01: reg.example/a:1 is not copied within \d+ s", "SKP_TIMEOUT_TRANSFER"),
        (1, "reg.example/a:1: it can't be copied: no such image", "reachable from the master"),
    ],
)
def test_who_failed_is_told(code: int, why: str, hint: str) -> None:
    connection = master("203.0.113.7")
    connection.on_run("bash -c", done(code, "", "no such image"))
    with pytest.raises(SkpError, match=why) as told:
        copied(connection)
    assert hint in told.value.hint


def test_no_other_registry_is_asked_for_the_image_with_skopeo() -> None:
    connection = master("203.0.113.7")
    connection.on_run("bash -c", done())
    copied(connection)
    assert "--pull never" in connection.wire[-1]
