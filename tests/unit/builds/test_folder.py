"""What a folder is packed as: the same for the same files, and nothing that is no file."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from cluster.errors import ConfigError
from workloads.build_folder import Folder, read


def made(at: Path, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    for name, text in files.items():
        (at / name).write_text(text)
    return at


def packed(found: Folder, most: int = 1 << 20) -> tuple[str, dict[str, tarfile.TarInfo]]:
    buffer = io.BytesIO()
    digest = found.pack(buffer, most)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        return digest, {entry.name: entry for entry in archive}


def test_the_same_files_are_the_same_input(tmp_path: Path) -> None:
    one = made(tmp_path / "one", Dockerfile="FROM a\n", app="x")
    two = made(tmp_path / "two", app="x", Dockerfile="FROM a\n")
    os.utime(two / "app", (1, 1))
    (two / "app").chmod(0o600)
    made(two / ".git", HEAD="y")
    first, entries = packed(read(one))
    assert packed(read(two))[0] == first
    assert list(entries) == ["Dockerfile", "context/Dockerfile", "context/app"]
    assert {(e.uid, e.gid, e.mtime, e.mode) for e in entries.values()} == {(0, 0, 0, 0o644)}
    (two / "app").chmod(0o755)
    assert packed(read(two))[0] != first


def test_links_stay_links_and_lead_nobody_out(tmp_path: Path) -> None:
    top = made(tmp_path / "top", Dockerfile="FROM a\n")
    (top / "passwd").symlink_to("/etc/passwd")
    (top / "etc").symlink_to("/etc")
    entries = packed(read(top))[1]
    assert [e.linkname for e in entries.values() if e.issym()] == ["/etc", "/etc/passwd"]
    assert len(entries) == 4


def test_what_is_no_file_and_what_is_too_much_is_refused(tmp_path: Path) -> None:
    top = made(tmp_path / "top", Dockerfile="FROM a\n", large="x" * 2000)
    with pytest.raises(ConfigError, match="it has more than 0 MB"):
        packed(read(top), 1000)
    os.mkfifo(top / "pipe")
    with pytest.raises(ConfigError, match="pipe: neither a plain file"):
        packed(read(top))


def test_what_says_how_to_build(tmp_path: Path) -> None:
    top = made(tmp_path / "top", **{"build.yaml": "engine: none\n"})
    assert read(top).text.startswith("FROM skp/base:trixie\n")
    assert read(top / "build.yaml").named == str(top / "build.yaml")
    made(top, Dockerfile="FROM a\n")
    assert read(top).text == "FROM a\n"
    for path, said in (
        (made(tmp_path / "none"), "nothing says how to build"),
        (tmp_path / "gone", "there is no such file"),
        (made(tmp_path / "empty", Dockerfile=" "), "Dockerfile:1: the file is empty"),
    ):
        with pytest.raises(ConfigError, match=said):
            read(path)
