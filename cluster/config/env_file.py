"""bin/env.sh as what it exports.

The file is a shell script, so bash evaluates it: in a clean environment, so that what a person
happens to have exported changes nothing, and with every use of an unset variable an error.
"""

from __future__ import annotations

import getpass
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from cluster.errors import ConfigError

EVALUATION_SECONDS = 10
_SHOWN_LINES = 4
_SHELL_OWN = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "PATH", "HOME", "USER", "LOGNAME", "LANG"})
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
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
class EnvFile:
    """What the script at `path` sets.

    Attributes:
        exported: the variables that it exports.
        private: the names of the variables that it sets and does not export.
    """

    path: Path
    exported: Mapping[str, str]
    private: frozenset[str]

    @cached_property
    def _lines(self) -> list[str]:
        return _lines(self.path)

    def line(self, key: str) -> int | None:
        """Return the last line that assigns `key`, or None; bash itself does not tell."""
        pattern = re.compile(rf"^([^#]*[\s;])?{re.escape(key)}=")
        found = [number for number, text in enumerate(self._lines, 1) if pattern.match(text)]
        return found[-1] if found else None

    def place(self, key: str) -> str:
        """Return where `key` is set, as "bin/env.sh:7"."""
        line = self.line(key)
        return f"{self.path}:{line}" if line else str(self.path)


def evaluate(path: Path) -> EnvFile:
    """Return what the shell script at `path` sets.

    Raises:
        ConfigError: when it can't be read, has a syntax error, uses an unset variable, ends the
            shell, or hangs.
    """
    _check(path)
    with _in_memory() as output, _in_memory() as said, _in_memory() as progress:
        code = _run(path, output, said, progress)
        at = _last_place(path, progress)
        if code is None:
            raise ConfigError(
                f"{at}: still running after {EVALUATION_SECONDS} s",
                "bin/env.sh should only set variables: take out what waits or asks.",
            )
        said.seek(0)
        _check_said(path, said.read(1 << 16).decode(errors="replace"))
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
    file = EnvFile(path, {k: v.decode(errors="replace") for k, v in own.items()}, private)
    for key, value in own.items():
        if value.decode(errors="replace").encode() != value:
            raise ConfigError(
                f"{file.place(key)}: {key}: its value is not UTF-8", "Write the text itself."
            )
    _check_cut(path, parts[1].decode(errors="replace"))
    return file


def _in_memory() -> IO[bytes]:
    """Return a file that no disk sees: it takes passwords."""
    return os.fdopen(os.memfd_create("skp"), "w+b")


def _check(path: Path) -> None:
    """Refuse what bash would misread, or read in silence."""
    named = "It is the file of the settings, bin/env.sh unless SKP_ENV names another."
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file", named) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a folder; a file is needed", named) from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}", f"ls -l {path}") from None
    if data.startswith(_UTF_16):
        raise ConfigError(f"{path}:1: UTF-16, not UTF-8", "Save the file as UTF-8.")
    if data.startswith(_BOM):
        raise ConfigError(
            f"{path}:1: it begins with a byte order mark, which bash takes for a word",
            f"sed -i '1s/^\\xEF\\xBB\\xBF//' {path}",
        )
    for number, line in enumerate(data.split(b"\n"), 1):
        _check_line(f"{path}:{number}", line, path)
    if not data.strip():
        raise ConfigError(
            f"{path}:1: the file is empty, which would set everything back to its default",
            "Take it from a copy, or from where you got SKP: git checkout bin/env.sh",
        )


def _check_line(place: str, line: bytes, path: Path) -> None:
    if line.endswith(b"\r"):
        raise ConfigError(f"{place}: Windows line ends (CRLF)", f"sed -i 's/\\r$//' {path}")
    if b"\0" in line:
        raise ConfigError(f"{place}: a NUL byte; text is needed", "Is it the right file?")
    try:
        line.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{place}: not UTF-8", "Save the file as UTF-8.") from None


