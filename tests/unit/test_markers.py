"""What files on a node begin with, asked by a real shell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.facts.markers import parse_probe, probe_script, unread


def said(*paths: Path, shared: str = "/nowhere") -> str:
    words = ["sh", "-c", probe_script([str(path) for path in paths], (shared,))]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr.replace("Killed\n", "") == ""
    return done.stdout


def ask(*paths: Path) -> dict[str, str]:
    return dict(parse_probe(said(*paths)))


def test_a_file_is_given_as_it_is_and_a_missing_one_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "it's: here"
    path.write_text("a=1\nnote:x\n€\n", encoding="utf-8")
    assert ask(path, tmp_path / "none") == {str(path): "a=1\nnote:x\n€\n"}


def test_of_a_long_file_the_beginning_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_text("x" * 10_000)
    assert ask(path) == {str(path): "x" * 4096}


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("/nowhere")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_device_without_end(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("shared", ["/nowhere", "its parent"])
@pytest.mark.parametrize(
    "make", [a_fifo, a_link, a_link_to_nothing, a_folder, a_device_without_end]
)
def test_what_is_no_plain_file_is_there_and_unread(
    tmp_path: Path, make: Callable[[Path], None], shared: str
) -> None:
    """Whoever may write where the file is could stop the command, or have another file read."""
    path, whole = tmp_path / "mark", tmp_path / "whole"
    make(path)
    whole.write_text("x")
    text = said(path, whole, shared=shared if shared.startswith("/") else str(tmp_path))
    assert parse_probe(text) == {str(whole): "x"}
    assert unread(text) == {str(path)}


def test_a_fifo_that_takes_the_files_place_is_given_up(tmp_path: Path) -> None:
    """It is a plain file when it is looked at, and no longer when it is opened."""
    path = tmp_path / "mark"
    os.mkfifo(path)
    script = probe_script([str(path)], ("/nowhere",)).replace('[ -f "$1" ]', "true")
    words = ["sh", "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    assert unread(done.stdout) == {str(path)}


def test_where_a_look_never_ends_all_of_that_folder_is_unread(tmp_path: Path) -> None:
    """The file server is gone after the first file; what is elsewhere is told."""
    first, second = tmp_path / "server" / "first", tmp_path / "server" / "second"
    first.parent.mkdir()
    own = tmp_path / "own"
    for path in (first, second, own):
        path.write_text("x")
    paths, shared = [str(path) for path in (first, second, own)], (str(first.parent),)
    script = probe_script(paths, shared).replace(
        '[ -e "$1" ]', '{ [ "${1##*/}" != second ] || sleep 60; }'
    )
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert unread(done.stdout) == {str(first), str(second)}
    assert parse_probe(done.stdout)[str(own)] == "x"


def test_what_is_no_line_of_ours_is_left_alone() -> None:
    text = "owner:1:1\nnote:/a:***\n"
    assert parse_probe(text) == {}
    assert unread(text) == {"/a"}
