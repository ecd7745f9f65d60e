"""The one error of the lab."""

from __future__ import annotations


class LabError(Exception):
    """Something a person can understand and act on.

    Attributes:
        what: what was found, where, and what is allowed.
        hint: what to type or change next; empty when `what` says it all.
        exit_code: 1 when something failed, 2 for wrong arguments or a machine that can't do it.
    """

    def __init__(self, what: str, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}" if self.hint else self.what
