"""What is wrong with the way in to a machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.connectors import sudo
from hosts.check.facts import ClusterFacts, Facts, Finding, one


def account(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Judge what the SSH user may do."""
    if facts.get("sudo"):
        return
    found, fix = "the SSH user has no sudo without a password", "./skp.py host.install -p"
    if refused := sudo.refusal(host.name, one(facts, "nosudo")):
        found, fix = refused.what.removeprefix(f"{host.name}: "), refused.hint
    yield Finding(host.name, "sudo", found, fix)


def user(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Judge whether the SSH user is the same on all nodes: the shared folder knows numbers only."""
    usual, own = cluster.usual("uid"), one(facts, "uid")
    if usual and own and own != usual:
        uid, _, gid = usual.partition(":")
        yield Finding(
            host.name, "user", f"the SSH user's ids are {own}; the others have {usual}",
            f"there, as root: usermod -u {uid} USER; groupmod -g {gid} USER (then chown its files)",
        )  # fmt: skip


def passwords(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Judge how the SSH user, who may do what root may, can log in."""
    if taken := one(facts, "passwords"):
        yield Finding(
            host.name, "SSH", f"the SSH user, who is root, can log in by a password ({taken})",
            "./skp.py ssh.keys-only; it tries the key first",
        )  # fmt: skip
