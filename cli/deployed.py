"""deploy.*: how deployments are, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cli.session import Session

if TYPE_CHECKING:
    from workloads.phases import Row
    from workloads.store import Revision
    from workloads.volumes import Usage

_COLUMNS = ("ID", "NAME", "CONTAINERS", "IMAGE", "NODE", "HOST_IP", "HOST_PORT", "GPU", "PHASE")


def show(s: Session, rows: Sequence[Row]) -> None:
    """Show containers, in the original's columns, where they answer, and why some do not run."""
    from cluster.model.line import table

    cells = [_cells(number, row) for number, row in enumerate(rows)]
    lines: list[str] = list(table(_COLUMNS, cells))
    lines += _section("SERVICES", ("NAME", "PORT", "ADDRESS"), _services(rows))
    lines += _section("NAMES", ("NAME", "PORT", "ADDRESS"), _names(rows))
    lines += _section("VOLUMES", ("NAME", "KIND", "FOLDER", "PATH"), _volumes(s, rows))
    reasons = [f"{row.piece.name}: {reason}" for row in rows for reason in row.reasons]
    lines += [*(["", "WHY"] if reasons else []), *reasons]
    s.show(documents(rows), lines)


def documents(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return containers as a command's JSON says them."""
    return [_document(number, row) for number, row in enumerate(rows)]


def _section(title: str, columns: Sequence[str], cells: Iterator[tuple[str, ...]]) -> list[str]:
    from cluster.model.line import table

    found = list(dict.fromkeys(cells))
    return ["", title, *table(columns, found)] if found else []


def _services(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        for inside, host in row.ports:
            yield row.piece.name, str(inside), f"{row.address}:{host}" if row.address else "-"


def _names(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        for port, url in row.urls:
            yield f"{row.piece.of}-{row.piece.copy}", str(port), url


def _volumes(s: Session, rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    from workloads.volumes import kind

    platform = s.settings.text("SKP_PLATFORM")
    for row in rows:
        for folder, path in row.mounts:
            yield row.piece.name, kind(folder, platform), folder, path


def _cells(number: int, row: Row) -> tuple[str, ...]:
    return (
        str(number),
        f"{row.piece.of}-{row.piece.copy}",
        row.piece.part,
        row.image.partition("@")[0].partition("/")[2].removeprefix("mirror/"),
        row.node,
        row.address,
        ", ".join(f"{host}->{inside}" for inside, host in row.ports),
        ", ".join(row.gpus),
        row.phase,
    )


def _document(number: int, row: Row) -> dict[str, Any]:
    found = asdict(row)
    return {"id": number, **found.pop("piece"), **found}


def show_history(
    s: Session, found: Sequence[Revision], now: int, commits: Mapping[int, str] | None = None
) -> list[dict[str, Any]]:
    """Show the revisions of a deployment, the newest first, and return what its JSON says.

    Args:
        found: the oldest first. now: the number of the present one.
        commits: by revision, the commit that was pushed with it.
    """
    from cluster.model.line import table

    document = history(found, now, commits or {})
    cells = [
        (
            str(each["revision"]),
            each["made"][:19].replace("T", " "),
            each["by"] or "operator",
            ", ".join(sorted({_short(image) for image in each["images"].values()})),
            each["commit"][:12],
            "present" if each["is_present"] else "",
        )
        for each in document
    ]
    s.show(document, table(("REVISION", "MADE (UTC)", "BY", "IMAGES", "COMMIT", ""), cells))
    return document


def history(
    found: Sequence[Revision], now: int, commits: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Return the revisions of a deployment as a command's JSON says them; see `show_history`."""
    return [
        {
            "revision": each.number,
            "made": each.made,
            "by": each.by,
            "commit": commits.get(each.number, ""),
            "images": each.document["images"],
            "is_present": each.number == now,
        }
        for each in reversed(found)
    ]


def _short(image: str) -> str:
    """Return an image's name, and as much of its digest as tells it from others."""
    name, _, digest = image.rpartition("/")[2].partition("@")
    return f"{name}@{digest.partition(':')[2][:12]}"


def show_usage(s: Session, found: Sequence[Usage]) -> None:
    """Show how full volumes are; ends with 1 where one has more than its size."""
    from cluster.model.line import table
    from cluster.model.units import size
    from workloads.texts import from_bytes

    cells = [
        (
            each.project,
            each.name,
            from_bytes(each.size) if each.size else "-",
            size(each.used) if each.used >= 0 else "unknown",
            ", ".join(each.deployments),
        )
        for each in found
    ]
    over = [f"{each.project}/{each.name}" for each in found if each.is_over]
    lines: list[str] = list(table(("PROJECT", "NAME", "SIZE", "USED", "DEPLOYMENTS"), cells))
    lines += [f"{name} has more than its size." for name in over]
    s.show([{**asdict(each), "is_over": each.is_over} for each in found], lines)
    s.end({}, over)
