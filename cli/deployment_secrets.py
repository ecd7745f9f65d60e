"""deploy.secret: secrets of projects, stored and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.deployments import audited
from cli.session import Session
from cluster.errors import ConfigError

if TYPE_CHECKING:
    from workloads.gate import Gate


def _checked(name: str) -> None:
    from workloads.check import is_secrets_name

    if not is_secrets_name(name):
        raise ConfigError(f"{name}: allowed: at most 40 lower-case letters, digits and '._-'")


def keep_secret(s: Session, way: Gate, project: str, name: str, content: str) -> None:
    """Store a secret of a project.

    Raises:
        ConfigError: it is empty, or its name is none.
    """
    from cluster.config.secrets import Secret

    _checked(name)
    if not content:
        raise ConfigError(f"{project}/{name}: it is empty", "deploy.secret --remove removes one.")
    if not s.options.dry:
        with audited(s, way):
            way.store.secrets.keep(project, name, Secret(content))
    done = "would be stored" if s.options.dry else "is stored"
    hint = "deploy.apply --update gives it to what uses it"
    s.show({"secret": f"{project}/{name}"}, [f"{project}/{name} {done}; {hint}."])


def remove_secret(s: Session, way: Gate, project: str, name: str) -> None:
    """Remove a secret of a project, and all that it was before.

    Raises:
        ConfigError: there is none, or something uses it.
    """
    from cli.confirmation import confirm

    known = way.store.secrets.of(project)
    if name not in known:
        there = ", ".join(known) or "none"
        raise ConfigError(f"{project} has no secret {name}", f"It has: {there}.")
    if not s.options.dry:
        confirm(f"The secret {project}/{name} is removed.", s.options)
        with audited(s, way):
            if not way.store.secrets.remove(project, name):
                raise ConfigError(f"{project}/{name}: a deployment uses it", "./skp.py deploy.list")
    done = "would be removed" if s.options.dry else "is removed"
    s.show({"secret": f"{project}/{name}"}, [f"{project}/{name} {done}."])
