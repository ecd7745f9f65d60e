"""What projects may have, have and reserve: one value, which the Swarm's store keeps. Pure.

It is changed by compare-and-swap before anything is made (workloads/store.py): of two that want the
last GPU, or the same port, one gets it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from cluster.errors import ConfigError, ConfigErrors
from workloads.amounts import Amounts, Limits, shown
from workloads.model import Deployment, Publish, VolumeKind
from workloads.naming import pieces
from workloads.needs import Needs, needs_of


@dataclass(frozen=True)
class Entry:
    """What a deployment has.

    Attributes:
        ports: of nodes, by "COPY/PART/PORT/PROTOCOL".
        storage: bytes, by the name of a volume of the project.
        since: when it was reserved, in seconds since 1970.
        hosts: its names at the front door.
    """

    amounts: Amounts = field(default_factory=Amounts)
    ports: Mapping[str, int] = field(default_factory=dict)
    storage: Mapping[str, int] = field(default_factory=dict)
    since: float = 0
    hosts: tuple[str, ...] = ()

    def beside(self, other: Entry | None) -> Entry:
        """Return what both need together, while one takes the other's place."""
        if other is None:
            return self
        pairs = (
            max(getattr(self.amounts, f.name), getattr(other.amounts, f.name))
            for f in fields(Amounts)
        )
        ports, hosts = {**other.ports, **self.ports}, tuple(sorted({*other.hosts, *self.hosts}))
        storage = {**other.storage, **self.storage}
        return Entry(Amounts(*pairs), ports, storage, self.since, hosts)

    def said(self) -> dict[str, object]:
        """Return it as plain values; an SKP that knows no names reads what has none."""
        return {key: value for key, value in asdict(self).items() if key != "hosts" or value}


@dataclass(frozen=True)
class Ask:
    """What a deployment wants to be reserved.

    Attributes:
        fixed: the ports that it names, by what they are of. automatic: what else wants one.
    """

    of: str
    amounts: Amounts
    fixed: Mapping[str, int]
    automatic: tuple[str, ...]
    storage: Mapping[str, int]
    root: bool
    hosts: tuple[str, ...] = ()

    @property
    def project(self) -> str:
        """Whose it is."""
        return self.of.partition("/")[0]


class RefusedError(ConfigErrors):
    """A quota or the ports that there are do not allow it."""


