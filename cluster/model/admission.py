"""Which image a tag means in this cluster (decision 14). Pure.

What lies in the registry decides nothing: whoever can write there would decide what runs. A build
records the digest of what it pushed, and `docker.image-admit` that of an image pushed by hand. Of
an image that has none on record, but that managers run, that one counts, and is recorded by the
next command that plans containers: so a cluster that an earlier version made is taken over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from cluster.config.inventory import Inventory
from cluster.model.answer import Unanswered
from cluster.model.digests import DIGEST, Record
from cluster.model.spec import REGISTRY, Image, Source
from cluster.model.state import HALF_MADE, FoundContainer, State

_OURS = f"{REGISTRY}/"


def recorded(state: State) -> Record | Unanswered:
    """Return the record as it is; {} where there is no Swarm yet."""
    return state.swarm.decisions.digests if state.swarm else {}


def adopted(inventory: Inventory, state: State) -> dict[str, str]:
    """Return the digests that managers run of images that have none on record, by image.

    Only managers are believed: who is root of a worker is to decide nothing. Where they run
    different ones, a roll-out was interrupted: the one that the registry serves counts, if it is
    among them; else the master's, else the first manager's.
    """
    known = recorded(state)
    if state.swarm is None or isinstance(known, Unanswered):
        return {}
    master = inventory.master.name
    running: dict[str, list[str]] = defaultdict(list)
    for host in sorted(inventory.managers, key=lambda host: host.name != master):
        for name, digest in _running(state, host.name):
            running[name].append(digest)
    now = {image.name: digest for image, digest in served(inventory, state).items()}
    return {
        name: now[name] if now.get(name) in digests else digests[0]
        for name, digests in sorted(running.items())
        if name not in known
    }


def admitted(inventory: Inventory, state: State) -> Mapping[str, str] | Unanswered:
    """Return the digest that counts, by image: the record's, or what managers run."""
    known = recorded(state)
    if isinstance(known, Unanswered):
        return known
    return {**adopted(inventory, state), **{name: digests[0] for name, digests in known.items()}}


def identity(inventory: Inventory, state: State, image: Image) -> str:
    """Return the digest of record, or for a streamed image its id in the master's engine.

    It is "" for an image that is missing, or of which no digest is recorded.
    """
    master = state.nodes.get(inventory.master.name)
    if image.source is Source.STREAM:
        return master.images.get(image, "") if master else ""
    found = admitted(inventory, state)
    return "" if isinstance(found, Unanswered) else found.get(image.name, "")


def served(inventory: Inventory, state: State) -> dict[Image, str]:
    """Return what the master's registry gives for the tags that were asked for; it proves nothing.

    Digests are as the registry wrote them.
    """
    master = state.nodes.get(inventory.master.name)
    found = master.images if master else {}
    return {image: digest for image, digest in found.items() if image.source is Source.REGISTRY}


def missing(inventory: Inventory, state: State, image: Image) -> tuple[str, str]:
    """Return why an image can't be run, and what to type."""
    if image.source is Source.STREAM:
        return f"the master has no image {image.reference} yet", ""
    known = recorded(state)
    if isinstance(known, Unanswered):
        return known.why, f"./skp.py docker.image-admit {image.name} begins a new record"
    if not served(inventory, state).get(image):
        build = f", then ./skp.py {image.built_by}" if image.built_by else ""
        return (
            f"the master's registry does not have {image.name}",
            f"./skp.py docker.registry-run{build}",
        )
    build = f"./skp.py {image.built_by} builds it; " if image.built_by else ""
    return (
        f"no digest is recorded of {image.name}: what the registry has may be anybody's",
        f"{build}./skp.py docker.image-admit {image.name} admits what is there, if that was you",
    )


def warnings(inventory: Inventory, state: State) -> list[str]:
    """Return a warning for each wanted image that the registry or workers have another way."""
    known = admitted(inventory, state)
    if isinstance(known, Unanswered):
        return []  # the plan has an item for it
    running = {node: {name for name, _ in _running(state, node)} for node in state.nodes}
    found: list[str] = []
    for image, digest in served(inventory, state).items():
        name, users = image.name, [node for node, names in running.items() if image.name in names]
        if name in known and digest != known[name]:
            found.append(
                f"the registry's {name} is {_shown(digest)}, not the admitted one: nothing runs "
                f"it; ./skp.py docker.image-admit {name}, if that was you"
            )
        elif name not in known and users:
            found.append(
                f"no digest is recorded of {name}, which runs on {', '.join(users)}: it is left as "
                f"it is; ./skp.py docker.image-admit {name} admits what the registry has"
            )
    return found


def may_go_back(inventory: Inventory, state: State, node: str, found: FoundContainer) -> bool:
    """Whether the image that a container on `node` names as the one before it may be run again.

    A manager is believed; what a worker says has to have been on record.
    """
    if not found.image.startswith(_OURS) or node in [host.name for host in inventory.managers]:
        return True
    known = recorded(state)
    name = found.image.removeprefix(_OURS)
    return not isinstance(known, Unanswered) and found.previous in known.get(name, ())


def _running(state: State, node: str) -> Iterator[tuple[str, str]]:
    """Yield the images of our registry that containers of ours on a node were made from."""
    there = state.nodes[node].containers.values() if node in state.nodes else ()
    for found in there:
        image = found.fields.get("image") or {}
        reference, digest = image.get("name") or "", image.get("id") or ""
        if (
            found.service
            and not found.name.endswith(HALF_MADE)
            and reference.startswith(_OURS)
            and DIGEST.fullmatch(digest)
        ):
            yield reference.removeprefix(_OURS), digest


def _shown(digest: str) -> str:
    return digest if DIGEST.fullmatch(digest) else "of no known form"
