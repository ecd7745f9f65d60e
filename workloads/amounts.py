"""How much of what projects may have, and have: values and their texts. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from cluster.errors import ConfigError, ConfigErrors, nearest
from workloads.texts import from_bytes, size


@dataclass(frozen=True)
class Amounts:
    """How much of each kind. cpus in cores, memory and storage in bytes, the others counted."""

    deployments: float = 0
    cpus: float = 0
    memory: float = 0
    gpus: float = 0
    ports: float = 0
    storage: float = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


KINDS = tuple(each.name for each in fields(Amounts))
"""What is counted."""


@dataclass(frozen=True)
class Limits:
    """What a project may have; None for as much as there is.

    Attributes:
        root: whether its containers may be root inside.
    """

    deployments: float | None = None
    cpus: float | None = None
    memory: float | None = None
    gpus: float | None = None
    ports: float | None = None
    storage: float | None = None
    root: bool = False


def limits(before: Limits, text: str, *, may_be_root: bool) -> Limits:
    """Return limits as "gpus=2,memory=16g" changes them; KIND= takes one away.

    Raises:
        ConfigErrors: a part is none; all of them are told.
    """
    changed: dict[str, float | None] = {}
    errors: list[ConfigError] = []
    for part in filter(None, text.split(",")):
        kind, sign, amount = part.partition("=")
        try:
            if kind not in KINDS or not sign:
                raise ValueError(part)
            in_bytes = kind in ("memory", "storage")
            changed[kind] = (size(amount) if in_bytes else float(amount)) if amount else None
            if (changed[kind] or 0) < 0:
                raise ValueError(part)
        except ValueError:
            guess = "" if kind in KINDS else nearest(kind, KINDS)
            what = f"{part}: allowed: KIND=AMOUNT{guess}"
            errors.append(ConfigError(what, f"Kinds: {', '.join(KINDS)}; memory=16g, cpus=4."))
    if errors:
        raise ConfigErrors(errors)
    return replace(before, root=may_be_root, **changed)


def shown(kind: str, amount: float) -> str:
    """Return an amount as a person reads it."""
    return from_bytes(int(amount)) if kind in ("memory", "storage") else f"{amount:g}"
