"""`bench/run apply`: rounds of all contenders, in turn, on fresh nodes; then the results."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from bench.apply import report, work
from bench.apply.contenders import CONTENDERS, HERE, Contender
from bench.apply.machine import facts
from bench.apply.measure import FailedError, Timing, timed
from bench.apply.nodes import Nodes
from bench.apply.verify import Lives, WrongError, verify


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; returns the exit code."""
    options = _options(arguments)
    chosen = [c for c in CONTENDERS if c.name.lower() in options.contenders]
    nodes, timings, begun = Nodes(), [], time.monotonic()
    machine = facts()
    try:
        nodes.make_images()
        for number in range(options.rounds):
            for count in options.nodes:
                # Every round begins with another contender: none always follows the same one.
                turn = number % len(chosen)
                for contender in (*chosen[turn:], *chosen[:turn]):
                    timings += _run(contender, nodes, count, number)
    except (FailedError, WrongError) as error:
        print(f"bench: {error}\nbench: the nodes are left as they are", file=sys.stderr)
        return 1
    nodes.remove()
    machine["took"] = f"{(time.monotonic() - begun) / 60:.0f} minutes"
    _write(options, machine, timings)
    return 0


def _run(contender: Contender, nodes: Nodes, count: int, number: int) -> list[Timing]:
    """Let one contender do all phases on fresh nodes."""
    nodes.fresh(count)
    nodes.prepare()
    contender.prepare(nodes)
    timings: list[Timing] = []
    lives: Lives = {}
    for phase in work.PHASES:
        log = nodes.folder / f"{contender.name}-{count}-{number + 1}-{phase}.log"
        try:
            wall, cpu = timed(contender.command(phase, nodes), log)
            verified = verify(nodes, phase, lives)
        except (FailedError, WrongError) as error:
            raise type(error)(
                f"{contender.name}, {count} nodes, round {number + 1}, {phase}: {error}"
            ) from None
        lives = verified.lives
        timings.append(
            Timing(contender.name, count, number + 1, phase, wall, cpu, verified.unresolved)
        )
    contender.finish(nodes)
    shown = ", ".join(f"{t.phase} {t.wall:.2f} s (CPU {t.cpu:.2f})" for t in timings)
    print(f"round {number + 1}, {count} nodes, {contender.name}: {shown}", flush=True)
    return timings


def _write(options: argparse.Namespace, machine: dict[str, str], timings: list[Timing]) -> None:
    text = report.markdown(machine, timings)
    print(text)
    if options.keep:
        document = {"machine": machine, "timings": [asdict(timing) for timing in timings]}
        (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n")
        (HERE / "RESULTS.md").write_text(text)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    every = ",".join(c.name.lower() for c in CONTENDERS)
    parser = argparse.ArgumentParser(prog="bench/run apply", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of every contender; default 5")
    parser.add_argument("--nodes", default="3,8", help="sizes of the lab; default 3,8")
    parser.add_argument("--contenders", default=every, help=f"default {every}")
    parser.add_argument(
        "--keep", action="store_true", help="write RESULTS.md and results.json, to be committed"
    )
    options = parser.parse_args(arguments)
    options.nodes = [int(count) for count in options.nodes.split(",")]
    options.contenders = options.contenders.lower().split(",")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
