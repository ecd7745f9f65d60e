"""Other proxies in the front door's place: on its node and network, and with TLS."""

from __future__ import annotations

import shlex
import sys

from tests.support.door import HOST
from tests.support.lab import on

NODE, NETWORK = "c01", "net-skp-users"
FOLDER = "/tmp/skp-bench"  # noqa: S108 - of a node of the practice cluster
"""On the node. A proxy's container sees it as /given: files, `chain` and `key`."""


def on_node(node: str, command: str) -> str:
    """Run a shell command on a node, and return what it prints; ends the benchmark if it fails."""
    done = on(node, command)
    if done.code:
        sys.exit(f"bench: {node}: {command}: {done.all}")
    return done.out


def prepare(name: str) -> str:
    """Make the folder, with a certificate for a name that signs itself; return the certificate."""
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    extensions = ("subjectAltName=DNS:" + name, "keyUsage=critical,digitalSignature,keyCertSign")
    added = " ".join(f"-addext {each}" for each in extensions)
    made = f"{new} -subj /CN={name} {added} -keyout key -out chain 2>/dev/null"
    folder = f"rm -rf {FOLDER} && mkdir {FOLDER} && cd {FOLDER}"
    return on_node(NODE, f"{folder} && {made} && chmod 644 key && cat chain")


def write(name: str, content: str) -> None:
    """Have a file be in the folder."""
    on_node(NODE, f"printf %s {shlex.quote(content)} >{FOLDER}/{name}")


def run(name: str, ports: tuple[int, ...], entry: str, *words: str) -> None:
    """Run a program in a container that the proxy is, with the image of the login page's nginx."""
    published = " ".join(f"-p {HOST}:{port}:{port}" for port in ports)
    on_node(
        NODE,
        f"docker run -d --init --name {name} --network {NETWORK} {published} --read-only "
        f"--tmpfs /tmp -e HOME=/tmp -v {FOLDER}:/given:ro --entrypoint {entry} "
        f"$(docker inspect -f '{{{{.Image}}}}' nginx-skp) {shlex.join(words)}",
    )


def run_nginx(name: str, config: str, *ports: int) -> None:
    """Run nginx as a proxy; `config` is what its `http` block has."""
    write(f"{name}.conf", _NGINX.replace("SERVERS", config))
    run(name, ports, "nginx", "-c", f"/given/{name}.conf", "-g", "daemon off;")


def end(*names: str) -> None:
    """Take proxies away, and the folder."""
    on(NODE, f"docker rm -f {shlex.join(names)}; rm -rf {FOLDER}")


_NGINX = """
pid /tmp/nginx.pid; worker_processes 2; error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  keepalive_requests 1000000;
  ssl_certificate /given/chain; ssl_certificate_key /given/key; ssl_protocols TLSv1.2 TLSv1.3;
SERVERS
}
"""
