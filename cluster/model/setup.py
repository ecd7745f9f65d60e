"""What a service has done once, before its containers can work."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.model.spec import Container


@dataclass(frozen=True)
class SetupStep:
    """One thing to be done.

    Attributes:
        container: where it is done; its service is a name for the step, which containers name in
            `after`.
        seconds: its deadline.
        reason, hint: for a `-run`: why its containers can't work before, and what to type; "" for
            a step that a `-run` does too.
    """

    container: Container
    seconds: float
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True)
class SetupJob(SetupStep):
    """The container itself runs to its end, and is removed."""


@dataclass(frozen=True)
class SetupCommand(SetupStep):
    """A command runs in the container of that name, which is there.

    Attributes:
        command: its words; no secret.
    """

    command: tuple[str, ...] = ()
