"""cron.*: commands that come again by themselves, from the crontab of whoever calls."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from invoke import Collection, Exit, ParseError
from invoke.parser import Parser, ParserContext

from cli import output
from cli.command import command
from cli.session import ENV, FROM_CALLER, Session
from cluster.config.settings import ROOT
from cluster.errors import ConfigError

if TYPE_CHECKING:
    from cron import crontab

ns = Collection("cron")
_PROGRAM = ROOT / "skp.py"


@command(
    help={
        "schedule": 'When: cron\'s five fields, e.g. "*/10 * * * *", or @hourly, @daily, ...',
        "command": 'What: a command with its options, e.g. "docker.apply".',
    }
)
def install(s: Session, schedule: str = "", command: str = "") -> None:
    """Have a command run by cron; the same command again gets the new schedule."""
    from cron import crontab
    from cron import table as cron

    words = _checked(command)
    entry = crontab.Entry(
        crontab.check(schedule), shlex.join(words), cron.environment((ENV, *FROM_CALLER))
    )
    others = [found for found in _entries() if found.command != entry.command]
    _replace(s, [*others, entry])


@command(name="list")
def list_(s: Session) -> None:
    """List what cron runs of this checkout's commands."""
    from cluster.model.line import table

    found = _entries()
    rows = [(entry.schedule, entry.command) for entry in found]
    lines = (
        table(("SCHEDULE", "COMMAND"), rows) if rows else ["cron runs nothing of this checkout."]
    )
    s.show([{"schedule": e.schedule, "command": e.command} for e in found], lines)


@command(help={"command": "Only this command; all without it."})
def rm(s: Session, command: str = "") -> None:
    """Take commands out of the crontab."""
    found = _entries()
    wanted = shlex.join(shlex.split(command))
    if command and wanted not in [entry.command for entry in found]:
        known = ", ".join(entry.command for entry in found) or "none"
        raise ConfigError(f"cron does not run {command}", f"There are: {known}")
    _replace(s, [entry for entry in found if command and entry.command != wanted])


@command(name="tick", help={"command": "The command with its options."})
def tick_(_: Session, command: str = "") -> None:
    """Run a command as cron does: quiet unless there is news; see log/cron.log."""
    from cron import tick

    code, news = tick.tick(_PROGRAM, _checked(command), ROOT / "log")
    output.show(news, end="")
    if code:
        raise Exit(code=code)


def _entries() -> list[crontab.Entry]:
    from cron import crontab
    from cron import table as cron

    return crontab.parse(cron.table(), str(_PROGRAM))


def _replace(s: Session, entries: list[crontab.Entry]) -> None:
    from cron import crontab
    from cron import table as cron

    before = cron.table()
    after = crontab.dumps(before, str(_PROGRAM), entries)
    if after == before:
        s.say("nothing to change")
    elif s.options.dry:
        output.show(after, end="")
    else:
        cron.replace(after)
        s.say(f"cron runs: {', '.join(entry.command for entry in entries) or 'nothing'}")


def _checked(text: str) -> list[str]:
    """Return the words of a command that this program has, with options that it knows."""
    from cli.program import join_words
    from tasks import ns as every

    hint = './skp.py cron.install -s "*/10 * * * *" -c docker.apply'
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"the command {text!r}: {error}", hint) from None
    if not text.isprintable():
        raise ConfigError(f"the command {text!r} is more than one line", hint)
    if not words or words[0] not in every.task_names or words[0].startswith(("cron.", "lab.")):
        raise ConfigError(
            f"{text!r} is no command that cron can run" if text else "a command (-c) is needed",
            f"{hint}\n  ./skp.py --list shows the commands.",
        )
    try:
        Parser(contexts=every.to_contexts(), initial=ParserContext()).parse_argv(join_words(words))
    except (ParseError, ValueError) as error:
        raise ConfigError(f"the command {text!r}: {error}", hint) from None
    return words


for _task in (install, list_, rm, tick_):
    ns.add_task(_task)
