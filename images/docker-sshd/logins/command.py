"""`logins-skp VERB`: what sshd (sshd_config(5)) and PAM (pam_exec(8)) run, as root.

An exit code other than 0 refuses. So does whatever goes wrong.
"""

from __future__ import annotations

import os
import sys

from logins import ask, homes, state, told

_MOST = 1024  # bytes of a password; longer ones are nobody's


def keys(name: str) -> int:
    """Print the keys of an account, as of now; where nobody answers, as they were known last."""
    try:
        found = ask.keys(told.read(), name)
    except ask.AwayError:
        kept = state.read()
        member = kept.find(name, state.now()) if kept else None
        found = member.keys if member else ()
    sys.stdout.write("".join(f"{key}\n" for key in found))
    return 0


def password(name: str) -> int:
    """Refuse a password, from standard input, that is not the account's.

    Nobody is asked about those who are not in the project. (sshd has PAM look at their passwords
    too, which would count as wrong ones of theirs.)
    """
    kept = state.read()
    given = sys.stdin.buffer.read(_MOST + 1).partition(b"\0")[0]
    if kept is None or kept.members.find(name) is None or not 0 < len(given) <= _MOST:
        return 1
    try:
        return 0 if ask.fits(told.read(), name, given.decode()) else 1
    except (ask.AwayError, UnicodeDecodeError):
        return 1


def account(name: str) -> int:
    """Refuse who may not log in, as far as is known, by whatever he has shown who he is."""
    kept = state.read()
    return 0 if kept and kept.find(name, state.now()) else 1


def home(name: str) -> int:
    """Make the home of who logs in; refuse what is not his."""
    kept = state.read()
    member = kept.find(name, state.now()) if kept else None
    if kept is None or member is None:
        return 1
    try:
        homes.make(member, kept.members.gid)
    except (homes.HomeError, OSError) as error:
        _complain(f"{name} is not let in: {error}")
        return 1
    return 0


_BY_PAM = {"password": password, "account": account, "home": home}


def main(words: list[str]) -> int:
    """Return the exit code."""
    match words:
        case ["serve"]:
            from logins import agent

            try:
                return agent.serve(told.read())
            except told.ToldError as error:
                _complain(str(error))
                return 1
        case ["keys", name]:
            return keys(name)
        case [verb] if verb in _BY_PAM:
            return _BY_PAM[verb](os.environ.get("PAM_USER", ""))
    sys.stderr.write(f"usage: logins-skp serve | keys NAME | {' | '.join(_BY_PAM)}\n")
    return 2


def _complain(why: str) -> None:
    """Write to the container's log, which PAM's programs do not have."""
    try:
        with open("/proc/1/fd/2", "w", encoding="utf-8") as log:  # noqa: PTH123 - a pipe
            log.write(f"logins-skp: {why}\n")
    except OSError:
        sys.stderr.write(f"logins-skp: {why}\n")
