"""What files on a node begin with, asked by a real shell."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cluster.facts.markers import parse_probe, probe_script


def ask(*paths: Path) -> dict[str, str]:
    words = ["sh", "-c", probe_script(map(str, paths))]
    return dict(
        parse_probe(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    )


def test_a_file_is_given_as_it_is_and_a_missing_one_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "it's: here"
    path.write_text("a=1\nnote:x\n€\n", encoding="utf-8")
    assert ask(path, tmp_path / "none") == {str(path): "a=1\nnote:x\n€\n"}


def test_of_a_long_file_the_beginning_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_text("x" * 10_000)
    assert ask(path) == {str(path): "x" * 4096}


def test_what_is_no_line_of_ours_is_left_alone() -> None:
    assert parse_probe("owner:1:1\nnote:/a:***\n") == {"/a": ""}
