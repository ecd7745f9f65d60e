"""deploy.*: deployments for a person: what was done, and how they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli import deployed
from cli.session import Session
from cluster.errors import ConfigError, NodeError, SkpError

if TYPE_CHECKING:
    from cluster.commands.logs import Query
    from cluster.config.inventory import Host
    from cluster.connectors.fleet import Fleet
    from cluster.model.cluster import Cluster
    from workloads.form import Form
    from workloads.gate import Applied, Gate
    from workloads.phases import Row
    from workloads.steps import Step
    from workloads.store import Revision


class NotWorkingError(SkpError):
    """What was brought does not work."""


@contextmanager
def gate(
    s: Session, account: str = "", hosts: Sequence[Host] | None = None
) -> Iterator[tuple[Gate, Fleet]]:
    """Connect, and give the way in.

    Args:
        account: who it is for; "" for the operator.
        hosts: None for the chosen ones and the managers.
    """
    with s.fleet(hosts) as fleet:
        # Imported only here: connecting needs half of these modules, and begins sooner.
        from cli.doors import of_gateway
        from cli.people import people
        from cli.platform import account_service, of_services
        from workloads.gate import Gate

        cluster = known_cluster(s, fleet)
        whom = people(cluster, fleet, account)
        doors = of_gateway(s, cluster, fleet)
        asked = partial(account_service, s, fleet, cluster)
        known = partial(of_services, cluster)
        yield Gate(cluster, fleet, known, s.say, whom, asked, doors), fleet


def known_cluster(s: Session, fleet: Fleet) -> Cluster:
    """Return what is wanted, with what the cluster remembers; by its key deployments are known.

    Raises:
        NodeError: no manager says it.
    """
    from cluster.facts.cluster import remembered_cluster

    found, unknown = remembered_cluster(s.declared, fleet)
    if unknown:
        first = s.inventory.managers[0].name
        raise fleet.unreachable.get(first) or NodeError(first, unknown[0])
    return found


def who_tells(s: Session, account: str = "") -> Sequence[Host] | None:
    """Return whom a command needs that only looks: managers, and for an account its service."""
    return None if account or s.options.nodes else s.inventory.managers


def form_of(s: Session, file: str) -> Form:
    """Read a file; its warnings are told."""
    from workloads import readers

    if not file:
        raise ConfigError("a file of a deployment is needed", f"./skp.py {s.command} myDeploy.py")
    found = readers.read(Path(file))
    if not s.options.json:
        s.warn(found.warnings)
    return found


def carried_out(s: Session, way: Gate, do: Callable[[], Applied]) -> None:
    """Have something done, wait for how it ends, and show it.

    Raises:
        SkpError: it does not work; what was there before serves on.
    """
    with audited(s, way):
        rows = ended(s, way, do())
    deployed.show(s, rows)


def ended(s: Session, way: Gate, applied: Applied) -> tuple[Row, ...]:
    """Wait for how something ends that was done, and return the containers.

    Raises:
        SkpError: it does not work; what was there before serves on.
    """
    try:
        rows = worked(s, way, applied)
    except NotWorkingError:
        if applied.before and applied.reserved:
            way.go_back(applied)
        raise
    s.warn(way.finish(applied))
    return rows


def worked(s: Session, way: Gate, applied: Applied) -> tuple[Row, ...]:
    """Wait until something works that was done, and return the containers.

    Raises:
        NotWorkingError: it does not work, and is left as it is.
    """
    from workloads.waiting import wait

    s.warn(applied.warnings)
    seconds = s.settings.deadlines.healthy
    outcome = wait(way.store, applied, s.inventory.names, seconds, s.say)
    if outcome.failed:
        log = way.store.last_lines(outcome.task)
        raise NotWorkingError("\n".join(outcome.failed), "\n  ".join(log))
    try:
        s.warn(way.lead(applied))
    except SkpError as error:
        raise NotWorkingError(error.what, error.hint) from error
    if not applied.ways:
        return outcome.rows
    going = {found.piece for found in applied.left}
    return tuple(row for row in way.rows(applied.of) if row.piece not in going)


def again(s: Session, way: Gate, found: Revision, do: Callable[[Revision], Applied]) -> None:
    """Have an earlier revision carried out; with --dry, only say which."""
    if s.options.dry:
        text = f"{found.of} would be as in revision {found.number}."
        s.show({"deployment": found.of, "revision": found.number}, [text])
    else:
        carried_out(s, way, lambda: do(found))


def show_plan(s: Session, steps: Sequence[Step]) -> None:
    """Show what would be done."""
    lines = [step.line for step in steps] or ["Nothing to change."]
    s.show([step.document for step in steps], lines)


@contextmanager
def audited(s: Session, way: Gate) -> Iterator[None]:
    """Have the audit trail tell that the command began, for which account, and how it ended."""
    from cluster.commands.audit import noted

    what = " ".join(filter(None, (s.command, way.account)))
    with noted(way.fleet, way.cluster.inventory, what) as complaints:
        yield
    s.warn(complaints)


def chosen(rows: Sequence[Row], index: str, name: str) -> str:
    """Return the deployment ("project/name") of a row; its name has to agree.

    Raises:
        ConfigError: there is no such row, or it is of another one.
    """
    if not index.isdecimal() or int(index) >= len(rows):
        raise ConfigError(f"{index}: there is no such row", "./skp.py deploy.list shows them.")
    of = rows[int(index)].piece.of
    if name not in (of, of.partition("/")[2]):
        what = f"row {index} is {of}, and not {name}: index and name differ"
        raise ConfigError(what, "./skp.py deploy.list shows both.")
    return of


def named(rows: Sequence[Row], name: str) -> str:
    """Return the deployment of that name; PROJECT/NAME where several projects have one.

    Raises:
        ConfigError: there is none, or more than one.
    """
    found = sorted({r.piece.of for r in rows if name in (r.piece.of, r.piece.deployment)})
    if len(found) == 1:
        return found[0]
    there = ", ".join(sorted({row.piece.of for row in rows})) or "none"
    what = f"there is no deployment {name}" if not found else f"{name}: {', '.join(found)}"
    raise ConfigError(what, f"There are: {there}." if not found else "Say PROJECT/NAME.")


def limit(s: Session, way: Gate, project: str, text: str, root: str) -> None:
    """Set what a project may have; what is not said stays.

    Args:
        text: "gpus=2,memory=16g". root: TRUE or FALSE; "" for as it is.

    Raises:
        ConfigError: no project is named, or a limit is none.
    """
    from workloads.amounts import Limits, limits

    if not project:
        what = "whose limits they are has to be said"
        raise ConfigError(what, "./skp.py deploy.quota vision --limits gpus=2,memory=16g")
    if root.upper() not in ("", "TRUE", "FALSE"):
        raise ConfigError(f"--root={root}: allowed: TRUE or FALSE")
    before = way.store.ledger.read().limits.get(project, Limits())
    may = root.upper() == "TRUE" if root else before.root
    with audited(s, way):
        changed = limits(before, text, may_be_root=may)
        way.store.ledger.change(lambda now: now.limited(project, changed))


def show_quotas(s: Session, way: Gate, project: str) -> None:
    """Show what projects have, and may have."""
    from cluster.model.line import table
    from workloads.amounts import KINDS, shown

    ledger = way.store.ledger.read()
    names = sorted({*ledger.limits, *(of.partition("/")[0] for of in ledger.entries)})
    chosen_ones = [name for name in names if project in ("", name)]
    document, cells = {}, []
    for name in chosen_ones:
        most, has = ledger.limits.get(name), ledger.used(name)
        document[name] = {"has": asdict(has), "may": asdict(most) if most else {}}
        pairs = [
            f"{shown(kind, getattr(has, kind))} / "
            + (shown(kind, may) if most and (may := getattr(most, kind)) is not None else "-")
            for kind in KINDS
        ]
        cells.append((name, *pairs, "yes" if most and most.root else "no"))
    heads = ("PROJECT", *(kind.upper() for kind in KINDS), "ROOT")
    s.show(document, table(heads, cells))


def print_logs(s: Session, name: str, account: str, wanted: Query) -> int:
    """Print what a deployment's containers write, and return how many logs could not be read.

    Args:
        account: who it is for; "" for the operator.
    """
    from cli.log_view import print_logs as printed
    from cluster.commands.logs import Source
    from cluster.model.redaction import known

    with gate(s, account) as (way, fleet):
        rows = way.rows()
        of = named(rows, name)
        state = s.view(fleet).state
        sources = [
            Source(row.node, row.piece.name, row.container)
            for row in rows
            if row.piece.of == of and row.container
        ]
        return printed(s, fleet, sources, wanted, known(way.cluster, state))


def where(s: Session, name: str, part: str, account: str) -> tuple[Host, str]:
    """Return the node, and the id, of the first container of a deployment that runs.

    Args:
        part: which container; "" for the first of the file.
        account: who wants to be in it; "" for the operator.

    Raises:
        ConfigError: none of that name runs, or they may not change it.
    """
    with gate(s, account, who_tells(s, account)) as (way, _):
        rows = way.rows()
        of = named(rows, name)
        way.check(of)
    own = [row for row in rows if row.piece.of == of and row.container]
    for row in own:
        if part in ("", row.piece.part):
            return s.inventory.host(row.node), row.container
    there = ", ".join(sorted({row.piece.part for row in own})) or "none"
    raise ConfigError(f"{of}: no container {part} runs".replace("  ", " "), f"Running: {there}.")
