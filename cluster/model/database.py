"""A database that a service wants in the cluster's MySQL."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.config.secrets import Secret


@dataclass(frozen=True)
class Database:
    """A database with a user of its own, who may do everything in it and nothing elsewhere.

    Attributes:
        at_start: whether MySQL's start makes what is missing; else a command of its own does.
    """

    name: str
    user: str
    password: Secret
    at_start: bool = False
