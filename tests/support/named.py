"""Deployments with a name at the front door: the door, the files, and the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.accounts import Env
from tests.support.deployed import clear, forget, text
from tests.support.door import HOST
from tests.support.lab import skp
from tests.support.steady_load import Target

DOMAIN, PORT = "apps.example", 8443


@contextmanager
def named(running: Env, folder: Path) -> Iterator[Env]:
    """Have the door lead to deployments by names; nothing is left of them.

    Args:
        running: the environment in which door and accounts run. folder: where files may be made.
    """
    path = folder / "env.sh"
    shipped = Path("bin/env.sh").resolve()
    path.write_text(f'source {shipped}\nexport DEPLOY_DOMAIN="{DOMAIN}"\n')
    path.chmod(0o600)
    env = {**running, "SKP_ENV": str(path)}
    begun = skp("docker.apply", "flask,gateway", env=env)
    assert begun.code == 0, begun.all
    try:
        yield env
    finally:
        clear()
        back = skp("docker.apply", "flask,gateway", env=running)
        assert back.code == 0, back.all
        forget()


def text_of(word: str, host: str = "shop", **further: Any) -> str:
    """A file whose page is at the door, which asks nobody who comes."""
    door = {"host": host, "login": False} | further.pop("door", {})
    update = {"monitor": 1, "drain": 3} | further.pop("update", {})
    ports = [{"port": 8000, "door": door}]
    return text(name=further.pop("name", "shop"), word=word, ports=ports, update=update, **further)


def target(ca: Path, host: str = "shop", address: str = HOST) -> Target:
    """Return a page at the door, with the authority that its certificate is from."""
    return Target(f"https://{host}.{DOMAIN}:{PORT}", address, ca)


def said(ca: Path, host: str = "shop", path: str = "/") -> tuple[int, str]:
    """Return what a page answers: its status, and its text."""
    there = target(ca, host)
    answer = there.session().get(there.at(path), timeout=10)
    return answer.status_code, answer.text.strip()
