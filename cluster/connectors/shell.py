"""The shell that runs SKP's commands on a node, whatever shell the SSH user has there. Pure.

sshd hands a command to the user's login shell (zsh, fish, csh; bash with a ~/.bashrc that greets),
or to a forced command. That one is only asked to become a plain `sh` with an environment of ours,
in words that all of them read alike; the commands come to that `sh` by its standard input. What
was printed before they begin is told from their answers by a mark (decision 85).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cluster.errors import NodeError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for first; a user's own folders come after it."""
SOCKET = "/var/run/docker.sock"
"""The engine's socket: requests and the docker client's commands reach the same engine."""
# Who the user is, where temporary files go, and how the machine reaches its registries
# (images/host/gather).
_KEPT = (
    "HOME", "USER", "LOGNAME", "SSH_CONNECTION", "TMPDIR",
    *("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "PIP_CONFIG_FILE", "NPM_CONFIG_REGISTRY", "npm_config_registry", "GOENV"),
    *("GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"),
)  # fmt: skip
_OURS = {"LC_ALL": "C.UTF-8", "DOCKER_HOST": f"unix://{SOCKET}"}
CLIENT = ("env", f"DOCKER_HOST=unix://{SOCKET}", "docker")
"""The docker client for shells that are not ours, whatever DOCKER_HOST or context they have."""
UMASK = 0o022
"""Of files and folders that commands make."""
MOST_BEFORE = 1 << 16
"""Bytes that a login may print before a command begins."""
_SHOWN = 200  # characters of them in a message

CLEAN = f"""umask {UMASK:03o}; unset $(export -p | while IFS== read -r name _; do
case ${{name#export }} in
*[!A-Za-z0-9_]* | PATH | UID | EUID | PPID | SHELLOPTS | BASHOPTS | {" | ".join(_KEPT)}) ;;
*) echo ${{name#export }} ;; esac; done)
cd ~ 2>/dev/null || cd /
export PATH {" ".join(f"{name}={value}" for name, value in _OURS.items())}
"""
"""Gives a shell our environment and umask, in the user's home.

What bash keeps from being unset is left out. `export -p` is a builtin: this starts no program."""
AS_ROOT = f"umask {UMASK:03o}; PATH={PATH}; LC_ALL=C.UTF-8; export PATH LC_ALL\n"
"""Begins every script of root: sudoers may set another umask and secure_path."""


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of SKP's commands, made of one that is `given`."""
    kept = {name: given[name] for name in _KEPT if name in given}
    path = f"{PATH}:{given['PATH']}" if given.get("PATH") else PATH
    return {**kept, **_OURS, "PATH": path}


class _Takes(Protocol):
    """What keeps an answer: `base.Lines`."""

    full: bool

    def write(self, data: bytes) -> None: ...
    def stop(self) -> None: ...
    def end(self) -> None: ...


@dataclass
class Begun:
    """Passes on what comes after the mark.

    Attributes:
        before: what came before it, or all if it never came.
    """

    mark: bytes
    lines: _Takes
    before: bytes = b""
    found: bool = False

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        if self.found:
            self.lines.write(data)
            return
        self.before, found, rest = (self.before + data).partition(self.mark)
        self.found = bool(found)
        if rest:
            self.lines.write(rest)
        elif self.endless:
            self.lines.stop()

    @property
    def full(self) -> bool:
        """Whether more came than may be kept."""
        return self.lines.full or self.endless

    def end(self) -> None:
        """Pass on what came after the last newline, too."""
        self.lines.end()

    @property
    def endless(self) -> bool:
        """Whether so much came that it will hardly begin."""
        return not self.found and len(self.before) > MOST_BEFORE


@dataclass(frozen=True)
class Call:
    """One command as it is sent.

    Attributes:
        command: what is to be run, in POSIX shell.
    """

    command: str
    _nonce: tuple[str, str] = field(
        default_factory=lambda: (secrets.token_hex(8), secrets.token_hex(8))
    )

    @property
    def mark(self) -> bytes:
        """What the command's output begins with, on both streams; nothing that is sent has it."""
        return "skp:{}:{}\n".format(*self._nonce).encode()

    @property
    def script(self) -> bytes:
        """What has to come first on standard input."""
        say = "printf 'skp:%s:%s\\n' {} {}".format(*self._nonce)
        return f"{say}; {say} >&2\n{CLEAN}{self.command}\n{self._end}\n".encode()

    @property
    def _end(self) -> str:
        return f"end-{self._nonce[0][:8]}"

    @property
    def line(self) -> str:
        """What sshd is asked to run: an `sh` that reads lines up to the last, and runs them.

        Single quotes without a quote, an exclamation mark or a newline between them mean the same
        to all shells. `read` takes nothing of what follows the last line, which is the command's;
        `head` of uutils would. A script that came in part, since a connection broke, is not run.
        """
        read = f'while IFS= read -r l; do [ "$l" = {self._end} ] && f=1 && break; s=$s$l$n; done'
        begin = f'PATH={PATH}:$PATH; s= f= n=$(printf "\\n."); n=${{n%.}}'
        return f'exec /bin/sh -c \'{begin}; {read}; [ "$f" ] && eval "$s"\''

    def begun(self, lines: _Takes) -> Begun:
        """Return what passes on to `lines` what comes after the mark."""
        return Begun(self.mark, lines)


def refusal(node: str, output: bytes, errors: bytes, exit_code: int) -> NodeError:
    """Return the error for a login that did not run a command: its mark never came.

    Args:
        output, errors: what the login printed instead.
    """
    said = " ".join((errors + b" " + output).decode(errors="replace").split())
    shown = f'"{said[:_SHOWN]}"' if said else "nothing"
    return NodeError(
        node,
        f"the SSH login there does not run commands: it says {shown} (exit code {exit_code})",
        f"See what runs instead: ssh {node} uname. SKP needs a login shell that runs what it is "
        "told\n  (there: getent passwd), and no forced command (command= in authorized_keys, "
        "ForceCommand of sshd).",
    )
