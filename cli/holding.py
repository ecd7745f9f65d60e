"""docker.apply, where GIT_HOLDS says so: deployments go back to what was pushed last."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from cli import pushing
from cli.json_line import parsed
from cluster.errors import NodeError

if TYPE_CHECKING:
    from cli.session import Session

_SECONDS = 900  # for all deployments of a project


def hold(s: Session) -> None:
    """Have the gate bring back what is another by now, of each project with a repository.

    Raises:
        NodeError: the gate does not run, or could not.
    """
    with s.fleet(s.inventory.managers) as fleet:
        cluster = s.cluster(fleet)
        node = fleet.node(s.inventory.master.name)
        projects = pushing.projects(cluster, fleet)
        if s.options.dry or not projects:
            return
        name = shlex.quote(cluster.settings.text("GATE_NAME"))
        for project in projects:
            asked = f"docker exec {name} gate-hold {shlex.quote(project)}"
            done = node.run(asked, deadline=_SECONDS)
            said = [parsed(line) for line in done.text.splitlines()]
            for each in said:
                if "line" in each:
                    s.say(str(each["line"]).strip())
            results = [each["result"] for each in said if "result" in each]
            found: dict[str, Any] = results[-1] if results else {}
            if not found.get("ok"):
                what = f"{project}: deployments could not be held to what was pushed"
                raise NodeError(node.name, what, str(found.get("error", done.complaint())))
