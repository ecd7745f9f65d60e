"""Files of nodes and credentials: these tests have a shell of this machine write them."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.config.secrets import Secret
from cluster.connectors.base import Completed
from cluster.errors import NodeError
from cluster.model.files import Credential, NodeFile
from cluster.model.item import Kind
from cluster.operations.base import Operation
from cluster.operations.files import InstallFile, RemoveFile, SaveCredential
from cluster.operations.shared_files import LINKED, MISSING, reading, removing
from tests.support.fakes import Ran, done
from tests.support.operation_scenes import on_disk
from tests.support.scenes import HUSH, Scene


def shell(ran: Ran) -> Completed:
    """Run a command as the user of this test, whoever was to run it."""
    words = shlex.split(ran.command)
    command = words[-1] if words[0] == "sudo" else ran.command
    assert isinstance(ran.stdin, bytes)
    ended = subprocess.run(["sh", "-c", command], input=ran.stdin, capture_output=True, check=False)
    return Completed(ended.returncode, ended.stdout, ended.stderr)


def carried_out(operation: Operation) -> Scene:
    scene = on_disk(operation)
    scene.c01.on_run("", shell)
    scene.run()
    return scene


@pytest.fixture
def file(tmp_path: Path) -> NodeFile:
    path = tmp_path / "etc" / "a b"
    return NodeFile(str(path), "content\n", 0o755, str(tmp_path / "bin" / "a"))


def test_a_file_is_written_with_its_mode_and_its_link(file: NodeFile) -> None:
    carried_out(InstallFile("c01", file))
    path, link = Path(file.path), Path(file.link)
    assert path.read_text() == "content\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert link.readlink() == path
    assert [entry.name for entry in path.parent.iterdir()] == ["a b"]


def test_a_file_takes_the_place_of_another_at_once(file: NodeFile) -> None:
    carried_out(InstallFile("c01", file))
    before = Path(file.path).stat().st_ino
    carried_out(InstallFile("c01", replace(file, content="more\n")))
    assert Path(file.path).read_text() == "more\n"
    assert Path(file.path).stat().st_ino != before


def test_what_follows_a_file_is_run_when_it_is_there(file: NodeFile, tmp_path: Path) -> None:
    then = f"cp {shlex.quote(file.path)} {tmp_path}/seen"
    carried_out(InstallFile("c01", replace(file, then=then)))
    assert (tmp_path / "seen").read_text() == "content\n"


def test_a_file_goes_with_its_link_and_its_empty_folder(file: NodeFile) -> None:
    carried_out(InstallFile("c01", file))
    carried_out(RemoveFile("c01", file))
    assert not Path(file.path).parent.exists()
    assert not Path(file.link).is_symlink()


def test_a_folder_that_has_more_in_it_stays(file: NodeFile, tmp_path: Path) -> None:
    carried_out(InstallFile("c01", file))
    (Path(file.path).parent / "more").write_text("")
    carried_out(RemoveFile("c01", replace(file, link="", then=f"touch {tmp_path}/told")))
    assert [entry.name for entry in Path(file.path).parent.iterdir()] == ["more"]
    assert Path(file.link).is_symlink()
    assert (tmp_path / "told").exists()


@pytest.mark.parametrize("make", [InstallFile, RemoveFile])
def test_a_command_that_root_can_t_run_is_an_error(make: type[Operation]) -> None:
    scene = on_disk(make("c01", NodeFile("/etc/skp/a", "")))  # type: ignore[call-arg]
    scene.c01.on_run("sudo", done(1, stderr="read-only file system"))
    with pytest.raises(NodeError, match="c01: a command as root failed: read-only file system"):
        scene.run()


@pytest.fixture
def credential(tmp_path: Path) -> Credential:
    return Credential(str(tmp_path), "x y/z/password", Secret(HUSH))


def file_of(credential: Credential) -> Path:
    return Path(credential.root, credential.path)


def test_a_file_on_the_share_is_for_all_to_read(credential: Credential) -> None:
    carried_out(SaveCredential("c01", "x/password", credential))
    path = file_of(credential)
    assert path.read_text() == HUSH
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == ["password"]


def test_a_credential_is_not_written_as_root(credential: Credential) -> None:
    scene = carried_out(SaveCredential("c01", "x/password", credential))
    assert "sudo" not in scene.c01.wire[0]


def test_a_credential_travels_by_standard_input(credential: Credential) -> None:
    scene = carried_out(SaveCredential("c01", "x/password", credential))
    (ran,) = scene.c01.commands
    assert ran.stdin == HUSH.encode()
    assert HUSH not in ran.command


def test_a_credential_that_can_t_be_written_is_told_without_it(credential: Credential) -> None:
    scene = on_disk(SaveCredential("c01", "x/password", credential))
    scene.c01.on_run("", done(1, stderr="Disk quota exceeded"))
    with pytest.raises(NodeError) as raised:
        scene.run()
    what = f"c01: {credential.root}/x y/z/password can't be written: Disk quota exceeded"
    assert str(raised.value) == what


def test_half_of_a_credential_is_not_seen(credential: Credential) -> None:
    carried_out(SaveCredential("c01", "x/password", credential))
    path = file_of(credential)
    path.with_name("password.new").mkdir()
    with pytest.raises(NodeError, match="can't be written"):
        carried_out(SaveCredential("c01", "x/password", replace(credential, content=Secret("2"))))
    assert path.read_text() == HUSH


def linked_folder(path: Path, own: Path) -> None:
    path.parent.parent.mkdir()
    path.parent.symlink_to(own.parent)


def linked_grandparent(path: Path, own: Path) -> None:
    (own.parent / path.parent.name).mkdir()
    path.parent.parent.symlink_to(own.parent)


def linked_file(path: Path, own: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(own)


def linked_temporary(path: Path, own: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_name("password.new").symlink_to(own)


def fifo(path: Path, own: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    os.mkfifo(path.with_name("password.new"))


WAYS = [linked_folder, linked_grandparent, linked_file, linked_temporary, fifo]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The SSH user's own file, which no notebook may change."""
    folder = tmp_path.parent / f"{tmp_path.name}-home"
    folder.mkdir()
    for name in ("authorized_keys", "password"):
        (folder / name).write_text("mine")
    return folder / "authorized_keys"


