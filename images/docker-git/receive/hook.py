"""pre-receive: what is pushed to the branch that is deployed is deployed, or is refused."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import time

from receive import files, refs, session
from receive.asking import GoneError, ask
from receive.files import Commit
from receive.refs import RefusedError, Update

_LOCK_SECONDS, _TOLD = 900, 15  # for another push to the project; between two lines about that
_ENDING = 60  # seconds that git may take after this hook to have the branch moved
_OPTIONS = {"plan", "json"}


def main() -> int:
    """Return 0 to have git accept the push."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        _pushed(refs.parsed(sys.stdin), _options())
    except RefusedError as error:
        _say(f"refused: {error}")
        return 1
    except (GoneError, BrokenPipeError):
        return 1
    return 0


def _options() -> set[str]:
    """Return what `git push -o` said."""
    count = int(os.environ.get("GIT_PUSH_OPTION_COUNT", "0"))
    found = {os.environ.get(f"GIT_PUSH_OPTION_{number}", "") for number in range(count)}
    if unknown := sorted(found - _OPTIONS):
        raise RefusedError(f"-o {unknown[0]!a}: allowed: {', '.join(sorted(_OPTIONS))}")
    return found


def _pushed(updates: list[Update], options: set[str]) -> None:
    head = files.head()
    for told in refs.others(updates, head):
        _say(told)
    update = refs.deploying(updates, head)
    if update is None:
        if "plan" in options:
            raise RefusedError(f"-o plan is for {head.rpartition('/')[2]}, which was not pushed")
        return
    if not update.is_new and not files.is_ancestor(update.old, update.new):
        raise RefusedError("it is no continuation of what is deployed: git pull, or git revert")
    commit = Commit(update.new)
    trees = commit.trees()
    archive = commit.archive(trees)
    if not trees:
        _say(f"no folder below {files.TOP}/: nothing is to be deployed")
    _take_lock(os.environ["SKP_PROJECT"])
    if files.now(head) != ("" if update.is_new else update.old):
        raise RefusedError("somebody else has pushed meanwhile: git pull, then push again")
    request = {
        "account": os.environ["SKP_ACCOUNT"],
        "project": os.environ["SKP_PROJECT"],
        "action": "plan" if "plan" in options else "apply",
        "commit": update.new,
        "trees": trees,
    }
    as_json = "json" in options
    found = ask(request, archive, _say if as_json else _told)
    if not found.get("ok"):
        raise RefusedError("nothing was changed" + _number(found))
    if "plan" in options:
        raise RefusedError("planned, nothing changed")
    if not as_json:
        _say(f"{found.get('ended', 'deployed')}{_number(found)}")


def _number(found: dict[str, object]) -> str:
    return f" (push {found['push']})" if "push" in found else ""


def _told(said: str) -> None:
    """Show a line of text of the gate's."""
    found = json.loads(said)
    if "line" in found:
        _say(str(found["line"]))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _take_lock(project: str) -> None:
    """Have pushes to a project be one after another, until git has moved the branch.

    Raises:
        RefusedError: another one goes on for too long.
    """
    lock = os.open(f"/tmp/push-{project}", os.O_WRONLY | os.O_CREAT, 0o600)  # noqa: S108
    ends, next_word = time.monotonic() + _LOCK_SECONDS, time.monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if session.is_gone(session.descriptor()):
                raise GoneError from None
            if time.monotonic() > ends:
                raise RefusedError(f"another push goes on for {_LOCK_SECONDS} s") from None
        if time.monotonic() >= next_word:
            _say("waiting: another push to this project is being deployed")
            next_word = time.monotonic() + _TOLD
        time.sleep(0.1)
    _keep_until_git_ends()


def _keep_until_git_ends() -> None:
    """Have a process of its own keep what is open until git, which runs this hook, has ended."""
    git = os.pidfd_open(os.getppid())
    if os.fork():
        return
    os.setsid()
    for standard in range(3):
        os.close(standard)
    select.select([git], [], [], _LOCK_SECONDS + 1800 + _ENDING)
    os._exit(0)
