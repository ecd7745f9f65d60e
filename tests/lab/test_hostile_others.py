"""What a notebook's user, root of a worker, or a local account tries further: each has to fail.

Each test first asserts that the attacker had what the attack needs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from tests.support.lab import container_ids, on, secret, skp

HOME = "/home/skp/skp"
STORED = "/var/lib/skp/secrets.env"
FILES = "/var/lib/skp/files/jupyter-skp"
# The kernel's doors that need no capability where a container's filter leaves them open.
DOORS = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    return "open" if libc.syscall(*words) >= 0 else os.strerror(ctypes.get_errno())
def opened(*words):
    try:
        socket.socket(*words)
        return "open"
    except OSError as error:
        return error.strerror
def written(path):
    try:
        os.close(os.open(path, os.O_WRONLY))
        return "open"
    except OSError as error:
        return error.strerror
print("userns", call(272, 0x10000000))
print("bpf", call(321, 0, 0, 0))
print("keyctl", call(250, 0, -3, 1))
print("mount", call(165, b"/", b"/mnt", 0, 4096, 0))
print("perf", call(298, 0, 0, -1, -1, 0))
print("io_uring", call(425, 1, ctypes.create_string_buffer(120)))
print("userfaultfd", call(323, 0))
print("handle", call(304, -100, 0, 0))
print("packet", opened(socket.AF_PACKET, socket.SOCK_RAW, 0))
print("raw", opened(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP))
print("tcp", opened(socket.AF_INET, socket.SOCK_STREAM))
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches"):
    print(path, written(path))
"""


def types(command: str) -> str:
    """Run a command in the notebook server's container, and return what it prints."""
    ran = skp("docker.exec-shell", "-h", "c01", "-n", "jupyter-skp", "-c", command)
    assert ran.code == 0, ran.all
    return ran.out


def test_the_kernel_opens_a_notebook_no_door(platform: None) -> None:
    assert "uid=0" in on("c01", "sudo -u nobody unshare -Ur id").out, "open to all on the node"
    found = dict(
        line.split(" ", 1) for line in types(f"python3 -c {shlex.quote(DOORS)}").splitlines()
    )
    assert found.pop("tcp") == "open"
    assert len(found) == 12
    assert set(found.values()) <= {"Operation not permitted", "Permission denied"}, found


# The clipboard, a title, a question to the terminal, eight-bit commands, a line that is written
# over, and text that is shown in another order.
COMMANDS = (
    r"a\033]52;c;cm0gLXJm\007b\033]0;t\033\\c\033[6nd\302\2332Je\rf\010g\342\200\256h\342\201\247i"
)


