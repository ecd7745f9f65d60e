"""config.*: this machine's own files, etc/hosts.json and bin/env.sh."""

from __future__ import annotations

from invoke import Collection

from cli.command import command
from cli.session import Session
from cluster.errors import ConfigError

ns = Collection("config")


@command(name="import", help={"file": "The files, comma-separated or as words after the name."})
def import_(s: Session, file: str = "") -> None:
    """Translate files of earlier versions into etc/hosts.json and bin/env.sh."""
    from cli.config_import import import_files  # it alone needs what it imports

    if not file:
        raise ConfigError(
            "the files of the earlier version are needed",
            "./skp.py config.import --dry ~/st-kilda-pier/etc/*.json ~/st-kilda-pier/bin/skp.sh",
        )
    import_files(s, [name for name in file.split(",") if name])


ns.add_task(import_)
