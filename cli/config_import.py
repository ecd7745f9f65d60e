"""config.import: files of earlier versions become etc/hosts.json and bin/env.sh."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import services
from cli.confirmation import confirm
from cli.session import ENV, FROM_CALLER, Session
from cluster.config import settings
from cluster.config.earlier.translation import Known, Translation, translate
from cluster.config.earlier.writing import Planned


def import_files(s: Session, names: Sequence[str]) -> None:
    """Translate the files, write what they say today, and tell what is left.

    Args:
        names: the files' paths.
    """
    known = Known(
        {name: service.earlier for name, service in services.catalogue().items()},
        frozenset(services.labels()),
        services.declared_settings(),
        services.outdated_settings(),
    )
    user = getpass.getuser()
    shell = {"HOME": str(Path.home()), "USER": user, "LOGNAME": user}
    found = translate([Path(name) for name in names], known, shell)
    planned = [each for each in _planned(found) if not each.is_there]
    if not s.options.dry:
        _write(s, planned)
    s.show(_document(planned, found), _lines(s, planned))
    if not s.options.json:
        s.warn([f"{place}: {why}" for place, why in found.left])


def _planned(found: Translation) -> Iterator[Planned]:
    hosts = Path(os.environ.get(FROM_CALLER[0]) or settings.ROOT / "etc" / "hosts.json")
    env = Path(os.environ.get(ENV) or settings.ROOT / "bin" / "env.sh")
    if found.hosts:
        yield Planned(hosts.absolute(), found.hosts, found.hosts, 0o644)
    if found.env:
        yield Planned(env.absolute(), found.env, found.shown, 0o600)


def _write(s: Session, planned: Sequence[Planned]) -> None:
    if replaced := [str(each.path) for each in planned if each.replaces]:
        confirm(f"{' and '.join(replaced)} will be written over.", s.options)
    for each in planned:
        each.write()


def _lines(s: Session, planned: Sequence[Planned]) -> Iterator[str]:
    for each in planned:
        if s.options.dry:
            yield f"{each.path} would be {'replaced by' if each.replaces else 'made'}:"
            yield each.shown
        else:
            yield f"{each.path} is written"
    if not planned:
        yield "nothing to change"
    elif not s.options.dry:
        yield "./skp.py docker.plan shows what they mean."


def _document(planned: Sequence[Planned], found: Translation) -> dict[str, object]:
    return {
        "ok": True,
        "files": {str(each.path): each.shown for each in planned},
        "left": [{"place": place, "why": why} for place, why in found.left],
    }