def test_a_notebooks_log_commands_no_terminal(changed: None) -> None:
    types(f"printf 'begin {COMMANDS} end\\n' >/proc/1/fd/1")
    shown = skp("docker.logs", "-n", "jupyter-skp", "--nodes", "c01")
    (line,) = [line for line in shown.out.split("\n") if "begin a" in line and line.endswith("end")]
    assert "52;c;cm0gLXJm" in line, "what was text stays to be read"
    assert not [c for c in line if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2067"]


def test_a_notebook_that_writes_log_for_ever_fills_no_disk(changed: None) -> None:
    size = "sudo sh -c 'cat $(docker inspect -f {{.LogPath}} jupyter-skp)* | wc -c'"
    assert int(on("c01", size).out) < 65 << 20
    line = "x" * 99
    wrote = types(f"yes {line} | head -c 75000000 | tee /proc/1/fd/1 | wc -c")
    assert int(wrote) == 75_000_000
    assert int(on("c01", size).out) < 65 << 20


@pytest.fixture
def closed(changed: None) -> Iterator[None]:
    """A notebook's user has closed what he has in his folder, to everybody."""
    types("mkdir -p ~/his/ssh && touch ~/his/ssh/x && chmod 0 ~/his/ssh/x ~/his/ssh ~/his")
    yield
    on("c01", f"sudo rm -rf {HOME}/volume/his")


def test_folders_that_a_notebook_closes_stop_no_command(closed: None) -> None:
    assert on("c01", f"ls {HOME}/volume/his").code != 0, "closed to the SSH user too"
    ran = skp("docker.apply")
    assert ran.code == 0, ran.all
    assert "Nothing to change" in ran.out


# It takes each process that becomes free, and does not end when it is told to.
BOMB = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setsid()
while True:
    try:
        if os.fork() == 0:
            time.sleep(600)
    except OSError:
        time.sleep(0.001)
"""


def test_a_notebook_that_leaves_no_process_free_is_restarted(changed: None) -> None:
    """Nothing can be asked in it any more: neither its health, nor whether it is at work."""
    types(f"python3 -c {shlex.quote(BOMB)} </dev/null >/dev/null 2>&1 & sleep 4")
    look = "docker stats --no-stream --format '{{.PIDs}}' jupyter-skp"
    assert int(on("c01", look).out) > 4000
    ran = skp("docker.restart", "-n", "jupyter-skp", "--busy", "replace")
    assert ran.code == 0, ran.all
    assert int(on("c01", look).out) < 1000


OF_ROOT = [
    STORED,
    f"{FILES}/password",
    f"{FILES}/gateway-token",
    "/var/lib/skp/audit.jsonl",
    f"{HOME}/platform/registry/docker/registry/v2/repositories/skp",
    "/var/run/docker.sock",
]


@pytest.mark.parametrize("path", OF_ROOT)
def test_a_local_account_reads_nothing_of_the_platform(platform: None, path: str) -> None:
    quoted = shlex.quote(path)
    assert on("c01", f"sudo test -e {quoted}").code == 0
    assert on("c01", "sudo -u nobody test -x /var/lib/skp").code == 0, "he gets that far"
    for right in "rw":
        assert on("c01", f"sudo -u nobody test -{right} {quoted}").code != 0


def test_a_local_account_can_write_or_lock_nothing_that_commands_use(platform: None) -> None:
    """What he may open he may lock, for as long as he likes."""
    places = f"/var/lib/skp /usr/local/lib/skp {HOME}/platform $(ls -d /run/skp* 2>/dev/null)"
    asked = f"find {places} \\( -type f -o -type d -o -type p \\)"
    assert f"{HOME}/platform/.lock" in on("c01", f"sudo sh -c '{asked}'").out.split()
    found = on("c01", f"sudo -u nobody sh -c '{asked} -writable' 2>/dev/null").out.split()
    assert found == []
    read = on("c01", f"sudo -u nobody sh -c '{asked} -readable' 2>/dev/null").out.split()
    assert not [path for path in read if path.endswith(".lock") or "audit" in path]


def test_no_secret_is_on_a_command_line_while_a_notebook_is_made(changed: None) -> None:
    look = "while [ ! -e /tmp/watched ]; do cat /proc/[0-9]*/cmdline; done 2>/dev/null"
    watched = f"sudo -u nobody timeout 60 sh -c '{look}' >/tmp/seen 2>/dev/null </dev/null & true"
    on("c01", "rm -f /tmp/watched /tmp/seen")
    assert on("c01", watched).code == 0
    before = container_ids()["c01"]["jupyter-skp"]
    try:
        assert on("c01", "docker rm -f jupyter-skp").code == 0
        ran = skp("docker.apply")
        assert ran.code == 0, ran.all
        assert container_ids()["c01"]["jupyter-skp"] != before
    finally:
        on("c01", "touch /tmp/watched; sleep 1")
    seen = on("c01", "tr '\\0' ' ' </tmp/seen; rm -f /tmp/watched /tmp/seen").out
    assert "install -d -m 0500" in seen, "what root is told to do is there to be seen"
    for key in ("JUPYTER_PASSWORD", "JUPYTER_GATEWAY_TOKEN", "SKP_SPEC_KEY"):
        assert secret(key) not in seen
