"""`bench/run door`: requests a second and latency through the door, beside nginx in its place.

h2load asks for the same file of the same page by HTTP/1.1: directly, through nginx with TLS as a
proxy on the same node and networks, and through the door; in turn, over connections that stay open.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.support.accounts import Env, serving
from tests.support.door import HOST, LOGIN, SPARK, Visitor, authority
from tests.support.lab import HOSTS, ROOT, on, secret

HERE = Path(__file__).parent
H2LOAD = ROOT / ".bench" / "h2load"
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
PROXY, PORT = "skp-bench-nginx", 9443
# Requests and connections: of one client after another, and of eight at once.
RUNS = {"one client": (1000, 1), "eight clients": (4000, 8)}
PAGES = {
    "the login page's style sheet, asked nobody": ("nginx-skp:8070", 8070, "/login.css", LOGIN),
    "a style sheet of Spark's, asked for the account": (
        "spark-skp-master:8080", 8030, "/static/webui.css", SPARK,
    ),
}  # fmt: skip
CONFIG = """
pid /tmp/nginx.pid; worker_processes 2; error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  keepalive_requests 1000000;
  upstream page { server UPSTREAM; keepalive 32; }
  server {
    listen PORT ssl; ssl_certificate /given/chain; ssl_certificate_key /given/key;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://page; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
"""


@dataclass(frozen=True)
class Figure:
    """What h2load says of a run: requests a second, and the mean request in ms."""

    rate: float
    each: float


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
    config = CONFIG.replace("UPSTREAM", upstream).replace("PORT", str(PORT))
    made = on(
        "c01",
        "rm -rf /tmp/given && mkdir /tmp/given && cd /tmp/given && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bench "
        "-keyout key -out chain -days 2 2>/dev/null && chmod 644 key && "
        f"cat >nginx.conf <<'E'\n{config}\nE\n"
        f"docker run -d --rm --name {PROXY} --network net-skp-users -p {HOST}:{PORT}:{PORT} "
        "--read-only --tmpfs /tmp --entrypoint nginx -v /tmp/given:/given:ro "
        "$(docker inspect -f '{{.Image}}' nginx-skp) -c /given/nginx.conf -g 'daemon off;'",
    )
    if made.code:
        sys.exit(f"bench: {made.all}")
    try:
        yield
    finally:
        on("c01", f"docker rm -f {PROXY}; rm -rf /tmp/given")


def bench(url: str, number: int, clients: int, cookie: str) -> Figure:
    """Return what h2load measures of `number` requests by `clients` at once."""
    words = [str(H2LOAD / "h2load"), "--h1", "-n", str(number), "-c", str(clients)]
    words += ["-H", f"Cookie: {cookie}"] if cookie else []
    done = subprocess.run(
        [*words, url], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "LD_LIBRARY_PATH": str(H2LOAD)},
    )  # fmt: skip
    rate = re.search(r"finished in .*?, ([0-9.]+) req/s", done.stdout)
    mean = re.search(r"time for request: +\S+ +\S+ +([0-9.]+)(us|ms|s) ", done.stdout)
    if not (rate and mean) or f"status codes: {number} 2xx," not in done.stdout:
        sys.exit(f"bench: {url}: {done.stdout}{done.stderr}")
    return Figure(float(rate[1]), float(mean[1]) * _MS[mean[2]])


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
