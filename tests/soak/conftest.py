"""The long tests use the same lab, brought to the same state, as the short ones."""

from __future__ import annotations

from tests.lab.conftest import _hosts, changed, demo, platform, powered, settings, unreachable

__all__ = ["_hosts", "changed", "demo", "platform", "powered", "settings", "unreachable"]
