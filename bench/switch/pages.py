"""The pages that contenders serve: each an image, on the node that all pages are on."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from bench import proxies
from tests.support import lab_web
from tests.support.lab import on
from tests.support.named import DOMAIN

NODE = "c02"
"""Where pages are: not on the node of the proxies, so that all go over the overlay."""
CPUS, MEMORY = 0.5, "64m"
HOST, PORT = "shop", 8000
NAME = f"{HOST}.{DOMAIN}"
LABEL = "skp-bench=page"
_PLAIN_IMAGE = "localhost:5000/team/plain:1"
_CONFIG = (
    "pid /tmp/p; worker_processes 1; error_log stderr; events {} http { access_log off; "
    "client_body_temp_path /tmp/b; proxy_temp_path /tmp/x; fastcgi_temp_path /tmp/f; "
    "uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; keepalive_requests 1000000; "
    f"server {{ listen {PORT}; location / {{ return 200 plain; }} }} }}"
)
_DOCKERFILE = f"""FROM IMAGE
USER 0:0
RUN printf '%s' {shlex.quote(_CONFIG)} >/opt/plain.conf
USER 65534:65534
ENTRYPOINT ["nginx", "-c", "/opt/plain.conf", "-g", "daemon off;"]
"""


@dataclass(frozen=True)
class Page:
    """A version of the page.

    Attributes:
        word: what it says. args: what its image's entry point is given.
        health: a command that tells whether it serves.
    """

    word: str
    image: str
    args: tuple[str, ...]
    health: str

    def deployment(self) -> str:
        """Return it as a file of SKP's."""
        said: dict[str, Any] = json.loads(
            lab_web.text(
                self.word,
                replicas=1,
                placement=LABEL,
                update={"monitor": 2, "drain": 30},
                resources={"cpus": CPUS, "memory": MEMORY},
            )
        )
        said["containers"]["main"] |= {"image": self.image, "args": list(self.args)}
        if self.word == PLAIN.word:
            said["containers"]["main"]["health"] = {"command": ["sh", "-c", self.health]}
        return json.dumps(said)


_ASK = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/', timeout=2)"
# A small answer of nginx's, which costs less than any of the proxies.
PLAIN = Page("plain", _PLAIN_IMAGE, (), "test -s /tmp/p")


def version(word: str) -> Page:
    """Return the page of tests, saying this word: Debian's Tornado."""
    return Page(word, lab_web.IMAGE, (word,), f'python3 -c "{_ASK}"')


def prepare() -> None:
    """Have the cluster's registry and the pages' node have the images; mark the node."""
    lab_web.pushed()
    made = on("c01", "docker inspect -f '{{.Config.Image}}' nginx-skp")
    file = _DOCKERFILE.replace("IMAGE", made.out.strip())
    built = f"printf %s {shlex.quote(file)} | docker build -q -t {_PLAIN_IMAGE} -"
    proxies.on_node("c01", f"{built} && docker push -q {_PLAIN_IMAGE}")
    for image in (lab_web.IMAGE, _PLAIN_IMAGE):
        proxies.on_node(NODE, f"docker pull -q {image}")
    proxies.on_node("c01", f"docker node update --label-add {LABEL} {NODE}")


def leave() -> None:
    """Take the mark away."""
    on("c01", f"docker node update --label-rm {LABEL.partition('=')[0]} {NODE}")
