"""A task of ours: takes the common options, turns errors into messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from invoke import Context, Exit, Task
from invoke.parser import Argument

from cli import options, output
from cli.session import Session
from cluster.errors import ExitCode, InterruptError, NodeError, SkpError


class Command(Task):  # type: ignore[type-arg]
    """A task whose body gets a Session instead of Invoke's context.

    Attributes:
        known_as: its name as a person types it, e.g. docker.apply.
    """

    known_as = ""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Add the common options to the body's own."""
        own = super().get_arguments(ignore_unknown_help)
        taken = frozenset(name for argument in own for name in argument.names)
        common = options.arguments()
        for argument in common:
            argument.names = tuple(n for n in argument.names if n not in taken)
        return [*own, *common]

    def __call__(self, context: Context, *args: Any, **kwargs: Any) -> None:
        """Run the body; every error a person can cause or meet becomes a message."""
        chosen = options.taken(kwargs, dict(context.config.get("skp", {})))
        self.times_called += 1
        try:
            with output.settled():
                self.body(Session(chosen, self.known_as), *args, **kwargs)
        except SkpError as error:
            fail(error, chosen.json)
        except BrokenPipeError:
            sys.stderr.close()  # whoever read our output has seen enough
            raise Exit(code=int(ExitCode.FAILED)) from None
        except KeyboardInterrupt:
            fail(InterruptError("interrupted; the same command again goes on"), chosen.json)


def command(**given: Any) -> Callable[[Callable[..., None]], Command]:
    """Make a function a command: like Invoke's `task`, with our options and error handling."""
    return lambda body: Command(body, **given)


def fail(error: SkpError, as_json: bool) -> NoReturn:
    """Show an error and what to type next, and end with its exit code."""
    if isinstance(error, NodeError) and not error.hint:
        error.hint = f"./skp.py host.check --nodes {error.node} looks for what is wrong there."
    if as_json:
        output.show_json(document(error))
    else:
        output.complain(f"skp: {error}")
    raise Exit(code=int(error.exit_code))


def document(error: SkpError) -> dict[str, Any]:
    """Return what a command's JSON says of an error."""
    code = int(error.exit_code)
    return {"ok": False, "exit_code": code, "error": error.what, "hint": error.hint}