@dataclass(frozen=True)
class Ledger:
    """All of it: limits by project, and entries by deployment ("project/name")."""

    limits: Mapping[str, Limits] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as the store keeps it."""
        entries = {name: entry.said() for name, entry in self.entries.items()}
        limits = {name: asdict(most) for name, most in self.limits.items()}
        said = {"limits": limits, "entries": entries}
        return json.dumps(said, separators=(",", ":"), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Ledger:
        """Return what `text` of an earlier call of `text()` says."""
        said = json.loads(text) if text else {"limits": {}, "entries": {}}
        entries = {
            name: Entry(
                **{
                    **entry,
                    "amounts": Amounts(**entry["amounts"]),
                    "hosts": tuple(entry.get("hosts", ())),
                }
            )
            for name, entry in said["entries"].items()
        }
        return cls({name: Limits(**found) for name, found in said["limits"].items()}, entries)

    def used(self, project: str, but: str = "") -> Amounts:
        """Return what a project has, without the deployment `but`."""
        total, storage = Amounts(), dict[str, int]()
        for name, entry in self.entries.items():
            if name.partition("/")[0] == project and name != but:
                total += entry.amounts
                storage |= entry.storage
        return replace(total, storage=sum(storage.values()))

    def reserve(
        self, ask: Ask, available: Collection[int], busy: Collection[int], now: float
    ) -> Ledger:
        """Return it with what a deployment wants, in place of what it has.

        Args:
            available: ports that may be chosen.
            busy: ports that something else has: the platform, or a program on a node.

        Raises:
            RefusedError: a limit or the ports do not allow it; all that is wrong is told.
        """
        others = {name: entry for name, entry in self.entries.items() if name != ask.of}
        taken = {port: name for name, entry in others.items() for port in entry.ports.values()}
        named = {host: name for name, entry in others.items() for host in entry.hosts}
        errors = [*self._over(ask), *_clashes(ask, taken, busy), *_taken(ask, named)]
        before = self.entries.get(ask.of, Entry()).ports
        # (What it has already it keeps, so that its users find it where it was.)
        own = set(available) - set(ask.fixed.values())
        kept = {what: before[what] for what in ask.automatic if before.get(what) in own}
        ports = {**kept, **ask.fixed}
        gone = {*taken, *busy, *ports.values()}
        free = iter([port for port in available if port not in gone])
        for what in [what for what in ask.automatic if what not in kept]:
            chosen = next(free, None)
            if chosen is None:
                errors.append(ConfigError(f"{ask.of}: no port is left for {what}"))
                break
            ports[what] = chosen
        if errors:
            raise RefusedError(errors)
        entry = Entry(ask.amounts, ports, ask.storage, now, ask.hosts)
        return Ledger(self.limits, {**others, ask.of: entry})

    def begin(
        self, ask: Ask, available: Collection[int], busy: Collection[int], now: float
    ) -> Ledger:
        """Return it as `reserve` does, for a deployment that is new.

        Raises:
            RefusedError: somebody else is letting it in now; or as `reserve`.
        """
        if ask.of in self.entries:
            what = f"{ask.of}: somebody is letting it in, or gave up in the last minutes"
            raise RefusedError([ConfigError(what, "Look: ./skp.py deploy.list")])
        return self.reserve(ask, available, busy, now)

    def with_entry(self, of: str, entry: Entry | None) -> Ledger:
        """Return it with this entry of a deployment; None for none."""
        without = self.released([of])
        return without if entry is None else Ledger(self.limits, {**without.entries, of: entry})

    def released(self, names: Collection[str]) -> Ledger:
        """Return it without these deployments."""
        kept = {name: entry for name, entry in self.entries.items() if name not in names}
        return Ledger(self.limits, kept)

    def limited(self, project: str, limits: Limits) -> Ledger:
        """Return it with other limits of a project."""
        return Ledger({**self.limits, project: limits}, self.entries)

    def forgotten(self, there: Collection[str], before: float) -> Ledger:
        """Return it without the entries of what is not there, reserved before a time.

        Whoever reserved them went away before anything was made.
        """
        lost = [n for n, entry in self.entries.items() if n not in there and entry.since < before]
        return self.released(lost)

    def _over(self, ask: Ask) -> Iterator[ConfigError]:
        limits = self.limits.get(ask.project, Limits())
        if ask.root and not limits.root:
            what = f"{ask.of}: class root: containers of {ask.project} may not be root inside"
            yield ConfigError(what, f"./skp.py deploy.quota {ask.project} --root TRUE allows it.")
        used = self.used(ask.project, ask.of)
        wanted = replace(ask.amounts, storage=sum(self._new_storage(ask).values()))
        for each in fields(Amounts):
            most, has, more = (getattr(v, each.name) for v in (limits, used, wanted))
            if most is not None and has + more > most:
                more, most, has = (shown(each.name, amount) for amount in (more, most, has))
                what = f"{more} wanted; {ask.project} may have {most}, and has {has}"
                yield ConfigError(f"{ask.of}: {each.name}: {what}", "deploy.list shows by what.")

    def _new_storage(self, ask: Ask) -> dict[str, int]:
        """Return the volumes that no other deployment of the project has already."""
        there = {
            volume
            for name, entry in self.entries.items()
            if name.partition("/")[0] == ask.project and name != ask.of
            for volume in entry.storage
        }
        return {name: size for name, size in ask.storage.items() if name not in there}


def asked(deployment: Deployment, of: str, default: Needs) -> Ask:
    """Return what a deployment wants.

    Args:
        of: "project/name". default: of a container that says nothing.
    """
    amounts, fixed, automatic = Amounts(deployments=1), dict[str, int](), list[str]()
    for piece, part in pieces(deployment, of.partition("/")[0]):
        needs = needs_of(deployment, part, default)
        amounts += Amounts(cpus=needs.cpus, memory=needs.memory, gpus=needs.gpus)
        for port in part.ports:
            if port.publish is Publish.AUTO:
                automatic.append(piece.port(port))
            elif not isinstance(port.publish, Publish):
                fixed[piece.port(port)] = port.publish + piece.copy
    ways = [port.way for part in deployment.parts for port in part.ways]
    amounts = replace(amounts, ports=len(fixed) + len(automatic))
    storage = {
        name: volume.size
        for name, volume in deployment.volumes.items()
        if volume.kind is VolumeKind.NAS
    }
    root = any(part.as_root for part in deployment.parts)
    hosts = tuple(sorted(way.host for way in ways if way))
    return Ask(of, amounts, fixed, tuple(automatic), storage, root, hosts)


def _taken(ask: Ask, named: Mapping[str, str]) -> Iterator[ConfigError]:
    for host in ask.hosts:
        if host in named:
            what = f"{ask.of}: {host}: {named[host]} has that name at the front door"
            yield ConfigError(what, "Name another.")


def _clashes(ask: Ask, taken: Mapping[int, str], busy: Collection[int]) -> Iterator[ConfigError]:
    for what, port in ask.fixed.items():
        if port in taken:
            yield ConfigError(
                f"{ask.of}: port {port} ({what}): {taken[port]} has it", "Name another."
            )
        elif port in busy:
            why = "something on a node listens on it"
            yield ConfigError(f"{ask.of}: port {port} ({what}): {why}", "Name another.")
