"""Who asks, and what that may look at: values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.problems import ProblemError, not_found

PROJECT = r"^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$"
NAME = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
_ACCOUNT = re.compile(r"[a-z][a-z0-9-]{1,31}")
_MAY_CHANGE = ("owner", "member")


@dataclass(frozen=True)
class Membership:
    """What an account is in a project."""

    gid: int
    role: str


@dataclass(frozen=True)
class Who:
    """An account, by the token that it has shown.

    Attributes:
        projects: by name, those that the token counts for.
        bound: the one project that the token counts for; "" for all of the account.
        label: the token's; "" for an access token. expires: when, in seconds since 1970.
    """

    name: str
    uid: int
    level: str
    projects: Mapping[str, Membership] = field(default_factory=dict)
    bound: str = ""
    label: str = ""
    expires: int = 0

    def look(self, project: str) -> None:
        """Refuse a project that it does not count for, as if there were none."""
        if project not in self.projects:
            raise not_found()

    def change(self, project: str) -> None:
        """Refuse a project that it may not change.

        Raises:
            ProblemError: 404 where it does not count for the project, 403 for a viewer.
        """
        self.look(project)
        role = self.projects[project].role
        if role not in _MAY_CHANGE:
            what = f"{self.name} is {role} of {project}, and may not change what runs there"
            raise ProblemError(403, what, "An owner of the project can make you a member.")


def who(said: Mapping[str, Any], name: str, expires: int) -> Who | None:
    """Return who a token, or the account service, says that it is; None where it says nobody.

    A token that is bound to a project counts for no other, whatever else is said.
    """
    bound, projects = said.get("project") or "", said.get("projects")
    if not _ACCOUNT.fullmatch(name) or not isinstance(projects, list):
        return None
    try:
        found = {
            str(each["name"]): Membership(int(each["gid"]), str(each["role"]))
            for each in projects
            if not bound or each["name"] == bound
        }
        uid, level = int(said["uid"]), str(said["level"])
    except (KeyError, TypeError, ValueError):
        return None
    return Who(name, uid, level, found, str(bound), str(said.get("label") or ""), expires)
