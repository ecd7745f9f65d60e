"""docker.map: the cluster as a file that a browser shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import services
from cli import output
from cli.session import Session
from cluster.config import whole_file
from cluster.errors import ConfigError


def write_map(s: Session, file: str, *, still: bool) -> None:
    """Look at the cluster and write its map.

    Args:
        file: where to; "" for cluster.html or cluster.svg, "-" for standard output.
        still: as SVG instead of a page.
    """
    from cluster.commands.chart import draw
    from cluster.plan.parts import FORM
    from cluster.plan.plan import make_plan
    from cluster.plan.scope import Scope

    path = Path(file or ("cluster.svg" if still else "cluster.html"))
    if file != "-" and not path.absolute().parent.is_dir():
        raise ConfigError(f"-o {file}: there is no folder {path.parent}", f"mkdir -p {path.parent}")
    hosts, every = tuple(host.name for host in s.hosts), services.choose("")
    with s.fleet() as fleet:
        view = s.view(fleet, every)
        scope = Scope(s.command, hosts, parts=FORM, services=tuple(every), dry=True, busy=s.busy)
        chart = draw(view, fleet, every, hosts, make_plan(view, scope).items)
    title = f"SKP: {s.settings.text('SKP_NET')}, {len(hosts)} nodes"
    if still:
        from cli.map_picture import picture

        made = picture(chart, title)
    else:
        from cli.map_page import page

        made = page(chart, title, datetime.now().astimezone())
    if file == "-":
        output.show(made, end="")
    else:
        _write(path, made)
        s.show({"file": str(path), "changes": len(chart.changes)}, [f"{path} is written"])
    s.end({n: e for n, e in view.state.unreachable.items() if n in hosts})


def _write(path: Path, text: str) -> None:
    """Write a file as a whole: who opens it sees the old one, or the new one."""
    try:
        whole_file.write(path, path.with_name(f".{path.name}.new"), text, 0o600)
    except OSError as error:
        raise ConfigError(f"-o {path}: {error.strerror}", "Choose another file by -o.") from None