@pytest.mark.parametrize("way", WAYS)
def test_what_a_notebook_put_in_its_place_is_not_followed(
    credential: Credential, own: Path, way: Callable[[Path, Path], None]
) -> None:
    way(file_of(credential), own)
    with suppress(NodeError):
        carried_out(SaveCredential("c01", "x/password", credential))
    assert {path.read_text() for path in own.parent.iterdir() if path.is_file()} == {"mine"}
    assert not [path for path in own.parent.rglob("*") if path.name.startswith("password.")]


@pytest.mark.parametrize("way", WAYS[:2])
def test_a_link_on_the_way_is_told(
    credential: Credential, own: Path, way: Callable[[Path, Path], None]
) -> None:
    way(file_of(credential), own)
    with pytest.raises(NodeError, match=r"a part of this path below .* is a link") as raised:
        carried_out(SaveCredential("c01", "x/password", credential))
    assert "ls -l" in raised.value.hint


@pytest.mark.parametrize("way", WAYS[2:])
def test_what_is_in_the_files_own_place_is_replaced(
    credential: Credential, own: Path, way: Callable[[Path, Path], None]
) -> None:
    way(file_of(credential), own)
    carried_out(SaveCredential("c01", "x/password", credential))
    assert not file_of(credential).is_symlink()
    assert file_of(credential).read_text() == HUSH


@pytest.mark.parametrize("way", [*WAYS[:3], fifo])
def test_a_credential_is_not_read_from_elsewhere(
    credential: Credential, own: Path, way: Callable[[Path, Path], None]
) -> None:
    way(file_of(credential), own)
    words = ["sh", "-c", reading(credential.root, credential.path)]
    read = subprocess.run(words, capture_output=True, check=False, timeout=30)
    assert (read.returncode, read.stdout) == (LINKED, b"")


def test_a_credential_is_read_as_it_was_written(credential: Credential) -> None:
    words = ["sh", "-c", reading(credential.root, credential.path)]
    assert subprocess.run(words, capture_output=True, check=False).returncode == MISSING
    carried_out(SaveCredential("c01", "x/password", credential))
    read = subprocess.run(words, capture_output=True, check=False)
    assert (read.returncode, read.stdout.decode()) == (0, HUSH)
    file_of(credential).write_text("")
    assert subprocess.run(words, capture_output=True, check=False).returncode == MISSING


@pytest.mark.parametrize("way", WAYS)
def test_what_is_removed_is_never_elsewhere(
    credential: Credential, own: Path, way: Callable[[Path, Path], None]
) -> None:
    way(file_of(credential), own)
    words = ["sh", "-c", removing(credential.root, credential.path)]
    ended = subprocess.run(words, capture_output=True, check=False, timeout=30)
    assert ended.returncode in (0, LINKED, MISSING)
    assert {path.read_text() for path in own.parent.iterdir() if path.is_file()} == {"mine"}
    assert way in WAYS[:2] or not os.path.lexists(file_of(credential))


def test_files_and_credentials_are_called_as_reports_call_them(
    file: NodeFile, credential: Credential
) -> None:
    operations = [
        InstallFile("c01", file),
        RemoveFile("c01", file),
        SaveCredential("c01", "x/password", credential),
    ]
    assert [o.key for o in operations] == [
        (Kind.FILE, "c01", file.path),
        (Kind.FILE, "c01", file.path),
        (Kind.CREDENTIAL, "c01", "x/password"),
    ]
