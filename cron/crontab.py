"""Our block in a person's crontab, between two marks; all other lines stay as they are. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cluster.errors import ConfigError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_NICKNAMES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_TICK = " cron.tick -c "


@dataclass(frozen=True)
class Entry:
    """One line of the block.

    Attributes:
        schedule: cron's five fields, or one of its names for them, e.g. "@daily".
        command: the command and its options as a person types them, e.g. "docker.apply".
        environment: the variables that the command needs and that cron does not set.
    """

    schedule: str
    command: str
    environment: Mapping[str, str]

    def line(self, program: str) -> str:
        """Return the line as crontab(5) reads it, where an unquoted % would end the command.

        Args:
            program: the path of skp.py.
        """
        given = [f"{key}={shlex.quote(value)}" for key, value in sorted(self.environment.items())]
        words = " ".join([*given, shlex.quote(program)])
        return f"{self.schedule} {words}{_TICK}{shlex.quote(self.command)}".replace("%", r"\%")


def check(schedule: str) -> str:
    """Return a schedule with single blanks between its fields.

    Raises:
        ConfigError: the schedule is not of cron's form, or is "@reboot", which never comes again.
    """
    fields = schedule.split()
    if len(fields) == 1 and fields[0] in _NICKNAMES:
        return fields[0]
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            f'the schedule "{schedule}" has {len(fields)} field(s); allowed: five (minute, hour, '
            f"day of month, month, day of week), or one of {', '.join(_NICKNAMES)}",
            './skp.py cron.install -s "*/10 * * * *" -c docker.apply',
        )
    for field, (name, least, most, words) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part, least, most, words) for part in field.split(",")):
            raise ConfigError(
                f'the schedule "{schedule}": {name}: "{field}"; allowed: {least} to {most}, '
                "*, ranges (1-5), steps (*/10), and lists of them (1,3)"
            )
    return " ".join(fields)


def _fits(part: str, least: int, most: int, words: Sequence[str]) -> bool:
    values, slash, step = part.partition("/")
    if slash and not (step.isdigit() and 0 < int(step) <= most):
        return False
    if values == "*":
        return True
    first, dash, last = values.partition("-")
    numbers = [_number(value, least, words) for value in ([first, last] if dash else [first])]
    if slash and not dash:
        return False  # "5/10": some crons accept it, others refuse the whole table
    return all(least <= number <= most for number in numbers) and numbers == sorted(numbers)


def _number(value: str, least: int, words: Sequence[str]) -> int:
    if value.lower() in words:
        return words.index(value.lower()) + least
    return int(value) if re.fullmatch(r"[0-9]{1,2}", value) else -1


def parse(table: str, program: str) -> list[Entry]:
    """Return the entries of our block in a crontab's text."""
    return [_parsed(line) for line in _split(table, program)[1] if _TICK in line]


def dumps(table: str, program: str, entries: Iterable[Entry]) -> str:
    """Return the crontab's text with `entries` as our block; without entries, without a block."""
    others = _split(table, program)[0]
    lines = [entry.line(program) for entry in entries]
    begin, end = _marks(program)
    block = [begin, *lines, end] if lines else []
    return "".join(f"{line}\n" for line in [*others, *block])


def _marks(program: str) -> tuple[str, str]:
    return f"# SKP {program}: made by cron.install, ends below", f"# SKP {program}: end"


def _split(table: str, program: str) -> tuple[list[str], list[str]]:
    """Return the lines outside of our block, and those inside.

    Raises:
        ConfigError: the block's end mark is missing, so its last line is not known.
    """
    begin, end = _marks(program)
    outside: list[str] = []
    inside: list[str] = []
    current = outside
    for line in table.removesuffix("\n").split("\n") if table else ():
        if line == begin:
            current = inside
        elif line == end:
            current = outside
        else:
            current.append(line)
    if current is inside:
        raise ConfigError(
            f'the crontab has the line "{begin}" without its end', "Put it right: crontab -e"
        )
    return outside, inside


def _parsed(line: str) -> Entry:
    plain = line.replace(r"\%", "%")
    before, _, command = plain.partition(_TICK)
    words = before.split()
    count = 1 if words[0].startswith("@") else len(_FIELDS)
    schedule = " ".join(words[:count])
    rest = shlex.split(before)[count:-1]
    environment = dict(word.split("=", 1) for word in rest)
    return Entry(schedule, shlex.split(command)[0], environment)
