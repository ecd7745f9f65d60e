"""What a shell offers at the next word beside commands and options: nodes, containers, services.

All of it is read from this machine's files: nothing is asked of a node while a person types.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable

import services
from cli.options import Options
from cli.session import Session
from cluster.errors import SkpError
from cluster.model.policy import Busy
from cluster.model.state import State


def candidates(line: str) -> list[str] | None:
    """Return what may be the last word of a command line; None where commands and options may.

    Args:
        line: as shells give it: the words with a blank between, one behind them for a new word.
    """
    words = _words(line)
    *before, word = words if words and not line.endswith(" ") else [*words, ""]
    task = next((w for w in reversed(before) if "." in w and "/" not in w), "")
    option, assigned, value = word.partition("=")
    prefix = ""
    if word == "=" or (before and before[-1] == "="):  # as bash splits --nodes=c01
        option, value = before[-1 if word == "=" else -2], "" if word == "=" else word
    elif assigned and word.startswith("-"):
        prefix = f"{option}="
    elif before and before[-1].startswith("-"):
        option, value = before[-1], word
    elif task in _WORDS and not word.startswith("-"):
        return _offered(_WORDS[task], "", is_list=False)
    else:
        return None
    found = _VALUES.get(option)
    if found is None or (option == "-s" and task == "cron.install"):
        return None
    return [prefix + offered for offered in _offered(found, value, is_list=option == "--nodes")]


def _offered(found: Callable[[Session], Iterable[str]], value: str, *, is_list: bool) -> list[str]:
    """Return the values that are there; in a list, as the next of those that stand there."""
    try:
        every = sorted(set(found(Session(Options()))))
    except SkpError:
        return []  # the files are wrong: the command itself will say how
    named = value.rpartition(",")[0] if is_list else ""
    done = named.split(",")
    return [f"{named},{one}" if named else one for one in every if one not in done]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()  # a quotation that is not closed yet


def _nodes(s: Session) -> Iterable[str]:
    return s.inventory.names


def _services(_: Session) -> Iterable[str]:
    return services.catalogue()


def _containers(s: Session) -> Iterable[str]:
    """Return the names of what is wanted, and those of families (kafka-skp of kafka-skp-2)."""
    cluster, nothing = s.declared.alone(), State({}, {}, None)
    for service in services.catalogue().values():
        for container in service.containers(cluster, nothing):
            yield container.name
            yield container.name.removesuffix(f"-{container.node}").rstrip("-0123456789")


def _passwords(s: Session) -> Iterable[str]:
    return s.settings.password_keys


_Find = Callable[[Session], Iterable[str]]
_VALUES: dict[str, _Find] = {
    "--nodes": _nodes, "-h": _nodes, "--host": _nodes, "-n": _containers, "--name": _containers,
    "-s": _services, "--services": _services, "--service": _services, "--key": _passwords,
    "-k": _passwords, "--busy": lambda _: [*Busy],
}  # fmt: skip
_WORDS: dict[str, _Find] = {
    **dict.fromkeys(("docker.apply", "docker.plan", "docker.status"), _services),
    **dict.fromkeys(("secrets.show", "secrets.rotate"), _passwords),
}
