"""The program in the data volumes' image: credentials, what is pending, how old its word may be."""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cluster.config.secrets import Secret
from services.volumes.key_pair import key_pair

PROGRAM = Path(__file__).parent.parent.parent / "images" / "docker-fuse" / "volume"
MODULES = ("status", "sieve", "mounts", "client", "work", "backends", "supervisor")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, ModuleType]]:
    """Load the program's modules as its container does, over folders of their own."""
    monkeypatch.syspath_prepend(str(PROGRAM))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is there is in the image
    loaded = {name: importlib.import_module(name) for name in MODULES}
    status, backends = loaded["status"], loaded["backends"]
    for name in ("private", "cache", "credentials"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(status, "PRIVATE", tmp_path / "private")
    monkeypatch.setattr(status, "_FILE", tmp_path / "private" / "status.json")
    monkeypatch.setattr(status, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(backends, "CREDENTIALS", tmp_path / "credentials")
    monkeypatch.setattr(loaded["client"], "UID", os.getuid())
    monkeypatch.setattr(loaded["client"], "GID", os.getgid())
    yield loaded
    for name in MODULES:
        del sys.modules[name]


LINE = "AAAAC3NzaC1lZDI1NTE5AAAAIPeSuW5M6yjhli/5x5Fqvgzcs3uPXemss4uVB0APn3ny"
FORMS = [
    ("S3", "passwd-s3fs", "id:s3/key+1\n"),
    ("Blob", "account-key", "QUJD\n"),
    ("Sshfs", "known_hosts", f"[files.example]:2222 ssh-ed25519 {LINE}\n"),
]


@pytest.fixture
def given(program: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the credentials, with a key for SSHFS in it."""
    private = key_pair(Secret("a secret")).private.reveal()
    (tmp_path / "credentials" / "id_ed25519").write_text(private)
    monkeypatch.setattr(program["backends"], "_RCLONE", tmp_path / "rclone.conf")
    for name, value in (("ACCOUNT", "account"), ("URL", "")):
        monkeypatch.setenv(name, value)
    return tmp_path / "credentials"


@pytest.mark.parametrize(("backend", "name", "content"), FORMS)
def test_a_credential_of_its_form_is_copied_for_the_client_alone(
    program: dict[str, ModuleType],
    given: Path,
    tmp_path: Path,
    backend: str,
    name: str,
    content: str,
) -> None:
    (given / name).write_text(content)
    getattr(program["backends"], backend)().prepare()
    copied = tmp_path / "private" / name
    assert (copied.read_text(), copied.stat().st_mode & 0o777) == (content, 0o400)


@pytest.mark.parametrize(("backend", "name", "content"), FORMS)
@pytest.mark.parametrize("more", ["endpoint = http://his.example", "", " x", "\0"])
def test_what_would_be_more_than_a_credential_is_refused(
    program: dict[str, ModuleType], given: Path, backend: str, name: str, content: str, more: str
) -> None:
    (given / name).write_text(f"{content}{more}\n")
    with pytest.raises(program["backends"].SetupError, match=f"{name} is not of its form"):
        getattr(program["backends"], backend)().prepare()


def test_a_key_file_gives_rclone_no_option(
    program: dict[str, ModuleType], given: Path, tmp_path: Path
) -> None:
    written = tmp_path / "rclone.conf"
    (given / "account-key").write_text("QUJD\nendpoint = http://his.example\n")
    with pytest.raises(program["backends"].SetupError):
        program["backends"].Blob().prepare()
    assert not written.exists()
    (given / "account-key").write_text("QUJD\n")
    program["backends"].Blob().prepare()
    assert "key = QUJD\n" in written.read_text()


def test_a_credential_that_is_missing_is_told_with_the_command_that_makes_it(
    program: dict[str, ModuleType],
) -> None:
    wrong = r"passwd-s3fs: No such file or directory; \./skp\.py s3fs\.init, then docker\.apply"
    with pytest.raises(program["backends"].SetupError, match=wrong):
        program["backends"].S3().prepare()


@pytest.mark.parametrize(
    ("backend", "option"),
    [("Sshfs", "default_permissions"), ("S3", "default_permissions"),
     ("Blob", "--default-permissions")],
)  # fmt: skip
def test_the_kernel_checks_permissions(
    program: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, backend: str, option: str
) -> None:
    names = "USER_ID HOST PORT FOLDER BUCKET URL REGION ACCOUNT CACHE_SIZE"
    for name in names.split():
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("OWNER", "1000:100")
    words = getattr(program["backends"], backend)().command()
    assert option in [part for word in words for part in word.split(",")]
    assert any(part in ("uid=1000", "--uid=1000") for w in words for part in w.split(","))


def test_what_rclone_has_not_sent_is_pending(
    program: dict[str, ModuleType], tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "vfsMeta" / "blob" / "data"
    folder.mkdir(parents=True)
    for name, size, dirty in (("a", 100, True), ("b", 50, False), ("empty", 0, True)):
        (folder / name).write_text(json.dumps({"Size": size, "Dirty": dirty}))
    (folder / "half").write_text('{"Size": 3')
    assert program["backends"].Blob().pending() == 102, "what can't be told counts, as 1"


def test_an_old_word_is_not_believed(
    program: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    status = program["status"]
    status.write(state="mounted", mounted=True, alive=True, error="")
    assert status.read()["alive"]
    now = status.time.monotonic()
    monkeypatch.setattr(status.time, "monotonic", lambda: now + 31)
    assert (status.read()["state"], status.read()["alive"]) == ("stuck", False)


def test_a_mount_command_that_has_worked_is_remembered_and_another_is_not(
    program: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status = program["status"]
    monkeypatch.setattr(status, "_WORKED", tmp_path / "cache" / "worked")
    assert not status.worked(["s3fs", "data"])
    status.works(["s3fs", "data"])
    assert status.worked(["s3fs", "data"])
    assert not status.worked(["s3fs", "other"])
    monkeypatch.setattr(status, "_WORKED", tmp_path / "nowhere" / "worked")
    status.works(["s3fs", "data"])  # a disk that can't be written is no reason to give up
    assert not status.worked(["s3fs", "data"])


def test_a_client_at_work_is_told_from_one_that_waits(program: dict[str, ModuleType]) -> None:
    work = program["work"]
    children = [
        # (The work is a child's, as ssh is sshfs's.)
        subprocess.Popen([*words], start_new_session=True)
        for words in (("sleep", "60"), ("sh", "-c", "cat /dev/zero >/dev/null; true"))
    ]
    try:
        end = time.monotonic() + 20
        waiting, busy = (work.Work(child.pid) for child in children)
        while not busy.goes_on():
            assert time.monotonic() < end
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            waiting.goes_on()
        assert not waiting.goes_on()
        while not busy.goes_on():  # on a busy machine it may have had no turn in these 0.2 s
            assert time.monotonic() < end
    finally:
        for child in children:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def test_what_is_given_to_the_client_is_not_what_a_link_names(
    program: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, bool]] = []
    monkeypatch.setattr(program["client"], "UID", os.getuid() + 1)
    monkeypatch.setattr(
        "os.chown",
        lambda path, *_, follow_symlinks, **__: given.append((str(path), follow_symlinks)),
    )
    (tmp_path / "cache" / "vfs").mkdir()
    (tmp_path / "cache" / "vfs" / "link").symlink_to("/etc")
    program["client"].own(tmp_path / "cache" / "vfs")
    assert given == [("link", False), (f"{tmp_path}/cache/vfs", False)]


def test_what_the_client_left_in_a_cache_can_not_stop_its_supervisor(
    program: dict[str, ModuleType], tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "vfsMeta"
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("/dev/zero")
    (folder / "true").write_text(json.dumps({"Size": 7, "Dirty": True}))
    assert program["backends"].Blob().pending() == 7


def test_of_a_clients_wishes_those_are_heard_that_give_no_right(
    program: dict[str, ModuleType],
) -> None:
    heard = program["mounts"].heard
    nosuid_nodev, read_only = 6, 1
    assert heard("suid,dev,exec,fd=0,user_id=0,rootmode=777") == (nosuid_nodev, "", [])
    asked = r"ro,fsname=u@h:/a\,b,subtype=x,max_read=65536,max_read=x,default_permissions"
    wishes = ["max_read=65536", "default_permissions"]
    assert heard(asked) == (nosuid_nodev | read_only, "u@h:/a,b", wishes)


FILTERED = """
import ctypes, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def failed(call, *words): return ctypes.get_errno() if call(*words) else 0
def calls():
    return [
        failed(libc.unshare, 0), failed(libc.setns, -1, 0), failed(libc.umount2, b"/nowhere", 0)
    ]
before = calls()
content = open(sys.argv[1], "rb").read()
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(content) // 8, content)), 0, 0) == 0
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
assert os.system("exit 3") == 3 << 8
print(before, calls())
"""


def test_a_client_makes_no_name_space_and_mounts_nothing(
    program: dict[str, ModuleType], tmp_path: Path
) -> None:
    (tmp_path / "filter").write_bytes(program["sieve"].program())
    words = [sys.executable, "-c", FILTERED, str(tmp_path / "filter")]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    before, after = json.loads(f"[{ran.stdout.strip().replace('] [', '],[')}]")
    assert before[0] == 0, (before, ran.stderr)
    assert before[1] != after[1]
    assert after == [errno.EPERM] * 3
