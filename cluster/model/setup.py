"""The steps that a service needs once, before its containers can work."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.model.spec import Container


@dataclass(frozen=True)
class SetupStep:
    """A step of setup.

    Attributes:
        container: where it is carried out. Its `service` is a name for the step, which containers
            that need the step have in `after`.
        seconds: its deadline.
        reason, hint: why the service's containers can't work before, and what to type, for a
            `-run`; "" for a step that a `-run` carries out too.
    """

    container: Container
    seconds: float
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True)
class SetupJob(SetupStep):
    """A step that runs `container` itself to its end, and removes it."""


@dataclass(frozen=True)
class SetupCommand(SetupStep):
    """A step that runs a command in the existing container of that name.

    Attributes:
        command: the command's words; no secret.
    """

    command: tuple[str, ...] = ()
