"""Images that projects have built: from a folder, on a node for it, into the cluster's registry.

`build` is all that there is to it: whoever ends it by an exception, or whose connection breaks, has
what was begun on nodes taken away. Decision 129.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cluster.errors import ConfigError, NodeError, SkpError
from cluster.facts.registry import Registry
from cluster.model import sortable
from cluster.model.policy import Progress
from cluster.model.spec import REGISTRY, TAG, Image
from workloads import tools
from workloads.admission import Images
from workloads.build_bases import Bases, bases
from workloads.build_folder import Folder
from workloads.build_node import USER, Work, builders, on_a_node, own_files
from workloads.build_records import Build, Records, State, same
from workloads.check import is_project
from workloads.references import PLATFORM
from workloads.texts import size

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node
    from cluster.model.cluster import Cluster
    from workloads.accounts import People

_NAME = re.compile(r"([a-z0-9]+(?:[._-][a-z0-9]+)*)(?::([^:/]+))?")
_MOST_WHY = 2000  # characters


@dataclass(frozen=True)
class Wanted:
    """An image that somebody wants built.

    Attributes:
        account: whose it is; "" for the operator.
        is_anew: whether it is built also where an image of the same input is there.
    """

    project: str
    image: Image
    folder: Folder
    is_anew: bool = False


def wanted(name: str, folder: Folder, *, is_anew: bool = False) -> Wanted:
    """Return what PROJECT/NAME[:TAG] means; raises ConfigError."""
    project, _, rest = name.partition("/")
    found = _NAME.fullmatch(rest)
    if not is_project(project) or not found or (found[2] and not TAG.fullmatch(found[2])):
        what = f"{name}: PROJECT/NAME or PROJECT/NAME:TAG is needed, in lower case"
        raise ConfigError(what, "./skp.py deploy.build vision/web:1.0 FOLDER")
    if project in PLATFORM:
        raise ConfigError(
            f"{name}: images of {project}/ are the platform's own", "Choose a project."
        )
    return Wanted(project, Image(f"{project}/{found[1]}", found[2] or "latest"), folder, is_anew)


def build(
    cluster: Cluster, fleet: Fleet, people: People, want: Wanted, say: Callable[[str], None]
) -> Build:
    """Have an image built and put into the cluster's registry; return its record.

    Where an image of the same input is there, nothing is built, and the tag means that.

    Args:
        say: is told what the build prints, line by line.

    Raises:
        ConfigErrors, ConfigError: it can't be begun; nothing was built.
        SkpError: it failed, and the record and the log say so too.
    """
    people.check(want.project)
    nodes, master = builders(cluster, fleet), fleet.node(cluster.inventory.master.name)
    records = Records(master, cluster.platform, want.project)
    images = Images(fleet, cluster.inventory, say)
    begun = bases(want.folder, want.project, people, images, master, Progress(say))
    with tempfile.TemporaryFile() as packed:
        own = own_files()
        packed.write(own)
        digest = begun.folder.pack(packed, size(cluster.settings.text("BUILD_FOLDER")))
        made_from = _input(want, begun, digest)
        if not want.is_anew and (found := _there(records, master, want, made_from)):
            say(f"{found.ident} made it of the same input: nothing is built")
            return found
        new = _new(cluster, fleet, want, people.name, made_from)
        return _made(
            Work(cluster, fleet, say, records, new, begun.found, packed, len(own), want.is_anew),
            nodes,
        )


def _input(want: Wanted, begun: Bases, digest: str) -> str:
    """Return the digest of all that an image is made from."""
    parts = [tools.version(tools.BUILDER), want.image.repository, digest, *begun.found.items()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _there(records: Records, master: Node, want: Wanted, made_from: str) -> Build | None:
    """Return the build that made an image of the same input, which the wanted tag means then."""
    found = same(records.read(time.time()), made_from)
    if found is None:
        return None
    registry, repository = Registry(master), want.image.repository
    by_digest = Image(repository, found.digest)
    if registry.identify([by_digest]).get(by_digest) != found.digest:
        return None
    registry.tag(repository, found.digest, want.image.tag)
    return replace(found, image=want.image.name)


def _new(cluster: Cluster, fleet: Fleet, want: Wanted, account: str, made_from: str) -> Build:
    now = time.time()
    most = fleet.deadlines.build + cluster.settings.number("BUILD_SECONDS")
    until = now + most + 4 * fleet.deadlines.transfer
    image = want.image.name
    return Build(_ident(now), want.project, image, account, State.PENDING, now, until, made_from)


def _made(work: Work, nodes: list[Node]) -> Build:
    """Have it built; its record tells how far it is, whatever happens."""
    work.records.keep(work.build)
    try:
        with _exchange(work) as folder:
            node, digest = on_a_node(work, nodes, folder)
            _push(work, folder, digest)
    except BaseException as error:
        why = " ".join(error.what.split()) if isinstance(error, SkpError) else "it was ended"
        # (A record is a word of a command line, which has an end.)
        failed = replace(work.build, state=State.ERROR, error=why[:_MOST_WHY], ended=time.time())
        with suppress(SkpError):  # (What went wrong first is what is told.)
            work.records.keep(failed, [*work.log, why])
        raise
    done = replace(work.build, state=State.COMPLETE, node=node, digest=digest, ended=time.time())
    work.records.keep(done, work.log)
    return done


@contextmanager
def _exchange(work: Work) -> Iterator[str]:
    """Give a folder of the platform by which the image comes from its node to the master."""
    folder = f"{work.records.folder}/{work.build.ident}.image"
    path, owner = shlex.quote(folder), work.cluster.own_user(USER)
    work.master.sudo(f"mkdir -p {path} && chown {owner} {path} && chmod 0700 {path}")
    try:
        yield folder
    finally:
        work.master.sudo(f"rm -rf {path}", deadline=work.master.deadlines.transfer)


def _push(work: Work, folder: str, digest: str) -> None:
    """Put the image into the cluster's registry, whose digest has to be the one that was built."""
    master, name = work.master, work.build.image
    tool = tools.ready(master, tools.SKOPEO, Progress(work.tell))
    own = REGISTRY.replace("localhost", "127.0.0.1")
    seconds = master.deadlines.transfer
    words = [
        *("docker", "run", "--rm", "--init", "--pull", "never", "--network", "host", "--read-only"),
        *("--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),  # noqa: S108
        *("--memory", "1g", "--pids-limit", "256", "--user", work.cluster.own_user(USER)),
        *("-v", f"{folder}:/scratch", tool, "push", f"{seconds:.0f}", f"{own}/{name}"),
        "--dest-tls-verify=false",
    ]
    done = master.run(shlex.join(words), deadline=seconds + 30)
    if done.exit_code:
        what = f"the cluster's registry does not take {name}: {done.complaint(3)}"
        raise NodeError(master.name, what, "./skp.py docker.registry-run")
    there = Image(name.partition(":")[0], digest)
    if Registry(master).identify([there]).get(there) != digest:
        raise NodeError(master.name, f"the registry does not have {name} as {digest}")


def _ident(now: float) -> str:
    """Return a name that sorts by time."""
    return sortable.made("bld_", int(now * 1000), 10)
