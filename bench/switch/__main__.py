"""`bench/run switch`: what users notice while a page's version is changed, by three ways."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from bench import proxies
from bench.h2load import RUNS, Figure, bench
from bench.machine import facts
from bench.switch import pages, report
from bench.switch.change import Noticed, change
from bench.switch.contenders import Contender, Kamal, Skp, Swarm, at
from tests.support.accounts import Env, serving
from tests.support.data_volumes import until
from tests.support.door import HOST
from tests.support.lab import HOSTS
from tests.support.named import named

HERE = Path(__file__).parent
BINARY = "KAMAL_PROXY"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark on the practice cluster; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run switch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md and results.json")
    parser.add_argument(
        "--door-runs",
        action="store_true",
        help="use the door and the accounts that run, of the inventory that SKP_HOSTS names",
    )
    options = parser.parse_args(arguments)
    engine = proxies.on_node("c01", "docker version -f '{{.Server.Version}}'").strip()
    machine, begun = facts("3 of the practice cluster", engine), time.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        if options.door_runs:
            running = {"SKP_HOSTS": os.environ["SKP_HOSTS"]}
        else:
            os.environ["SKP_HOSTS"] = str(HOSTS)
            running = stack.enter_context(serving(folder / "hosts.json"))
        env = stack.enter_context(named(running, folder))
        contenders = stack.enter_context(all_of(env, folder))
        changes = changed(contenders, options.rounds)
        costs = passed(contenders, options.rounds)
        machine["took"] = f"{(time.monotonic() - begun) / 60:.0f} minutes"
        # (Told before all is taken away: what goes wrong then does not lose them.)
        _tell(machine, changes, costs, HERE if options.keep else None)
    return 0


def _tell(
    machine: dict[str, str],
    changes: dict[str, list[Noticed]],
    costs: dict[tuple[str, str], list[Figure]],
    keep: Path | None,
) -> None:
    """Print the results, and write them to a folder."""
    if Kamal.name not in changes:
        machine[Kamal.name] = f"not there: {BINARY} does not name its program (README.md)"
    text = report.markdown(machine, changes, costs)
    print(text, flush=True)
    if keep:
        (keep / "RESULTS.md").write_text(text)
        (keep / "results.json").write_text(_json(machine, changes, costs))


@contextmanager
def all_of(env: Env, folder: Path) -> Iterator[list[Contender]]:
    """Bring up all contenders, side by side; they are gone afterwards."""
    certificate = folder / "proxies.crt"
    certificate.write_text(proxies.prepare(pages.NAME))
    contenders: list[Contender] = [Skp(env, folder), Swarm(certificate)]
    binary = Path(os.environ.get(BINARY, ""))
    if binary.is_file():
        contenders.append(Kamal(certificate, binary))
    else:
        print(f"{Kamal.name}: not there: {BINARY} does not name its program (README.md)")
    try:
        pages.prepare()
        for each in contenders:
            each.begin(pages.version("w0"))
            until_says(each, "w0")
        yield contenders
    finally:
        for each in contenders:
            each.end()
        proxies.end()
        pages.leave()


def until_says(contender: Contender, word: str) -> None:
    """Return once the page says this; fails after a minute."""

    def says() -> bool:
        try:
            answer = contender.page.session().get(contender.page.at(), timeout=10)
        except OSError:
            return False
        return (answer.status_code, answer.text) == (200, word)

    until(says, 60)


def changed(contenders: Sequence[Contender], rounds: int) -> dict[str, list[Noticed]]:
    """Return what was noticed of changes by contender: one of each in every round, in turn."""
    found: dict[str, list[Noticed]] = {each.name: [] for each in contenders}
    for number in range(1, rounds + 1):
        for each in contenders[:: 1 if number % 2 else -1]:
            noticed = change(each, pages.version(f"w{number}"))
            found[each.name].append(noticed)
            print(f"round {number}, {each.name}: {json.dumps(asdict(noticed))}", flush=True)
    return found


def passed(contenders: Sequence[Contender], rounds: int) -> dict[tuple[str, str], list[Figure]]:
    """Return what a small page costs through each proxy, by run and way, without a change."""
    ports: dict[str, int] = {}
    for each in contenders:
        each.change(pages.PLAIN)
        until_says(each, pages.PLAIN.word)
        ports |= each.ports()
    found: dict[tuple[str, str], list[Figure]] = {}
    for _ in range(rounds):
        for run, (number, clients) in RUNS.items():
            for way, port in ports.items():
                figure = bench(at(port), number, clients, at=f"{HOST}:{port}")
                found.setdefault((run, way), []).append(figure)
    return dict(sorted(found.items(), key=lambda item: list(RUNS).index(item[0][0])))


def _json(
    machine: dict[str, str],
    changes: dict[str, list[Noticed]],
    costs: dict[tuple[str, str], list[Figure]],
) -> str:
    by_way = {", ".join(key): [asdict(each) for each in found] for key, found in costs.items()}
    document = {
        "machine": machine,
        "changes": {name: [asdict(each) for each in found] for name, found in changes.items()},
        "costs": by_way,
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
