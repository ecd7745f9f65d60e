"""What is wrong with the way in to a machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from hosts.check.facts import ClusterFacts, Facts, Finding, one


def account(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Judge what the SSH user may do."""
    if not facts.get("sudo"):
        yield Finding(
            host.name, "sudo", "the SSH user has no sudo without a password",
            "./skp.py host.install -p",
        )  # fmt: skip


def passwords(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Judge how the SSH user, who may do what root may, can log in."""
    if taken := one(facts, "passwords"):
        yield Finding(
            host.name, "SSH", f"the SSH user, who is root, can log in by a password ({taken})",
            "./skp.py ssh.keys-only; it tries the key first",
        )  # fmt: skip