def _run(path: Path, output: IO[bytes], said: IO[bytes], progress: IO[bytes]) -> int | None:
    """Evaluate the script; return bash's exit code, or None when it hung and was ended."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(Path.home()),
        "USER": getpass.getuser(),
        "LOGNAME": getpass.getuser(),
        "LANG": "C.UTF-8",
    }
    words = ["bash", "--noprofile", "--norc", "-c", _SCRIPT, "skp", str(path.absolute())]
    process = subprocess.Popen(
        [*words, str(progress.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=said,
        pass_fds=[progress.fileno()],
        env=environment,
        start_new_session=True,  # so that what it started ends with it
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


def _last_place(path: Path, progress: IO[bytes]) -> str:
    """Return "FILE:LINE" of the last command that was begun in a file."""
    progress.seek(max(0, progress.seek(0, os.SEEK_END) - (1 << 14)))
    places = [line for line in progress.read().decode().splitlines() if line.startswith("/")]
    return places[-1].replace(str(path.absolute()), str(path)) if places else str(path)


def _check_said(path: Path, said: str) -> None:
    """Refuse a script about which bash complained, without showing a piece of a password."""
    shown = said.replace(str(path.absolute()), str(path))
    found = re.findall(r"^(\S.*?): (?:[a-z -]+: )?line (\d+): (.+)$", shown, re.MULTILINE)
    if not found:
        return
    secret = _secret_words(path)
    lines = [
        f"{file}:{number}: bash can't evaluate it{_without(secret, what)}"
        for file, number, what in found[:_SHOWN_LINES]
    ]
    raise ConfigError("\n".join(dict.fromkeys(lines)), _advice(path, found[0][2]))


def _without(secret: frozenset[str], what: str) -> str:
    hides = any(word in what for word in secret)
    return " (what it says is not shown: it quotes a password)" if hides else f": {what}"


def _advice(path: Path, what: str) -> str:
    if what.endswith(": unbound variable"):
        return f"A variable is not set before it is used; is it spelt right?\n  {_QUOTING}"
    # bash names the line where it noticed, not the one where a quote is missing.
    if found := re.search("looking for matching [`'](.)'", what):
        for number, line in enumerate(_lines(path), 1):
            if line.count(found[1]) % 2:
                return f"Line {number} is the first with an odd number of {found[1]}\n  {_QUOTING}"
    return _QUOTING


def _secret_words(path: Path) -> frozenset[str]:
    """Return what bash may quote of the lines that set a password."""
    pattern = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|KEY)\s*=(.*)")
    values = [found[2] for line in _lines(path) if (found := pattern.search(line))]
    words = (word for value in values for word in re.split(r"[\s'\"`;&|()<>$]+", value))
    return frozenset(word for word in words if len(word) > 1)


def _check_cut(path: Path, exports: str) -> None:
    """Refuse `export KEY=two words`: bash takes the second word for a name of its own."""
    names = set(re.findall(r"^declare -\w+ (\w+)$", exports, re.MULTILINE)) - _SHELL_OWN
    for number, key in _cut_values(path, names):
        raise ConfigError(
            f"{path}:{number}: {key}: bash ends the value at a blank",
            f'Put it into quotes: export {key}="..."',
        )
    for number, line in enumerate(_lines(path), 1):
        found = re.match(r"\s*export\s+(\w+)\s*(#|$)", line)
        if found and found[1] in names:
            raise ConfigError(
                f"{path}:{number}: {found[1]} is exported without a value",
                f'Write: export {found[1]}="value"',
            )
    if names:  # not told, since it may be a piece of a password
        raise ConfigError(f"{path}: a word is exported without a value", _QUOTING)


def _cut_values(path: Path, names: set[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_lines(path), 1):
        found = re.match(r"\s*export\s+(\w+)=(.*)", line)
        if found and names & set(re.findall(r"\w+", found[2])):
            yield number, found[1]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").split("\n")
