"""deploy.*: what teams bring themselves, from a file."""

from __future__ import annotations

from pathlib import Path

from invoke import Collection

from cli.command import command
from cli.session import Session
from cluster.errors import ConfigError

ns = Collection("deploy")


@command(
    help={"file": "myDeploy.py, a deployment.yaml, a compose file, or a folder with one of them."}
)
def convert(s: Session, file: str = "") -> None:
    """Print a file of a deployment as SKP's own YAML, checked, with a schema for editors."""
    from workloads import readers
    from workloads.build import deployment
    from workloads.check import SCHEMA
    from workloads.readers.own import written

    if not file:
        raise ConfigError("a file of a deployment is needed", "./skp.py deploy.convert myDeploy.py")
    form = readers.read(Path(file))
    found = deployment(form)
    document = {
        "deployment": form.value,
        "bound": list(found.bound),
        "warnings": list(form.warnings),
    }
    s.show(document, written(form.value, SCHEMA).splitlines())
    if not s.options.json:
        s.warn(form.warnings)


ns.add_task(convert)
