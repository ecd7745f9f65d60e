"""Steps that remember what a person decided, and the secrets that were generated."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker.errors

from cluster.facts.disk import KEPT, MARK, STAMP
from cluster.model.decisions import Intent
from cluster.model.step import Action, Step
from cluster.operations.dispatch import Context, Performer


def _hold(context: Context, step: Step) -> str:
    return _decide(context, lambda intent: intent.hold(step.name))


def _run(context: Context, step: Step) -> str:
    return _decide(context, lambda intent: intent.run(step.name, step.values))


def _pin(context: Context, step: Step) -> str:
    return _decide(context, lambda intent: intent.pin(step.name, step.values))


def _number(context: Context, step: Step) -> str:
    service = step.name.partition(" ")[0]
    return _decide(context, lambda intent: intent.number(service, step.values))


def _decide(context: Context, decision: Callable[[Intent], Intent]) -> str:
    """Change the intent by compare-and-swap on the Swarm's specification."""
    via = context.fleet.nodes[context.swarm.via]
    end = time.monotonic() + via.deadlines.swarm
    with via.talking("remembering the intent") as engine:
        while True:
            current = engine.inspect_swarm()
            version, spec = current["Version"]["Index"], dict[str, Any](current["Spec"])
            labels = spec.get("Labels") or {}
            spec["Labels"] = decision(Intent.read(labels)).written(labels)
            try:
                engine.update_swarm(version, swarm_spec=spec)
                return ""
            except docker.errors.APIError:
                moved = engine.inspect_swarm()["Version"]["Index"] != version
                if not moved or time.monotonic() > end:
                    raise


def _save(context: Context, step: Step) -> str:
    """Write the generated secrets where only root reads them, whole or not at all."""
    node = context.fleet.nodes[step.node]
    folder = shlex.quote(str(Path(KEPT).parent))
    node.sudo(
        f"install -d -m 0755 {folder} && umask 077 && cat >{KEPT}.new && sync {KEPT}.new "
        f"&& mv {KEPT}.new {KEPT} && umask 022 "
        f'&& echo {context.kept.mark} "$({STAMP} {KEPT})" >{MARK}.new && mv {MARK}.new {MARK}',
        stdin=context.kept.written().encode(),
    )
    return ""


PERFORMERS: Mapping[str, Performer] = {
    Action.HOLD: _hold,
    Action.RELEASE: _run,
    Action.SET: _run,
    Action.PIN: _pin,
    Action.NUMBER: _number,
}
SECRETS: Mapping[str, Performer] = {Action.SAVE: _save}
