"""/v1/projects/P/operations: what was asked for, how far it is, and how it ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from sse_starlette import EventSourceResponse

from api import models, paging
from api.asking import By, Project
from api.deployments import EVENTS, SIZE, TOKEN, ending
from api.models import Operation, Operations
from api.people import NAME
from api.problems import ALWAYS, documented
from api.streams import Stream

ROUTER = APIRouter(
    prefix="/v1/projects/{project}/operations",
    responses=documented(*ALWAYS),
    tags=["operations"],
)
Id = Annotated[str, Path(pattern=r"^op_[0-9a-hjkmnp-tv-z]{26}$", description="an operation's id")]


@ROUTER.get("")
async def operations(
    by: By,
    project: Project,
    deployment: Annotated[str, Query(pattern=rf"{NAME}|^$", description="of one")] = "",
    page_size: SIZE = 50,
    page_token: TOKEN = "",
) -> Operations:
    """List the operations of a project, the newest first; the last 200 are kept."""
    by.who.look(project)
    found = (await by.gate("operations", project, name=deployment))["operations"]
    kept = [models.operation(each) for each in found]
    which = f"operations {by.who.name} {project} {deployment}"
    shown, following = paging.page(kept, lambda each: each.id, which, page_size, page_token)
    return Operations(operations=shown, next_page_token=following)


@ROUTER.get("/{id}")
async def operation(by: By, project: Project, id: Id) -> Operation:  # noqa: A002
    """Show an operation."""
    by.who.look(project)
    return models.operation(await by.gate("operation", project, id=id))


@ROUTER.get("/{id}/log", response_class=EventSourceResponse, responses=EVENTS)
async def log(
    by: By,
    project: Project,
    id: Id,  # noqa: A002
    last_event_id: Annotated[
        int, Header(alias="Last-Event-ID", ge=0, description="goes on after this line")
    ] = 0,
) -> Stream:
    """Follow an operation: events `line`, and at its end `end`, with the operation."""
    by.who.look(project)
    return await by.told(by.question("follow", project, id=id), ending, last_event_id)


@ROUTER.post("/{id}/cancel", responses=documented(403, 409))
async def cancel(by: By, project: Project, id: Id) -> Operation:  # noqa: A002
    """Cancel an operation: one that runs is taken back."""
    by.who.change(project)
    return models.operation(await by.gate("cancel", project, id=id))
