"""The script that moves data between the shared folders, run for real on folders of this machine.

It is killed at each of its steps: after each program that it starts and that changes something.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest

from cluster.errors import NodeError
from cluster.model.layout import LEFT, Folder, Move
from cluster.operations.trees import SQUASHED, MoveData, script
from tests.support.fakes import done
from tests.support.operation_scenes import on_disk

ME = f"{os.getuid()}:{os.getgid()}"
# Those that change something: killed after another, the script leaves what the one before left.
PROGRAMS = (
    "chmod", "chown", "cp", "find", "mkdir", "mktemp", "mv", "rm", "rmdir", "sync", "tar",
)  # fmt: skip
DATA = {
    "a": "1",
    "deep/er/b c": "2" * 70_000,
    "deep/\nline": "3",
    "empty": "",
}
_OF_EACH_KIND = 4
"""How many of the folders are one of each kind: the platform, the users', above and below moves."""
_SCRIPT = "#!/bin/sh\n{}\n"
_SHIM = _SCRIPT.format(
    """\
# Gives each program that the script starts a number of its own, also those of one pipeline, and
# ends the script after one of them.
[ "${{KILL_AT:-}}" ] || {{ {real}; code=$?; exit $code; }}
set -C
read -r count <"$COUNT/last"
until true 2>/dev/null >"$COUNT/$count"; do count=$((count + 1)); done
echo "$count" >|"$COUNT/last"
{real}
code=$?
[ "$count" != "$KILL_AT" ] || kill -KILL $SCRIPT
exit $code
"""
)


class Trees:
    """The two trees in a folder of this machine, and the move from one to the other."""

    def __init__(self, folder: Path, *, copies: bool) -> None:
        self.folder, self.copies = folder, copies
        self.home, self.platform = folder / "volume", folder / "platform"
        self.old, self.new = self.home / "var/registry", self.platform / "registry"
        self.note = Move(f"{self.home}/var/flow/store", f"{self.platform}/flow/store")
        self.folders: tuple[Folder, ...] = (
            Folder(str(self.platform), ME, 0o711),
            Folder(str(self.home), ME, 0o3775),
            Folder(f"{self.home}/var", ME, 0o755),
            Folder(str(self.new), ME, 0o750),
            Folder(f"{self.home}/var/flow", ME, 0o755),
            Folder(f"{self.home}/new", ME, 0o755),
            Folder(f"{self.home}/var/flow/dags", ME, 0o2775),
        )
        folder.mkdir()
        for name, text in DATA.items():
            path = self.old / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.old / "link").symlink_to("deep/er/b c")
        (self.home / "mine").write_text("of a user")
        Path(self.note.old).parent.mkdir(parents=True)
        Path(self.note.old).write_text("made\n")
        self.shims()

    def shims(self) -> None:
        bin_ = self.folder / "bin"
        bin_.mkdir(exist_ok=True)
        for name in PROGRAMS:
            real = f'{shlex.quote(f"/usr/bin/{name}")} "$@"'
            (bin_ / name).write_text(_SHIM.format(real=real))
            (bin_ / name).chmod(0o755)
        if self.copies:  # as if each folder were a file system of its own
            other = 'case "$*" in "-c %m"*) echo "$4" ;; *) exec /usr/bin/stat "$@" ;; esac'
            (bin_ / "stat").write_text(_SCRIPT.format(other))
            (bin_ / "stat").chmod(0o755)

    @property
    def operation(self) -> MoveData:
        moves = (Move(str(self.old), str(self.new)), self.note)
        owners = (os.getuid(),)
        return MoveData(
            "c01", str(self.platform), (str(self.home),), self.folders, ME, owners, "m", moves=moves
        )

    def run(self, kill_at: int | None = None, root: str = ME) -> int:
        """Run the script with `root` as root; return its exit code, or minus what ended it.

        It is killed after step `kill_at`, the first being 1; with 0 its steps are counted.
        """
        text = script(self.operation).replace("0:0", root)
        counts = Path(mkdtemp(dir=self.folder))
        (counts / "last").write_text("1\n")
        run = self.folder / "run"
        run.write_text(f"export SCRIPT=$$\n{text}")
        environment = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "COUNT": str(counts),
            "KILL_AT": "" if kill_at is None else str(kill_at),
        }
        done = subprocess.run(
            ["/bin/sh", run], env=environment, capture_output=True, timeout=60, check=False
        )
        self.said = done.stderr.decode()
        self.steps = len(list(counts.iterdir())) - 1
        return done.returncode

    def whole(self) -> None:
        """Check that all is where it belongs, and nothing is left behind."""
        there = {str(p.relative_to(self.new)) for p in self.new.rglob("*") if not p.is_dir()}
        assert there == {*DATA, "link"}
        assert {n: (self.new / n).read_text() for n in DATA} == DATA
        assert str((self.new / "link").readlink()) == "deep/er/b c"
        assert [p.name for p in self.old.iterdir()] == [LEFT]
        assert str(self.new) in (self.old / LEFT).read_text()
        assert not Path(self.note.old).exists()
        assert Path(self.note.new).read_text() == "made\n"
        assert (self.home / "mine").read_text() == "of a user"
        names = {p.name for p in self.platform.iterdir()}
        assert names == {"registry", "flow", ".skp", ".moved", ".lock"}
        modes = {f.path: Path(f.path).stat().st_mode & 0o7777 for f in self.folders}
        assert modes == {f.path: f.mode for f in self.folders}


