"""A small deployment that serves a word, in the lab: its file, its page, and what is left of it."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.data_volumes import until
from tests.support.lab import NODES, Ran, on, skp

IMAGE = "localhost:5000/team/web:1"
# The registry's image has busybox, which serves files and asks for them.
DOCKERFILE = (
    "FROM skp/docker-registry:latest\\nLABEL skp.service=mysql skp.deployment=other/web\\n"
    "ENV NVIDIA_VISIBLE_DEVICES=all\\nUSER 0:0\\nENTRYPOINT []\\n"
)
SERVE = "echo {word} >/tmp/index.html; exec busybox httpd -f -p 8000 -h /tmp"


def text(name: str = "web", word: str = "first", **further: Any) -> str:
    """A file of our own: JSON is YAML too."""
    main = {
        "image": IMAGE,
        "command": ["sh", "-c", SERVE.format(word=word)],
        "ports": [{"port": 8000}],
        "resources": {"cpus": 0.05, "memory": "32m"},
        "health": {
            "command": ["busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/"],
            "interval": 1,
        },
    }
    main |= {key: further.pop(key) for key in ("command", "ports", "resources") if key in further}
    if mounted := further.pop("mounted", None):
        main["volumes"] = mounted
    return json.dumps(
        {"name": name, "containers": {"main": main}, "update": {"monitor": 2}, "stop-time": 1}
        | further
    )


def built() -> None:
    """Have the cluster's registry have the image."""
    words = f"printf '{DOCKERFILE}' | docker build -q -t {IMAGE} - && docker push -q {IMAGE}"
    made = on("c01", words)
    assert made.code == 0, made.all


def clear() -> None:
    """Take away all deployments, and what is kept of them."""
    script = (
        "docker service ls -q | xargs -r docker service rm; "
        "docker config ls -q --filter label=skp.revision.of | xargs -r docker config rm; "
        "docker config ls -q --filter name=skp-ledger | xargs -r docker config rm; "
        "docker config ls -q --filter name=skp-routes | xargs -r docker config rm; "
        "docker secret ls -q --filter label=skp.secret | xargs -r docker secret rm"
    )
    on("c01", script)
    # (A removed service's containers end a little later, each on its own node.)
    tasks = "docker ps -aq --filter label=com.docker.swarm.task.id"
    until(lambda: not any(on(node, tasks).out.strip() for node in NODES), 60)


def forget() -> None:
    """Take away what deployments leave on purpose: networks of projects, and their folders."""
    clear()
    script = "docker network ls -q --filter label=skp=project | xargs -r docker network rm"
    tried: list[Ran] = []

    def gone() -> bool:
        tried.append(on("c01", script))
        return tried[-1].code == 0

    try:
        until(gone, 90)
    except AssertionError:
        raise AssertionError(tried[-1].all) from None
    on("c01", "sudo rm -rf /home/skp/skp/platform/projects")


def file(folder: Path, content: str, name: str = "web.yaml") -> str:
    (folder / name).write_text(content)
    return str(folder / name)


def rows(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.all
    found: list[dict[str, Any]] = ran.json
    return found


def applied(folder: Path, content: str, *words: str) -> list[dict[str, Any]]:
    return rows(skp("deploy.apply", file(folder, content), "--json", *words))


def page(row: dict[str, Any]) -> str:
    ((_, port),) = row["ports"]
    with urllib.request.urlopen(f"http://{row['address']}:{port}/", timeout=10) as answer:
        found: str = answer.read().decode()
        return found.strip()


def answers(word: str) -> bool:
    """Whether the one deployment that there is says this, wherever it is now."""
    (row,) = rows(skp("deploy.list", "--json"))
    try:
        return page(row) == word
    except OSError:
        return False
