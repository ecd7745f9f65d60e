"""myDeploy.py: lines of KEY="VALUE", read and never executed.

docs/deployments.md lists its keys. Both spellings that occur are read: the document's and the
code's (CON_ARG0 and CON_ARGS0, CON0_GPU and CON0_GPUS).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.config.ports import NAMED
from cluster.errors import nearest
from workloads.form import Draft, Form
from workloads.model import SSH
from workloads.texts import short_size

SWITCH, ON = "ENABLE_CD", ("TRUE", "")
"""The key that says whether a file is to be deployed, and its values that say yes."""
_MOST = 20  # of anything that is counted
_FIRST_PORT = 60000  # a container's port where none is said, and its number
_KNOWN = re.compile(
    r"ENABLE_CD|IMAGE_PATH|POD_NAME|TARGET_HOST|MUL_DEP|SHM_SIZE|PVC_CNT|CON_CNT|UPT|MODE"
    r"|VOL_(NAME|TYPE|SIZE|PATH)[0-9]+|CON_(NAME|CMD|ARGS?|PORT|ENV|ACCOUNTS)[0-9]+|EXP_PORT[0-9]+"
    r"|CON[0-9]+_(GPUS?|VOL_CNT|VOL_NAME[0-9]+|VOL_PATH[0-9]+)"
)
_OLD_PORT = ":443"  # of a registry; taken out of an image's reference


@dataclass(frozen=True)
class Said:
    """A value, and where it stands: "myDeploy.py:7: SHM_SIZE"."""

    text: str
    place: str


def lines(path: Path, text: str, draft: Draft) -> dict[str, Said]:
    """Return what the file says by key; the last of two lines counts.

    A line is stripped; an empty one and one that begins with # say nothing. At the first = it is
    parted, and blanks and double quotes are taken off the value's ends.
    """
    found: dict[str, Said] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, sign, value = (part.strip() for part in stripped.partition("="))
        place = f"{path}:{number}"
        if not sign or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            what = 'no line of the form KEY="VALUE"'
            draft.wrong(place, what, "The file is read, and never executed.")
            continue
        plain = value.strip(' "')
        if "'" in (value[:1], value[-1:]) or '"' in plain or " #" in value:
            what = "allowed: a value in double quotes, and nothing after it"
            draft.wrong(f"{place}: {key}", what)
        if key in found:
            draft.warnings.append(f"{place}: {key}: it was said before; this one counts")
        if not _KNOWN.fullmatch(key):
            known = ("IMAGE_PATH", "POD_NAME", "SHM_SIZE", "TARGET_HOST", "CON_CNT", "PVC_CNT")
            draft.warnings.append(f"{place}: {key}: unknown key{nearest(key, known)}; not used")
        found[key] = Said(plain, f"{place}: {key}")
    return found


class Reader:
    """Brings one file into our own form."""

    def __init__(self, path: Path, text: str) -> None:
        """Begin with the lines of the file."""
        self.path, self.draft = path, Draft(path)
        self.said = lines(path, text, self.draft)
        self._missing: set[str] = set()

    def form(self) -> Form:
        """Return the form.

        Raises:
            ConfigErrors: with all that is wrong.
        """
        self._enabled()
        self._needed("POD_NAME", ("name",))
        self._copy("TARGET_HOST", ("node",))
        if "MUL_DEP" in self.said:
            copies = self._whole(self.said["MUL_DEP"], 1, 50)
            self.draft.put(("replicas",), copies, self.said["MUL_DEP"].place)
        self._copy("SHM_SIZE", ("shm",), short_size)
        for number in range(self._count("PVC_CNT")):
            self._volume(number)
        containers = self._whole(self._text("CON_CNT"), 1, 10)
        for number in range(containers):
            self._container(number)
        self._warn_of_unused()
        return self.draft.form()

    def _enabled(self) -> None:
        flag = self._text(SWITCH)
        if flag.text not in ON:
            hint = 'Write ENABLE_CD="TRUE" to deploy it.'
            self.draft.wrong(flag.place, f"{flag.text}: it is not to be deployed", hint)

    def _volume(self, number: int) -> None:
        name = self._text(f"VOL_NAME{number}")
        kind = self.said.get(f"VOL_TYPE{number}", Said("NAS", name.place))
        if kind.text not in ("NAS", "HOST"):
            self.draft.wrong(kind.place, f"{kind.text} found; allowed: NAS or HOST")
        at = ("volumes", name.text)
        self.draft.put((*at, "kind"), kind.text.lower(), name.place)
        if kind.text == "HOST":
            self._needed(f"VOL_PATH{number}", (*at, "path"))
        else:
            self._needed(f"VOL_SIZE{number}", (*at, "size"), short_size)

    def _container(self, number: int) -> None:
        name = self._text(f"CON_NAME{number}")
        at = ("containers", name.text)
        if name.text in self.draft.value.get("containers", {}):
            self.draft.wrong(name.place, f"{name.text} is another container's name")
        self._needed("IMAGE_PATH", (*at, "image"), lambda text: text.replace(_OLD_PORT, ""))
        command = self._text(f"CON_CMD{number}")
        self.draft.put((*at, "command"), [command.text], command.place)
        if arguments := self._either(f"CON_ARGS{number}", f"CON_ARG{number}"):
            self.draft.put((*at, "args"), arguments.text.split(), arguments.place)
        self._port(number, at)
        if gpus := self._either(f"CON{number}_GPUS", f"CON{number}_GPU"):
            self.draft.put((*at, "resources", "gpus"), self._whole(gpus, 0, 64), gpus.place)
        if accounts := self.said.get(f"CON_ACCOUNTS{number}"):
            self._accounts(accounts, at)
        self._environment(number, at)
        for which in range(self._count(f"CON{number}_VOL_CNT")):
            volume = self._text(f"CON{number}_VOL_NAME{which}")
            self._needed(f"CON{number}_VOL_PATH{which}", (*at, "volumes", volume.text))

    def _port(self, number: int, at: tuple[str, ...]) -> None:
        said = self.said.get(f"CON_PORT{number}")
        exposed = f"EXP_PORT{number}"
        port = self._whole(said, 1, 65535) if said else _FIRST_PORT + number
        wanted, place = {"port": port}, said.place if said else f"{self.path}"
        if port == SSH:
            fixed = self._text(exposed)
            wanted["publish"] = self._whole(fixed, NAMED[0], NAMED[-1])
            # sshd has to be root inside; whether it may, its project says.
            self.draft.put((*at, "class"), "root", place)
            place = fixed.place
        elif exposed in self.said:
            what = f"it counts for the port {SSH} alone; here one is chosen"
            self.draft.warnings.append(f"{self.said[exposed].place}: {what}")
        self.draft.put((*at, "ports"), [wanted], place)

    def _accounts(self, said: Said, at: tuple[str, ...]) -> None:
        if said.text not in ("TRUE", "FALSE"):
            self.draft.wrong(said.place, f"{said.text} found; allowed: TRUE or FALSE")
        self.draft.put((*at, "accounts"), said.text == "TRUE", said.place)

    def _environment(self, number: int, at: tuple[str, ...]) -> None:
        said = self.said.get(f"CON_ENV{number}", Said("", ""))
        for word in said.text.split():
            name, sign, value = word.partition(":")
            if not sign:
                self.draft.wrong(said.place, f"{word} found; allowed: K:V, with blanks between")
            self.draft.put((*at, "env", name), value, said.place)

    def _warn_of_unused(self) -> None:
        """Warn of what means nothing here, and of what is beyond what is counted."""
        counted = {"VOL": self._count("PVC_CNT"), "CON": self._count("CON_CNT")}
        counted["EXP"] = counted["CON"]
        for key, said in self.said.items():
            number = re.match(r"(VOL|CON|EXP)_?[A-Z]*([0-9]+)", key)
            if key in ("UPT", "MODE"):
                why = "it has no effect; deploy.apply --update changes what is there"
                self.draft.warnings.append(f"{said.place}: {why}")
            elif number and int(number[2]) >= counted[number[1]]:
                why = f"{number[2]} is beyond what is counted; not used"
                self.draft.warnings.append(f"{said.place}: {why}")

    def _needed(
        self, key: str, location: tuple[str, ...], change: Callable[[str], str] = str
    ) -> None:
        said = self._text(key)
        self.draft.put(location, change(said.text), said.place)

    def _copy(
        self, key: str, location: tuple[str, ...], change: Callable[[str], str] = str
    ) -> None:
        if key in self.said:
            self._needed(key, location, change)

    def _text(self, key: str) -> Said:
        """Return a value that is needed; one that is not there is told, once."""
        said = self.said.get(key)
        if said is None and key not in self._missing:
            self._missing.add(key)
            self.draft.wrong(f"{self.path}", f"no '{key}' in it", f'Write the line {key}="...".')
        return said or Said("", f"{self.path}: {key}")

    def _either(self, *keys: str) -> Said | None:
        found = [self.said[key] for key in keys if key in self.said]
        if len({said.text for said in found}) > 1:
            self.draft.wrong(found[1].place, f"another value than {found[0].place} has")
        return found[0] if found else None

    def _count(self, key: str) -> int:
        return self._whole(self.said[key], 0, _MOST) if key in self.said else 0

    def _whole(self, said: Said, least: int, most: int) -> int:
        """Return a value as a number; `least` where it is none, which is told."""
        if not said.text and said.place.rpartition(" ")[2] in self._missing:
            return least
        if re.fullmatch(r"[0-9]{1,9}", said.text) and least <= int(said.text) <= most:
            return int(said.text)
        allowed = f"{said.text} found; allowed: a number from {least} to {most}"
        if not any(error.what.startswith(said.place) for error in self.draft.errors):
            self.draft.wrong(said.place, allowed)
        return least
