"""What runs beside sshd: asks again and again who may log in, and ends the sessions of others."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from logins import ask, homes, host_key, sessions, state
from logins.members import apart_from, gone, group_of, passwd_of
from logins.state import State
from logins.told import Told

_USUAL, _MOST = 30, 120  # seconds from one look to the next
_SSHD = ("/usr/sbin/sshd.debian", "-D", "-e")
EXTRA = Path("/var/lib/extrausers")


def serve(told: Told) -> int:
    """Run sshd, and look who may log in until it ends; return its exit code."""
    os.umask(0o022)
    state.FOLDER.mkdir(mode=0o700, exist_ok=True)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    host_key.write(told, socket.gethostname())
    agent = Agent(told)
    agent.look()
    # (What is given to the container is not given to those who log in.)
    sshd = subprocess.Popen(_SSHD, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sshd.terminate())
    ended = threading.Event()

    def wait() -> None:
        sshd.wait()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    while not ended.wait(interval(os.environ.get("LOGINS_SECONDS", ""))):
        agent.look()
    return sshd.returncode


def interval(said: str) -> int:
    """Return the seconds from one look to the next, of what a person may have said."""
    seconds = int(said) if said.isascii() and said.isdigit() else _USUAL
    return min(max(seconds, 1), _MOST)


class Agent:
    """Looks, and tells what is new of how that goes."""

    def __init__(self, told: Told) -> None:
        self._told, self._said = told, ""
        before = state.read()
        self._known = before.known if before else frozenset[int]()

    def look(self) -> None:
        """Ask who may log in; where nobody answers, what was known counts on for its time."""
        begun = state.now()
        with suppress(OSError):
            homes.protect()
        passwd = Path("/etc/passwd").read_text(encoding="utf-8", errors="replace")
        try:
            found, own = apart_from(ask.members(self._told), passwd)
        except ask.AwayError as error:
            self._tell(
                f"the account service does not answer ({error}): no password is right, and keys "
                f"count for {state.SECONDS // 60} minutes more"
            )
            return
        self._keep(State(begun, found, self._known | found.uids))
        lacking = f"; not {', '.join(own)}: the image has a user of that name or id" if own else ""
        self._tell(f"accounts of {self._told.project} that may log in: {len(found.every)}{lacking}")

    def _keep(self, heard: State) -> None:
        """Write who may log in, then end what runs as others: no new session of theirs begins.

        That is done where nothing can be written, too: somebody may have filled the disk for that.
        """
        self._known, found = heard.known, heard.members
        try:
            state.write(heard)
            state.replace(EXTRA / "passwd", passwd_of(found), 0o644)
            state.replace(EXTRA / "group", group_of(self._told.project, found), 0o644)
        except OSError as error:
            self._tell(f"who may log in can't be written ({error.strerror})")
        if ended := sessions.end(gone(self._known, found.uids)):
            self._tell(f"ended what ran as {', '.join(map(str, ended))}: may not be here any more")

    def _tell(self, news: str) -> None:
        """Write a line to the container's log, if it is another one than the last."""
        if news != self._said:
            self._said = news
            sys.stderr.write(f"logins-skp: {news}\n")
            sys.stderr.flush()
