"""Every error a person can meet, each with a place, a reason and the next thing to type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns; the same for every command (docs/commands)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LOCKED = 75
    INTERRUPTED = 130


class SkpError(Exception):
    """An error that a person can understand and act upon.

    Attributes:
        what: one sentence: where (file, key, node), what was found, what is allowed.
        hint: what to type or change next; empty when `what` says it all.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}" if self.hint else self.what


class ConfigError(SkpError):
    """Bad settings, inventory or arguments: found before anything is touched."""

    exit_code = ExitCode.USAGE


class ConfigErrors(ConfigError):  # noqa: N818 - the plural of ConfigError
    """Several configuration errors at once, so that all can be corrected before the next try."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


def together(errors: Sequence[SkpError], ending: str = "") -> SkpError:
    """Return several errors as one: of wrong input, where all of them are that.

    Args:
        ending: a last line of it; "" for none.
    """
    told = [f"{error.what}\n    {error.hint}" if error.hint else error.what for error in errors]
    what = "\n".join([*told, *filter(None, [ending])])
    return (ConfigError if all(isinstance(e, ConfigError) for e in errors) else SkpError)(what)


class InterruptError(SkpError):
    """The person pressed Ctrl-C."""

    exit_code = ExitCode.INTERRUPTED


class NodeError(SkpError):
    """A fault of one node: it can't be reached, refuses us, or answers with an error."""

    def __init__(self, node: str, what: str, hint: str = "") -> None:
        super().__init__(f"{node}: {what}", hint)
        self.node = node


def unexpected(node: str, error: Exception) -> NodeError:
    """Return an unforeseen error as a NodeError, so that it stops no other node."""
    return NodeError(
        node,
        f"unexpected {type(error).__name__}: {error}",
        "This is a fault of SKP: please report it with what you typed.",
    )


class BrokenError(NodeError):
    """A connection that ended while it was used; a new one may work."""


class DeadlineError(NodeError):
    """A wait that passed its deadline."""


def nearest(word: str, allowed: Iterable[str], cutoff: float = 0.7) -> str:
    """Return " (did you mean X?)" for the allowed word nearest to `word`, else an empty string."""
    import difflib  # few commands meet a wrong word

    found = difflib.get_close_matches(word, list(allowed), n=1, cutoff=cutoff)
    return f" (did you mean {found[0]}?)" if found else ""
