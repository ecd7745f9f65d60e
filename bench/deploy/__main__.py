"""`bench/run deploy`: a hundred deployments beside a stack of a hundred services, both at once."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.deploy import contenders as of
from bench.deploy import report, sizes
from bench.machine import facts

HERE = Path(__file__).parent
# What is measured in every round, by question and by what is typed; the first is SKP's.
MEASURED: dict[str, dict[str, Callable[[], None]]] = {
    report.LIST: {
        "deploy.list --json": of.skp_list,
        "docker service ls": of.service_ls,
        "docker stack services": of.stack_services,
        "docker stack ps": of.stack_ps,
        "docker stack services; docker stack ps": of.stack_both,
    },
    report.SAME: {
        "deploy.apply FILE --update": of.skp_same,
        "docker stack deploy -c FILE": of.stack_same,
    },
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run deploy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md and results.json")
    options = parser.parse_args(arguments)
    of.clear()
    of.prepare()
    nodes = f"{len(of.NODES)} of the practice cluster, three of them managers"
    engine = of.on("docker version -f '{{.Server.Version}}'").strip()
    machine, begun = facts(nodes, engine), time.monotonic()
    try:
        found = measured(options.rounds)
    finally:
        of.clear()
        of.leave()
    machine["took"] = f"{(time.monotonic() - begun) / 60:.0f} minutes"
    text = report.markdown(machine, found)
    print(text)
    if options.keep:
        (HERE / "RESULTS.md").write_text(text)
        document = json.dumps({"machine": machine, "figures": found}, indent=1)
        (HERE / "results.json").write_text(f"{document}\n")
    return 0


def measured(rounds: int) -> report.Figures:
    """Return all figures, by question, then by what was typed or what is there."""
    skp, stack = "deploy.apply FILE ... (100 files)", "docker stack deploy"
    empty, without = sizes.snapshot(), sizes.memory()
    up = timed(of.skp_up)
    half, with_skp = sizes.snapshot(), sizes.memory()
    up_stack = timed(of.stack_up)
    whole, with_both = sizes.snapshot(), sizes.memory()
    found: report.Figures = {
        report.UP: {skp: [up], stack: [up_stack]},
        report.SNAPSHOT: {report.SKP: [half - empty], report.STACK: [whole - half]},
        report.JSON: {report.SKP: [sizes.deployments()], report.STACK: [sizes.stack()]},
        report.MEMORY: {
            report.SKP: [with_skp - without], report.STACK: [with_both - with_skp]
        },
    }  # fmt: skip
    print(f"up: {json.dumps(found)}", flush=True)
    for number in range(rounds):
        for question, asked in MEASURED.items():
            took = found.setdefault(question, {name: [] for name in asked})
            for name in list(asked)[:: -1 if number % 2 else 1]:
                took[name].append(timed(asked[name]))
                print(f"round {number + 1}, {name}: {took[name][-1]:.2f} s", flush=True)
    again, stack_again = timed(of.skp_all_same), timed(of.stack_all_same)
    found[report.ALL_SAME] = {f"{skp}, --update": [again], stack: [stack_again]}
    return found


def timed(do: Callable[[], None]) -> float:
    """Return how many seconds something took."""
    begun = time.monotonic()
    do()
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
