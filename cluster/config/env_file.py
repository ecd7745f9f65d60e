"""The variables that bin/env.sh exports.

The file is a shell script, so bash evaluates it: in a clean environment, so that what a person has
exported changes nothing, and with an error for every use of an unset variable.
"""

from __future__ import annotations

import getpass
import os
import re
import select
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from cluster.config import env_text, env_values
from cluster.config.file_mode import others
from cluster.errors import ConfigError

EVALUATION_SECONDS = 10
_SHOWN_LINES = 4
_ASSIGNED = re.compile(r"(?:^|(?<=[\s;]))([A-Za-z_][A-Za-z0-9_]*)=")
_SHELL_OWN = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "PATH", "HOME", "USER", "LOGNAME", "LANG"})
_QUOTING = """Write each setting as export KEY="value", without blanks around the =.
  In "double quotes" the characters " $ ` \\ are special, in 'single quotes' nothing is
  (a ' itself is then written '\\'')."""
# Prints, each part ended by NUL NUL: what is exported, with values; what is exported, as bash
# writes it, since that shows names without a value too; the names of all variables. A file that
# ends the shell prints nothing. Builtins only: a value may be longer than a program's argument.
# The trap notes where the evaluation is, for a file that hangs or exits.
_SCRIPT = r"""
ulimit -f 65536
skp_progress=$2
set -uT
trap 'builtin printf "%s:%s\n" "${BASH_SOURCE[0]-}" "$LINENO" >&"$skp_progress"' DEBUG
source "$1" 1>&2
trap - DEBUG
set +ueT
IFS=$' \t\n'
for skp_name in $(builtin compgen -e); do
  builtin printf '%s=%s\0' "$skp_name" "${!skp_name}"
done
builtin printf '\0%s\0\0%s\0\0' "$(builtin export -p)" "$(builtin compgen -v)"
"""


@dataclass(frozen=True)
class _Source:
    """The file: `path` is its name in messages; a relative one starts at `folder`."""

    path: Path
    folder: Path

    @property
    def file(self) -> Path:
        return (self.folder / self.path).absolute()

    @cached_property
    def lines(self) -> list[str]:
        return self.file.read_text(encoding="utf-8", errors="replace").split("\n")

    @cached_property
    def assigned(self) -> dict[str, int]:
        """By variable the number of the last line that assigns it; bash does not say it."""
        return {
            name: number
            for number, text in enumerate(self.lines, 1)
            for name in _ASSIGNED.findall(text.partition("#")[0])
        }


@dataclass(frozen=True)
class EnvFile:
    """What a script sets.

    Attributes:
        exported: the variables that it exports.
        private: the names of the variables that it sets and does not export.
    """

    _script: _Source
    exported: Mapping[str, str]
    private: frozenset[str]

    @property
    def path(self) -> Path:
        """The script's name in messages."""
        return self._script.path

    def is_shown(self, key: str) -> bool:
        """Whether others on this machine can read the value of `key` in the file.

        A value that a command in the file fetches from elsewhere is not.
        """
        value, file = self.exported.get(key, ""), self._script.file
        if (
            not value
            or not file.is_file()
            or not others(file.stat()) & (stat.S_IRGRP | stat.S_IROTH)
        ):
            return False
        return value in "\n".join(self._script.lines)

    def line(self, key: str) -> int | None:
        """Return the number of the last line that assigns `key`, or None."""
        return self._script.assigned.get(key)

    def place(self, key: str) -> str:
        """Return where `key` is set, as "bin/env.sh:7"."""
        line = self.line(key)
        return f"{self.path}:{line}" if line else str(self.path)


def evaluate(path: Path, folder: Path) -> EnvFile:
    """Return what the shell script at `path` sets.

    Args:
        path: the script, as messages name it.
        folder: where a relative `path` starts; the script's working folder.

    Raises:
        ConfigError: when it can't be read, has a syntax error, uses an unset variable, ends the
            shell, or hangs.
    """
    script = _Source(path, folder)
    _check(script)
    with _in_memory() as output, _in_memory() as complaints, _in_memory() as progress:
        code = _run(script, output, complaints, progress)
        at = _last_place(script, progress)
        if code is None:
            raise ConfigError(
                f"{at}: still running after {EVALUATION_SECONDS} s",
                "bin/env.sh should only set variables: take out what waits or asks.",
            )
        complaints.seek(0)
        _check_complaints(script, complaints.read(1 << 16).decode(errors="replace"))
        output.seek(0)
        parts = output.read().split(b"\0\0")
    if len(parts) != len(("exported", "as bash writes it", "names", "")):
        raise ConfigError(
            f"{at}: it ends the shell (exit code {code})",
            "bin/env.sh should only set variables: take out the exit, or write return.",
        )
    pairs = [pair.partition(b"=") for pair in parts[0].split(b"\0") if pair]
    exported = {key.decode(): value for key, _, value in pairs}
    private = frozenset(parts[2].decode().split()) - exported.keys()
    own = {key: value for key, value in exported.items() if key not in _SHELL_OWN}
    file = EnvFile(script, {k: v.decode(errors="replace") for k, v in own.items()}, private)
    for key, value in own.items():
        if value.decode(errors="replace").encode() != value:
            raise ConfigError(
                f"{file.place(key)}: {key}: its value is not UTF-8", "Write the text itself."
            )
    _check_cut(script, parts[1].decode(errors="replace"))
    return file


