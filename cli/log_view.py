"""Logs for a person, and as JSON lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from invoke import Exit

from cli import output
from cli.session import Session
from cluster.errors import ExitCode, NodeError

if TYPE_CHECKING:
    from cluster.commands.logs import Event, Query, Source
    from cluster.connectors.fleet import Fleet
    from cluster.model.redaction import Mask


def show_logs(s: Session, name: str, wanted: Query) -> None:
    """Show the logs of what `name` means, and end with 1 if a node or a log could not be read."""
    until_left(lambda: _show(s, name, wanted))


def until_left(show: Callable[[], int]) -> None:
    """Show logs, and end with 1 if a node or a log could not be read.

    A reader that has seen enough (head, less) is no error; Ctrl-C is how a followed log is left.

    Args:
        show: returns how many could not be.
    """
    try:
        errors = show()
        sys.stdout.flush()
    except KeyboardInterrupt:
        raise Exit(code=int(ExitCode.INTERRUPTED)) from None
    except BrokenPipeError:
        # Nothing is left to do, and at an orderly end Python complains of what it could not write,
        # and of the threads that were still reading.
        os._exit(int(ExitCode.OK))
    if errors:
        raise Exit(code=int(ExitCode.FAILED))


def _show(s: Session, name: str, wanted: Query) -> int:
    """Show all, and return how many nodes and logs could not be read."""
    from cluster.commands.logs import Source
    from cluster.model.redaction import known
    from cluster.model.selector import among

    nodes = [host.name for host in s.hosts]
    with s.fleet() as fleet:  # the managers too: they keep the secrets that are to be hidden
        view = s.view(fleet)
        state = view.state
        errors = [state.unreachable[node] for node in nodes if node in state.unreachable]
        for error in errors:
            _complain(s, error)
        found = {n: state.nodes[n].containers for n in nodes if n in state.nodes}
        sources = [Source(node, c.name, c.id) for node, c in among(found, name)]
        return len(errors) + print_logs(s, fleet, sources, wanted, known(view.cluster, state))


def print_logs(
    s: Session, fleet: Fleet, sources: Sequence[Source], wanted: Query, mask: Mask
) -> int:
    """Print the lines of logs as they come, and return how many could not be read."""
    from cluster.commands.logs import Ended, read

    failed = 0
    several = len({source.name for source in sources}) > 1
    for event in read(fleet, sources, wanted, mask):
        text, fields = told(event, several=several)
        error = event.error if isinstance(event, Ended) else None
        failed += error is not None
        if s.options.json and fields:
            output.show_json(fields, indent=None)
        elif error:
            output.complain(text)
        elif isinstance(event, Ended):
            s.say(text) if text else None
        else:
            output.show_line(text)
    return failed


def told(event: Event, *, several: bool) -> tuple[str, dict[str, str]]:
    """Return what is told of a log: for a person, and as JSON says it; nothing of a plain end.

    Args:
        several: whether there are logs of several containers.
    """
    from cluster.commands.logs import Ended

    node, name = event.source.node, event.source.name
    if not isinstance(event, Ended):
        place = f"{node} {name}" if several else node
        fields = {"node": node, "container": name, "stream": event.stream, "line": event.text}
        return f"{place}: {event.text}", fields
    if error := event.error:
        return f"skp: {error}", {"node": error.node, "error": error.what, "hint": error.hint}
    if event.why:
        return f"{node} {name}: {event.why}", {"node": node, "container": name, "ended": event.why}
    return "", {}


def _complain(s: Session, error: NodeError) -> None:
    if s.options.json:
        output.show_json({"node": error.node, "error": error.what, "hint": error.hint}, indent=None)
    else:
        output.complain(f"skp: {error}")
