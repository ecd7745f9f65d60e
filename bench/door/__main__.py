"""`bench/run door`: requests a second and latency through the door, beside nginx in its place.

h2load asks for the same file of the same page by HTTP/1.1: directly, through nginx with TLS as a
proxy on the same node and networks, and through the door; in turn, over connections that stay open.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import proxies
from bench.h2load import RUNS, Figure, bench
from tests.support.accounts import Env, serving
from tests.support.door import HOST, LOGIN, SPARK, Visitor, authority
from tests.support.lab import HOSTS, secret

HERE = Path(__file__).parent
PROXY, PORT = "skp-bench-nginx", 9443
PAGES = {
    "the login page's style sheet, asked nobody": ("nginx-skp:8070", 8070, "/login.css", LOGIN),
    "a style sheet of Spark's, asked for the account": (
        "spark-skp-master:8080", 8030, "/static/webui.css", SPARK,
    ),
}  # fmt: skip
CONFIG = """
  upstream page { server UPSTREAM; keepalive 32; }
  server {
    listen PORT ssl;
    location / { proxy_pass http://page; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
"""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark on the practice cluster; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run door", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md as well")
    options = parser.parse_args(arguments)
    os.environ["SKP_HOSTS"] = str(HOSTS)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "hosts.json") as env:
        text = report(measured(Path(folder), env, options.rounds))
    print(text)
    if options.keep:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    return 0


def measured(folder: Path, env: Env, rounds: int) -> dict[tuple[str, str, str], list[Figure]]:
    """Return the figures by page, run and contender."""
    cookie = _logged_in(folder, env)
    found: dict[tuple[str, str, str], list[Figure]] = {}
    for page, (upstream, port, path, door) in PAGES.items():
        urls = {
            "directly, no TLS": (f"http://{HOST}:{port}{path}", ""),
            "nginx alone": (f"https://{HOST}:{PORT}{path}", ""),
            "the front door": (f"{door}{path}", cookie),
        }
        with nginx(upstream):
            for _ in range(rounds):
                for run, (number, clients) in RUNS.items():
                    for who, (url, sent) in urls.items():
                        key = (page, run, who)
                        found.setdefault(key, []).append(bench(url, number, clients, sent))
    return found


def _logged_in(folder: Path, env: Env) -> str:
    """Return the cookie of a session at Spark's page."""
    visitor = Visitor(authority(folder, env))
    visitor.log_in("admin", secret("FLASK_ADMIN_PASSWORD"))
    visitor.enter(f"{SPARK}/")
    return f"__Host-skp-spark={visitor.session.cookies['__Host-skp-spark']}"


@contextmanager
def nginx(upstream: str) -> Iterator[None]:
    """Run nginx with TLS before a page, on the door's node and networks, and with its image."""
    proxies.prepare("bench")
    try:
        config = CONFIG.replace("UPSTREAM", upstream).replace("PORT", str(PORT))
        proxies.run_nginx(PROXY, config, PORT)
        yield
    finally:
        proxies.end(PROXY)


def report(found: Mapping[tuple[str, str, str], Sequence[Figure]]) -> str:
    """Return the table of medians, each with its ratio to nginx alone."""
    lines = ["| page | clients | contender | requests/s | to nginx | ms each | to nginx |"]
    lines.append("|---|---|---|---|---|---|---|")
    for (page, run, who), figures in found.items():
        rate, each = median(f.rate for f in figures), median(f.each for f in figures)
        peers = found[page, run, "nginx alone"]
        of_rate = rate / median(f.rate for f in peers)
        of_each = each / median(f.each for f in peers)
        row = f"{rate:.0f} | {of_rate:.2f} | {each:.2f} | {of_each:.2f}"
        lines.append(f"| {page} | {run} | {who} | {row} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
