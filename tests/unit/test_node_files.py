"""Files on the nodes' own disks: asked for by a real shell, planned, and what the boot needs."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

from cluster.facts.files import parse_probe, probe_script
from cluster.model.files import NodeFile
from cluster.model.item import Action
from cluster.model.state import FoundNode, Membership, State
from cluster.plan.files import plan_files
from hosts.boot import files as boot


def ask(*files: NodeFile) -> dict[str, str]:
    """Return what a node would answer: this machine is one."""
    done = subprocess.run(
        ["sh", "-c", probe_script(files)], capture_output=True, text=True, check=True
    )
    return dict(parse_probe(done.stdout, files))


def state(files: dict[str, str]) -> State:
    node = FoundNode("c01", "c01", "26", Membership(), {}, files=files)
    return State({"c01": node}, {}, None)


def actions(file: NodeFile, found: dict[str, str]) -> list[Action]:
    return [step.action for step in plan_files([file], state(found), ["c01"])]


def test_a_file_that_is_there_is_seen_with_mode_owner_and_content(tmp_path: Path) -> None:
    path = tmp_path / "it's here"
    path.write_text("hello\n")
    path.chmod(0o640)
    digest = hashlib.sha256(b"hello\n").hexdigest()
    owner = path.stat().st_uid
    assert ask(NodeFile(str(path), "")) == {str(path): f"640 {owner} {digest}"}


def test_a_missing_file_is_seen_as_missing_and_installed(tmp_path: Path) -> None:
    file = NodeFile(str(tmp_path / "none"), "x")
    found = ask(file)
    assert found == {file.path: ""}
    assert actions(file, found) == [Action.INSTALL]


def test_a_node_without_the_folder_is_not_to_have_the_file(tmp_path: Path) -> None:
    file = NodeFile(str(tmp_path / "unit"), "x", where=str(tmp_path / "systemd"))
    found = ask(file)
    assert found == {}
    assert actions(file, found) == []


def test_a_file_without_its_link_counts_as_missing(tmp_path: Path) -> None:
    path, link = tmp_path / "unit", tmp_path / "wants"
    path.write_text("x")
    file = NodeFile(str(path), "x", link=str(link))
    assert ask(file) == {str(path): ""}
    link.symlink_to(path)
    assert ask(file)[str(path)].endswith(hashlib.sha256(b"x").hexdigest())


def test_a_file_is_kept_when_right_and_replaced_when_its_content_or_mode_is_not() -> None:
    file = NodeFile("/x", "content", mode=0o755)
    assert actions(file, {"/x": file.signature}) == [Action.KEEP]
    for other in (replace(file, content="another"), replace(file, mode=0o644)):
        assert actions(file, {"/x": other.signature}) == [Action.INSTALL]


def test_only_the_chosen_nodes_are_changed() -> None:
    assert plan_files([NodeFile("/x", "")], state({"/x": ""}), ["c02"]) == []


def test_the_unit_starts_the_program_that_is_installed() -> None:
    program, unit = boot.files()
    assert program.mode & 0o111
    assert f"ExecStart={program.path}\n" in unit.content
    assert "WantedBy=multi-user.target\n" in unit.content
    assert unit.link.startswith("/etc/systemd/system/multi-user.target.wants/")
