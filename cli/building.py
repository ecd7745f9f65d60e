"""deploy.build: images that projects have built, for a person."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cli import deployments
from cli.output import moment
from cli.session import Session
from cluster.errors import ConfigError
from cluster.model.line import table

if TYPE_CHECKING:
    from workloads.build_records import Build

_EXAMPLE = "./skp.py deploy.build vision/web:1.0 FOLDER"


def build(s: Session, words: str, account: str, *, is_anew: bool) -> None:
    """Have an image built, and show what it is called and its digest.

    Args:
        words: NAME,PATH. account: who it is for; "" for the operator.
    """
    from workloads import build_folder, building
    from workloads.build_node import LABEL

    name, _, path = words.partition(",")
    if not path:
        raise ConfigError("the image's name and a folder are needed", _EXAMPLE)
    folder = build_folder.read(Path(path))
    s.warn(folder.warnings)
    want = building.wanted(name, folder, is_anew=is_anew)
    if s.options.dry:
        s.show({"dockerfile": folder.text}, folder.text.splitlines())
        return
    hosts = [h for h in s.inventory.hosts if h.has(LABEL)]
    everyone = {h.name: h for h in (s.inventory.master, *s.inventory.managers, *hosts)}
    with (
        deployments.gate(s, account, list(everyone.values())) as (way, fleet),
        deployments.audited(s, way),
    ):
        done = building.build(way.cluster, fleet, way.people, want, s.say)
    reference = f"localhost:5000/{done.image}"
    s.show({**done.document, "reference": reference}, [f"{reference} is {done.digest}"])


def builds(s: Session, project: str, account: str, log: str) -> None:
    """List a project's builds, or show the log of one."""
    from workloads.build_records import Records

    if not project:
        raise ConfigError("a project is needed", "./skp.py deploy.builds vision")
    with deployments.gate(s, account, deployments.who_tells(s, account)) as (way, fleet):
        way.look(project)
        master = fleet.node(s.inventory.master.name)
        records = Records(master, way.cluster.platform, project)
        if log:
            lines = records.log(log)
            s.show({"log": lines}, lines)
            return
        found = records.read(time.time())
    rows = [
        (each.ident, each.image, each.state, moment(each.created), _became(each)) for each in found
    ]
    head = ("BUILD", "IMAGE", "STATE", "MADE (UTC)", "DIGEST, OR WHY NOT")
    s.show([b.document for b in found], table(head, rows))


def _became(build: Build) -> str:
    """Return what became of a build, in a few words: its log has them all."""
    _, _, digest = build.digest.partition(":")
    *_, last = build.error.splitlines() or ("",)
    return digest[:12] or textwrap.shorten(last, 60, placeholder=" ...")
