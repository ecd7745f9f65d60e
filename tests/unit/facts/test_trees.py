"""What a node says of the shared folders, and of its SSH user: asked of a shell of this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cluster.facts.trees import login_script, parse_login, parse_probe, probe_script
from cluster.model.answer import Unanswered
from cluster.model.layout import LEFT, Folder, Move
from cluster.model.state import Login, Trees

ME = f"{os.getuid()}:{os.getgid()}"


def asked(script: str) -> str:
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout


def test_owner_mode_and_kind_are_told_and_a_link_is_no_folder(tmp_path: Path) -> None:
    for name, mode in (("a", 0o711), ("odd 'name", 0o2775)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to("a")
    wanted = [Folder(f"{tmp_path}/{n}", ME, 0o711) for n in ("a", "odd 'name", "link", "missing")]
    found = parse_probe(asked(probe_script(wanted, [])))
    assert isinstance(found, Trees)
    assert found.folders == {
        f"{tmp_path}/a": wanted[0].signature,
        f"{tmp_path}/odd 'name": f"{ME} 2775 directory",
        f"{tmp_path}/link": f"{ME} 777 symbolic link",
    }


def test_an_old_place_holds_data_until_it_is_marked(tmp_path: Path) -> None:
    moves = [Move(f"{tmp_path}/{name}", "/new") for name in ("full", "moved", "gone", "file")]
    for name in ("full", "moved"):
        (tmp_path / name).mkdir()
    (tmp_path / "moved" / LEFT).touch()
    (tmp_path / "file").touch()
    found = parse_probe(asked(probe_script([], moves)))
    assert isinstance(found, Trees)
    assert found.left == {f"{tmp_path}/full", f"{tmp_path}/file"}


def test_files_of_an_earlier_version_are_told_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "odd 'key").touch()
    asked_for = [f"{tmp_path}/{name}" for name in ("odd 'key", "missing")]
    found = parse_probe(asked(probe_script([], [], asked_for)))
    assert isinstance(found, Trees)
    assert found.remains == {asked_for[0]}


def test_folders_that_do_not_answer_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "stat").chmod(0o755)
    script = probe_script([Folder("/x", ME, 0o711)], []).replace("KILL 5", "KILL 1")
    said = asked(f"PATH={tmp_path}:$PATH; {script}")
    assert isinstance(parse_probe(said), Unanswered)


def test_a_user_is_told_by_the_files_of_groups() -> None:
    found = parse_login(asked(login_script()))
    assert found.uid == os.getuid()
    assert os.getgid() in found.groups


def test_nonsense_is_nobody() -> None:
    assert parse_login("login:x y\n") == Login()
    assert parse_probe("folder:no form\nleft\n") == Trees()
