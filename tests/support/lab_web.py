"""The web server of tests, images/lab-web: in the cluster's registry, and as a deployment."""

from __future__ import annotations

import json
from typing import Any

from tests.support import foreign_registry as foreign
from tests.support.lab import MINUTES, on, run
from tests.support.named import text_of

_BUILT, IMAGE = "skp-lab/web:latest", "localhost:5000/team/web:2"


def pushed() -> None:
    """Build the image, and have the cluster's registry have it."""
    built = run("images/build.sh", "lab-web", _BUILT, seconds=15 * MINUTES)
    assert built.code == 0, built.all
    foreign.handed_over(_BUILT, (), ("docker", "exec", "-i", "c01"))
    pushed = on("c01", f"docker tag {_BUILT} {IMAGE} && docker push -q {IMAGE}")
    assert pushed.code == 0, pushed.all


def text(word: str, **further: Any) -> str:
    """A deployment of the web server: two copies that say the word, where nothing else is said."""
    resources = further.pop("resources", {"cpus": 0.1, "memory": "64m"})
    said = json.loads(text_of(word, **({"replicas": 2} | further)))
    main = said["containers"]["main"]
    main.pop("command")
    health = {"port": 8000, "path": "/", "interval": 1, "start": 20}
    main |= {"image": IMAGE, "args": [word], "health": health, "resources": resources}
    return json.dumps(said)
