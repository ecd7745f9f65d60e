"""The contenders: each brings up the page behind its proxy, and changes its version."""

from __future__ import annotations

import shlex
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from bench import proxies
from bench.switch.pages import CPUS, HOST, LABEL, MEMORY, NAME, NODE, PORT, Page
from tests.support import door
from tests.support.accounts import Env
from tests.support.deployed import file
from tests.support.lab import MINUTES, by_ssh, on, skp
from tests.support.named import target
from tests.support.steady_load import Target

NGINX, NGINX_FIXED, KAMAL = 9443, 9445, 9444  # ports
_SERVICE, _NGINX, _KAMAL = "bench-switch", "bench-switch-nginx", "bench-switch-kamal"
_FORWARDED = "proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_connect_timeout 2s;"
_CONFIG = f"""
  map $http_upgrade $connection_of {{ default upgrade; '' ''; }}
  resolver 127.0.0.11 valid=1s ipv6=off;
  server {{
    listen {NGINX} ssl;
    location / {{
      set $page {_SERVICE}:{PORT};
      proxy_pass http://$page; {_FORWARDED}
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_of;
    }}
  }}
  upstream fixed {{ server {_SERVICE}:{PORT}; keepalive 32; }}
  server {{
    listen {NGINX_FIXED} ssl;
    location / {{ proxy_pass http://fixed; {_FORWARDED} proxy_set_header Connection ""; }}
  }}
"""


class Contender(ABC):
    """One way to have a page with TLS at a name, and to change its version.

    Attributes:
        name: what it is called in results. page: where clients find the page.
    """

    name: str
    page: Target

    @abstractmethod
    def begin(self, first: Page) -> None:
        """Bring the page up, and what is before it."""

    @abstractmethod
    def change(self, to: Page) -> None:
        """Change the version, as whoever runs the page does; returns when the command ends."""

    @abstractmethod
    def end(self) -> None:
        """Take all of it away."""

    def ports(self) -> dict[str, int]:
        """Return the ways through the proxy whose cost is measured: a name, and a port."""
        return {self.name: self.page.port}


class Skp(Contender):
    """A deployment of SKP with a name at the front door."""

    name = "SKP"

    def __init__(self, env: Env, folder: Path) -> None:
        """Use the door that runs in this environment; files are written to the folder."""
        self._env, self._folder = env, folder
        self.page = target(door.authority(folder, env))

    def begin(self, first: Page) -> None:
        """Let the deployment in."""
        self._apply(first)

    def change(self, to: Page) -> None:
        """Have the file applied anew."""
        self._apply(to, "--update")

    def _apply(self, page: Page, *words: str) -> None:
        path = file(self._folder, page.deployment())
        done = skp("deploy.apply", path, *words, env=self._env)
        if done.code:
            sys.exit(f"bench: deploy.apply: {done.all}")

    def end(self) -> None:
        """Nothing: what runs the door clears it."""


@dataclass
class Swarm(Contender):
    """A service of the Swarm, whose own update starts the new task first; nginx is before it."""

    ca: Path
    name = "Swarm and nginx"

    def __post_init__(self) -> None:
        self.page = Target(f"https://{NAME}:{NGINX}", door.HOST, self.ca)

    def begin(self, first: Page) -> None:
        """Create the service, then nginx, which looks for its name when it begins."""
        proxies.on_node(
            "c01",
            f"docker service create -q --name {_SERVICE} --network {proxies.NETWORK} --init "
            f"--endpoint-mode dnsrr --constraint node.labels.{LABEL.replace('=', '==')} "
            f"--limit-cpu {CPUS} --reserve-cpu {CPUS} --limit-memory {MEMORY} "
            f"--update-order start-first --update-monitor 2s --update-failure-action rollback "
            f"--stop-grace-period 30s --health-interval 1s --health-start-period 20s "
            f"--health-start-interval 1s --health-cmd {shlex.quote(first.health)} "
            f"{first.image} {shlex.join(first.args)}",
        )
        proxies.run_nginx(_NGINX, _CONFIG, NGINX, NGINX_FIXED)

    def change(self, to: Page) -> None:
        """Update the service, and wait as its command does."""
        args = shlex.quote(shlex.join(to.args))
        _by_ssh(
            "c01",
            f"docker service update -q --detach=false --image {to.image} --args {args} "
            f"--health-cmd {shlex.quote(to.health)} {_SERVICE}",
        )

    def ports(self) -> dict[str, int]:
        """Return nginx as it was, and with one fixed address whose connections are kept."""
        # (It looks for the name when it reads this.)
        again = f"nginx -c /given/{_NGINX}.conf -s reload"
        proxies.on_node("c01", f"docker exec {_NGINX} {again}")
        return {"nginx, asking the DNS": NGINX, "nginx, a fixed address": NGINX_FIXED}

    def end(self) -> None:
        """Remove both."""
        on("c01", f"docker rm -f {_NGINX}; docker service rm {_SERVICE}")


@dataclass
class Kamal(Contender):
    """kamal-proxy, and the steps of kamal: begin the new container, deploy it, stop the old one."""

    ca: Path
    binary: Path
    name = "kamal-proxy"
    _old: str = ""
    _number: int = 0

    def __post_init__(self) -> None:
        self.page = Target(f"https://{NAME}:{KAMAL}", door.HOST, self.ca)

    def begin(self, first: Page) -> None:
        """Run the proxy, and the page."""
        with self.binary.open("rb") as program:
            into = f"cat >{proxies.FOLDER}/kamal-proxy && chmod 755 {proxies.FOLDER}/kamal-proxy"
            words = ("docker", "exec", "-i", "-u", "skp", "c01", "sh", "-c", into)
            subprocess.run(words, stdin=program, timeout=2 * MINUTES, check=True)
        listening = ("--http-port", "9480", "--https-port", str(KAMAL))
        proxies.run(_KAMAL, (KAMAL,), "/given/kamal-proxy", "run", *listening)
        self.change(first)

    def change(self, to: Page) -> None:
        """Do by three logins what kamal does, with the options that it gives when nobody asks."""
        self._number += 1
        new, old = f"{_KAMAL}-{self._number}", self._old
        _by_ssh(
            NODE,
            f"docker run -d --init --name {new} --network {proxies.NETWORK} --cpus {CPUS} "
            f"--memory {MEMORY} {to.image} {shlex.join(to.args)}",
        )
        _by_ssh(
            "c01",
            f"docker exec {_KAMAL} /given/kamal-proxy deploy {HOST} --target {new}:{PORT} "
            f"--host {NAME} --tls --tls-certificate-path /given/chain "
            "--tls-private-key-path /given/key --health-check-path / --deploy-timeout 30s "
            "--drain-timeout 30s --buffer-requests --buffer-responses",
        )
        if old:
            _by_ssh(NODE, f"docker stop {old}")
        self._old = new

    def end(self) -> None:
        """Remove the proxy and all versions of the page."""
        on("c01", f"docker rm -f {_KAMAL}")
        on(NODE, f"docker ps -aq --filter name=^{_KAMAL}- | xargs -r docker rm -f")


def _by_ssh(node: str, command: str) -> None:
    done = by_ssh(node, command)
    if done.code:
        sys.exit(f"bench: {node}: {command}: {done.all}")


def at(port: int) -> str:
    """Return the page's address at a port of a proxy."""
    return f"https://{NAME}:{port}/"
