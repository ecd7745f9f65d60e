"""The lock before there is a Swarm: flock(1) on the master, held by a process there.

The process reads this command's beats from its standard input. After STALE_SECONDS without one, or
when the connection ends, the process ends, and the kernel frees the lock.
"""

from __future__ import annotations

import os
import shlex
import threading
from contextlib import suppress

from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.lock.holder import BEAT_SECONDS, STALE_SECONDS, Holder, LockedError

PATH = "/run/skp.lock"
_TAKEN, _BUSY = "skp: taken", 75
_DAY = 86400.0  # seconds: the command's deadline; missing beats end the process much earlier
# Whoever can open the file can hold the lock for ever: root alone. An older version made it 0644.
_SCRIPT = f"""
umask 077
exec 9>>{PATH} || exit 1
chmod 600 {PATH}
flock -n 9 || {{ cat {PATH} >&2; exit {_BUSY}; }}
printf '%s\\n' "$1" >{PATH}
echo '{_TAKEN}' >&2
while IFS= read -r -t {STALE_SECONDS} _; do :; done
: >{PATH}
"""


class FileLock:
    """The file lock while this process holds it: two threads keep and feed the master's process."""

    def __init__(self, node: Node, me: Holder) -> None:
        """Start to take the lock on `node`; `wait` tells whether it was taken."""
        self._node, self._me = node, me
        self._taken, self._ended = threading.Event(), threading.Event()
        self._ending = threading.Event()
        self._error: NodeError | None = None
        self._busy: LockedError | None = None
        read, self._write = os.pipe()
        self._keeper = threading.Thread(target=self._keep, args=(read,), daemon=True)
        self._beater = threading.Thread(target=self._beat, daemon=True)
        self._keeper.start()
        self._beater.start()

    def wait(self) -> None:
        """Wait until the lock is taken; raises LockedError or NodeError if it can't be."""
        if not self._taken.wait(self._node.deadlines.request):
            self._error = NodeError(self._node.name, "the lock on the master is not to be had")
        self.check()

    def check(self) -> None:
        """Raise LockedError if another command holds the lock or it was lost.

        Raises:
            NodeError: the master can't be asked, or the connection to it broke.
        """
        if self._busy:
            raise self._busy
        if self._error:
            raise self._error
        if self._ended.is_set():
            raise LockedError(None)

    def release(self) -> None:
        """End the process on the master, which frees the lock."""
        self._ending.set()
        self._beater.join()
        self._keeper.join(self._node.deadlines.request)

    def _keep(self, read: int) -> None:
        """Run the process on the master until it ends, and note why it did."""
        command = shlex.join(["sudo", "-n", "bash", "-c", _SCRIPT, "skp", self._me.dumps()])
        try:
            with os.fdopen(read, "rb", buffering=0) as stdin:
                done = self._node.run(command, stdin=stdin, deadline=_DAY, on_line=self._heard)
            if done.exit_code == _BUSY:
                self._busy = LockedError(Holder.parse(done.stderr.decode(errors="replace")))
            elif done.exit_code:
                self._error = NodeError(self._node.name, f"locking {PATH}: {done.complaint()}")
        except NodeError as error:
            self._error = error
        finally:
            self._ended.set()
            self._taken.set()

    def _heard(self, line: str) -> None:
        if line == _TAKEN:
            self._taken.set()

    def _beat(self) -> None:
        """Write beats until `release`; the end of this pipe then ends the master's process."""
        with suppress(BrokenPipeError):  # the process on the master has ended: check() says so
            while not self._ending.wait(BEAT_SECONDS):
                os.write(self._write, b"\n")
        os.close(self._write)


def take(node: Node, me: Holder) -> FileLock:
    """Take the lock on the master.

    Raises:
        LockedError: another command holds it. NodeError: the master can't be asked for it.
    """
    lock = FileLock(node, me)
    try:
        lock.wait()
    except BaseException:  # also Ctrl-C: nobody else knows of this lock yet
        lock.release()
        raise
    return lock