def _in_memory() -> IO[bytes]:
    """Return a file in memory: passwords are written to it, and must not reach a disk."""
    return os.fdopen(os.memfd_create("skp"), "w+b")


def _check(script: _Source) -> None:
    """Refuse what bash would misread, or accept without an error."""
    path = script.path
    named = "It is the file of the settings, bin/env.sh unless SKP_ENV names another."
    try:
        data = script.file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file", named) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a folder; a file is needed", named) from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}", f"ls -l {path}") from None
    if others(script.file.stat()) & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(script.file.stat().st_mode)
        raise ConfigError(
            f"{path}: others can write to it (mode {mode:o}), and it is a script that you run",
            f"chmod go-w {path}",
        )
    env_text.check(path, data)
    env_values.check(path, data.decode())


def _run(
    script: _Source, output: IO[bytes], complaints: IO[bytes], progress: IO[bytes]
) -> int | None:
    """Evaluate the script; return bash's exit code, or None when it hung and was killed."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(Path.home()),
        "USER": getpass.getuser(),
        "LOGNAME": getpass.getuser(),
        "LANG": "C.UTF-8",
    }
    words = ["bash", "--noprofile", "--norc", "-c", _SCRIPT, "skp", str(script.file)]
    process = subprocess.Popen(
        [*words, str(progress.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=complaints,
        pass_fds=[progress.fileno()],
        env=environment,
        cwd=script.folder,
        start_new_session=True,  # so that what it started can be killed with it
    )
    ended = os.pidfd_open(process.pid)
    try:
        if select.select([ended], [], [], EVALUATION_SECONDS)[0]:
            return process.wait()
    finally:
        os.close(ended)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return None


def _last_place(script: _Source, progress: IO[bytes]) -> str:
    """Return "FILE:LINE" of the last command that was begun in a file."""
    progress.seek(max(0, progress.seek(0, os.SEEK_END) - (1 << 14)))
    places = [line for line in progress.read().decode().splitlines() if line.startswith("/")]
    return _named(script, places[-1]) if places else str(script.path)


def _named(script: _Source, text: str) -> str:
    """Return bash's `text` with the script's name in messages for its full path."""
    return text.replace(str(script.file), str(script.path))


def _check_complaints(script: _Source, complaints: str) -> None:
    """Refuse a script about which bash complained, without showing a piece of a password."""
    shown = _named(script, complaints)
    found = re.findall(r"^(\S.*?): (?:[a-z -]+: )?line (\d+): (.+)$", shown, re.MULTILINE)
    if not found:
        return
    secret = _secret_words(script)
    lines = [
        f"{file}:{number}: bash can't evaluate it{_without(secret, what)}"
        for file, number, what in found[:_SHOWN_LINES]
    ]
    raise ConfigError("\n".join(dict.fromkeys(lines)), _advice(script, found[0][2]))


def _without(secret: frozenset[str], what: str) -> str:
    hides = any(word in what for word in secret)
    return " (what it says is not shown: it quotes a password)" if hides else f": {what}"


def _advice(script: _Source, what: str) -> str:
    if what.endswith(": unbound variable"):
        return f"A variable is not set before it is used; is it spelt right?\n  {_QUOTING}"
    # bash names the line where it noticed, not the one where a quote is missing.
    if found := re.search("looking for matching [`'](.)'", what):
        for number, line in enumerate(script.lines, 1):
            if line.count(found[1]) % 2:
                return f"Line {number} is the first with an odd number of {found[1]}\n  {_QUOTING}"
    return _QUOTING


def _secret_words(script: _Source) -> frozenset[str]:
    """Return the words of lines that set a password, which bash may quote in a complaint."""
    pattern = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|KEY)\s*=(.*)")
    values = [found[2] for line in script.lines if (found := pattern.search(line))]
    words = (word for value in values for word in re.split(r"[\s'\"`;&|()<>$]+", value))
    return frozenset(word for word in words if len(word) > 1)


def _check_cut(script: _Source, exports: str) -> None:
    """Refuse `export KEY=two words`: bash takes the second word for the name of a variable."""
    path = script.path
    names = set(re.findall(r"^declare -\w+ (\w+)$", exports, re.MULTILINE)) - _SHELL_OWN
    for number, key in _cut_values(script, names):
        raise ConfigError(
            f"{path}:{number}: {key}: bash ends the value at a blank",
            f'Put it into quotes: export {key}="..."',
        )
    for number, line in enumerate(script.lines, 1):
        found = re.match(r"\s*export\s+(\w+)\s*(#|$)", line)
        if found and found[1] in names:
            raise ConfigError(
                f"{path}:{number}: {found[1]} is exported without a value",
                f'Write: export {found[1]}="value"',
            )
    if names:  # the word is not shown, since it may be a piece of a password
        raise ConfigError(f"{path}: a word is exported without a value", _QUOTING)


def _cut_values(script: _Source, names: set[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(script.lines, 1):
        found = re.match(r"\s*export\s+(\w+)=(.*)", line)
        if found and names & set(re.findall(r"\w+", found[2])):
            yield number, found[1]
