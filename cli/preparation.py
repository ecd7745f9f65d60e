"""Preparing machines, as host.copy, .firewall, .install, lang.*, iptable.* and nfs.* do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.confirmation import agrees
from cli.password import password as secret
from cli.session import Session
from cluster.errors import SkpError

if TYPE_CHECKING:
    from cluster.commands.report import Report
    from hosts.prepare.gpu_restart import Waiting
    from hosts.prepare.setup import Item

PASSWORD_HELP = {"password": "The password for sudo, where it wants one; bare asks, - reads stdin."}


def prepare_machines(s: Session, items: Sequence[Item], password: str) -> None:
    """Make the chosen machines have `items`, show the report, and end with its exit code.

    Args:
        password: the value of -p: "" for none.
    """
    from hosts.prepare.setup import prepare

    given = secret(s, password, "the SSH user on the nodes") if password else None
    with s.fleet(s.hosts, given) as fleet:
        report = prepare(fleet, items, given, s.say, dry=s.options.dry)
    s.finish(report)


def install_machines(s: Session, items: Sequence[Item], password: str) -> None:
    """Prepare the chosen machines, then restart the engines that do not know their GPUs yet.

    A person is asked before one is restarted on which containers run.

    Args:
        password: the value of -p: "" for none.
    """
    from cluster.model.result import Outcome
    from hosts.prepare import gpu_restart
    from hosts.prepare.machine_items import GPU_NAMES
    from hosts.prepare.setup import prepare

    given = secret(s, password, "the SSH user on the nodes") if password else None
    with s.fleet(s.hosts, given) as fleet:
        report = prepare(fleet, items, given, s.say, dry=s.options.dry)
        found = gpu_restart.waiting(fleet, GPU_NAMES, report, given)
    engines = [engine for engine in found.values.values() if engine]
    restarts = _restarted(s, engines) if engines else []
    anew = [r.item.node for each in restarts for r in each.results if r.outcome is Outcome.DONE]
    if anew and not all(result.ok for result in report.results):
        with s.fleet(s.hosts, given) as fleet:
            report = gpu_restart.mended(fleet, items, report, anew)
    s.finish(gpu_restart.joined(report, found.errors, *restarts))


def _restarted(s: Session, engines: Sequence[Waiting]) -> list[Report]:
    """Restart those of `engines` that may be, in the cluster's lock; return what became of them."""
    from cluster.commands.engine_restart import plan_engine_restarts
    from cluster.commands.report import Report
    from hosts.prepare import gpu_restart

    at_work = [engine for engine in engines if engine.running]
    agreed = s.options.dry or not at_work or agrees(gpu_restart.question(at_work), s.options)
    left = [] if agreed else at_work
    chosen = {engine.node: engine.gpus for engine in engines if engine not in left}
    reports = [Report(tuple(gpu_restart.left(left)), {})] if left else []
    if not chosen:
        return reports
    may = [engine.node for engine in at_work] if agreed else []
    try:
        return [*reports, s.changed(lambda *_: plan_engine_restarts(s.inventory, chosen, may))]
    except SkpError as error:
        lost = gpu_restart.failed([e for e in engines if e.node in chosen], error)
        return [*reports, Report(tuple(lost), {})]