@pytest.fixture(params=["renames", "copies"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Trees]]:
    """Makes the trees anew for each try, the first of them counted."""
    tries = [Trees(tmp_path / "first", copies=request.param == "copies")]
    yield tries


def again(tries: list[Trees]) -> Trees:
    first = tries[0]
    tries.append(Trees(first.folder.with_name(str(len(tries))), copies=first.copies))
    return tries[-1]


def test_all_is_moved_and_a_second_time_nothing_is_done(made: list[Trees]) -> None:
    (trees,) = made
    assert trees.run() == 0, trees.said
    trees.whole()
    before = {p: p.stat().st_ino for p in trees.new.rglob("*")}
    assert trees.run() == 0, trees.said
    trees.whole()
    assert {p: p.stat().st_ino for p in trees.new.rglob("*")} == before


@pytest.mark.slow
def test_it_may_be_killed_at_each_step_and_goes_on(made: list[Trees]) -> None:
    (first,) = made
    first.folders = first.folders[:_OF_EACH_KIND]
    assert first.run(0) == 0, first.said
    assert first.steps > 20
    for step in range(1, first.steps + 1):
        trees = again(made)
        trees.folders = trees.folders[:_OF_EACH_KIND]
        code = trees.run(step)
        assert code == -9, (step, trees.said)
        assert trees.run() == 0, (step, trees.said)
        trees.whole()


def test_what_was_copied_whole_is_not_copied_again(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "t", copies=True)
    part = Path(f"{trees.new}.part")
    part.mkdir(parents=True)
    for name in ("a", "empty"):
        subprocess.run(["cp", "-a", trees.old / name, part / name], check=True)
    (part / "deep/er").mkdir(parents=True)
    (part / "deep/er/b c").write_text("2" * 100)  # it was interrupted here
    Path(f"{part}.boot").write_text(Path("/proc/sys/kernel/random/boot_id").read_text())
    kept = (part / "a").stat().st_ino
    assert trees.run() == 0, trees.said
    trees.whole()
    assert (trees.new / "a").stat().st_ino == kept


def test_data_in_both_places_stops_it_before_anything_is_moved(made: list[Trees]) -> None:
    (trees,) = made
    trees.new.mkdir(parents=True)
    (trees.new / "other").write_text("x")
    assert trees.run() == 1
    assert "both hold data" in trees.said
    assert (trees.old / "a").read_text() == "1"
    assert (trees.new / "other").read_text() == "x"


@pytest.mark.parametrize("name", ["", "var"])
def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    path, aside = trees.home / name, tmp_path / "aside"
    path.rename(aside)
    path.symlink_to(aside)
    mode = aside.stat().st_mode
    assert trees.run() == 1
    assert "is a link" in trees.said
    assert aside.stat().st_mode == mode


