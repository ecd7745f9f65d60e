"""Cases as files: reading them, and laying out the project that they describe."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(__file__).parent
SHIPPED = ("bin/env.sh", "etc/hosts.json")
_SECTION = re.compile(r"^-- (\S+)((?: \w+=\S+)*) --\n", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """One file of a case: its text, and how it is stored."""

    text: str
    how: dict[str, str]

    def store(self, path: Path) -> None:
        """Write the file as the case says."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = self.how.get("kind", "file")
        if kind == "folder":
            path.mkdir()
        if kind != "file":
            return
        text = self.text.replace("\n", "\r\n") if self.how.get("newline") == "crlf" else self.text
        path.write_bytes(text.encode(self.how.get("encoding", "utf-8")))
        default = "600" if path.name == "secrets.env" else "644"
        path.chmod(int(self.how.get("mode", default), 8))


@dataclass(frozen=True)
class Case:
    """What a person did, wrote and typed, and what the answer has to be."""

    path: Path
    sections: dict[str, Section]

    @property
    def command(self) -> list[str]:
        """The words after ./skp.py."""
        given = self.sections.get("command")
        return given.text.split() if given else ["docker.apply"]

    @property
    def unreadable(self) -> bool:
        """Whether it is about a file that its owner may not read."""
        return any(section.how.get("mode") == "000" for section in self.sections.values())

    def lay_out(self, project: Path) -> None:
        """Write the files of the case, and the shipped ones that it does not give."""
        (project / "etc").mkdir(parents=True)
        for name, section in self.sections.items():
            if "/" in name:
                section.store(project / name)
        for name in SHIPPED:
            if name not in self.sections:
                (project / name).parent.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, project / name)

    def rewrite(self, said: str) -> None:
        """Make `said` what the case expects."""
        before, _, _ = self.path.read_text(encoding="utf-8").partition("-- said --\n")
        self.path.write_text(f"{before}-- said --\n{said}", encoding="utf-8")


def cases(kind: str) -> dict[str, Case]:
    """Return all cases of a folder by name."""
    return {path.stem: read(path) for path in sorted((FOLDER / kind).glob("*.txt"))}


def read(path: Path) -> Case:
    """Return the case that a file describes."""
    _, *parts = _SECTION.split(path.read_text(encoding="utf-8"))
    sections = {}
    for name, how, text in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        sections[name] = Section(text, dict(word.split("=") for word in how.split()))
    return Case(path, sections)