def test_what_only_its_owner_may_read_stays_so(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    own, shared = trees.home / "id_rsa", trees.home / "notes"
    own.write_text("k")
    own.chmod(0o600)
    shared.write_text("n")
    shared.chmod(0o644)
    assert trees.run() == 0, trees.said
    assert own.stat().st_mode & 0o777 == 0o600
    assert shared.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("program", ["chown", "mkdir"])
def test_a_share_where_root_is_nobody_is_told_apart(tmp_path: Path, program: str) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    (trees.folder / "bin" / program).write_text(_SCRIPT.format("exit 1"))
    assert trees.run(root="1:1") == SQUASHED, trees.said
    assert (trees.old / "a").read_text() == "1"


def test_its_administrator_is_told_what_to_type(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    scene = on_disk(trees.operation)
    scene.c01.on_run("", done(SQUASHED, stderr="it can't be given away\n"))
    with pytest.raises(NodeError, match="can't be given away") as told:
        scene.run()
    assert f"install -d {trees.new} && chown {ME} {trees.new} && chmod 0750" in told.value.hint


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_second_name_that_a_user_made_does_not_lead_into_the_platform(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    os.link(trees.old / "a", trees.home / "kept")
    folders = tuple(
        Folder(f.path, "58011:58011", f.mode) if f.path == str(trees.new) else f
        for f in trees.operation.folders
    )
    text = script(replace(trees.operation, folders=folders))
    subprocess.run(["/bin/sh", "-s"], input=text.encode(), check=True, timeout=60)
    assert (trees.new / "a").stat().st_ino != (trees.home / "kept").stat().st_ino
    assert (trees.new / "a").stat().st_uid == 58011


def test_a_link_beside_a_file_with_two_names_leads_no_content_elsewhere(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    victim = tmp_path / "crontab"
    victim.write_text("root's")
    os.link(trees.old / "a", trees.home / "kept")
    for name in ("a.skp-alone", "f", "a.new"):
        (trees.old / name).symlink_to(victim)
    assert trees.run() == 0, trees.said
    assert (trees.new / "a").stat().st_nlink == 1
    assert victim.read_text() == "root's"


def test_a_word_that_a_user_wrote_does_not_say_that_data_was_moved(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    (trees.old / LEFT).symlink_to("/etc/passwd")
    assert trees.run() == 0, trees.said
    assert (trees.new / "a").read_text() == "1"
    assert not (trees.old / LEFT).is_symlink()


@pytest.mark.parametrize("name", ["var", "var/flow"])
def test_a_link_on_the_way_to_old_data_is_not_followed(tmp_path: Path, name: str) -> None:
    trees = Trees(tmp_path / "t", copies=False)
    path, aside = trees.home / name, tmp_path / "aside"
    path.rename(aside)
    path.symlink_to(aside)
    assert trees.run() == 1
    assert f"{path} is a link" in trees.said


def test_a_copy_that_is_not_whole_takes_nothing_away(tmp_path: Path) -> None:
    """tar puts zeros in place of what it can't read, and its archive looks whole."""
    trees = Trees(tmp_path / "t", copies=True)
    tar, fails = trees.folder / "bin/tar", 'case "$*" in *" -cf "*) exit 2;; esac; exit $code'
    tar.write_text(tar.read_text().replace("exit $code", fails))
    assert trees.run() == 1
    assert "can't be read whole" in trees.said
    assert (trees.old / "a").read_text() == "1"
    assert not trees.new.exists()
    trees.shims()
    assert trees.run() == 0, trees.said
    trees.whole()


def test_a_copy_with_other_content_takes_nothing_away(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "t", copies=True)
    spoils = "t=$(stat -c @%Y $FILE); echo -n 9 >$FILE; touch -d $t $FILE"
    sync = trees.folder / "bin/sync"
    sync.write_text(_SCRIPT.format(f"FILE={trees.new}.part/a; {spoils}"))
    assert trees.run() == 1
    assert "is not like it" in trees.said
    assert (trees.old / "a").read_text() == "1"
    trees.shims()
    assert trees.run() == 0, trees.said
    trees.whole()
