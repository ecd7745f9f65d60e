"""/v1: deployments, what is changed of them, and the nodes that they run on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sse_starlette import EventSourceResponse

from api import bodies, models, paging
from api.asking import Asked, By, Key, Name, Project
from api.gate_client import PLANNING
from api.models import (
    Deployment,
    Deployments,
    Files,
    Me,
    Nodes,
    Operation,
    Plan,
    Revisions,
    Rollback,
)
from api.people import PROJECT
from api.problems import ALWAYS, documented, not_found
from api.streams import Stream

ROUTER = APIRouter(prefix="/v1", responses=documented(*ALWAYS), tags=["deployments"])
SIZE = Annotated[int, Query(ge=1, le=200, description="how many are on a page")]
TOKEN = Annotated[str, Query(max_length=400, description="next_page_token of the page before")]
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "server-sent events", "content": {"text/event-stream": {}}}
}
_ONE, _CHANGE = "/projects/{project}/deployments/{name}", documented(403, 409)
_BODY = documented(408, 413, 415)


@ROUTER.get("/me")
async def me(by: By) -> Me:
    """Tell whose the token is, and what it counts for."""
    return models.me(by.who)


@ROUTER.get("/nodes")
async def nodes(by: By) -> Nodes:
    """List the nodes."""
    return Nodes.model_validate(await by.gate("look", by.who.bound))


@ROUTER.get("/deployments")
async def deployments(
    by: By,
    project: Annotated[str, Query(pattern=rf"{PROJECT}|^$", description="of one project")] = "",
    page_size: SIZE = 50,
    page_token: TOKEN = "",
) -> Deployments:
    """List deployments: those of all of one's projects, or of one."""
    if project:
        by.who.look(project)
    said = await by.gate("look", project or by.who.bound)
    which = f"deployments {by.who.name} {project}"
    shown, following = paging.page(_seen(by, said), _of, which, page_size, page_token)
    about = {key: said[key] for key in ("as_of", "unknown")}
    return Deployments(deployments=shown, next_page_token=following, **about)


@ROUTER.get("/events", response_class=EventSourceResponse, responses=EVENTS)
async def events(by: By) -> Stream:
    """Tell changes: events `deployment`, `removed`; at first all that there are, then `listed`."""

    async def look() -> list[Deployment]:
        return _seen(by, await by.gate("look", by.who.bound))

    return by.changes(look)


@ROUTER.get(_ONE)
async def deployment(by: By, project: Project, name: Name) -> Deployment:
    """Show a deployment."""
    return await _one(by, project, name)


@ROUTER.put(
    _ONE, status_code=202, responses={**_CHANGE, **_BODY},
    openapi_extra=bodies.described(Files, bodies.TAR),
)  # fmt: skip
async def put(
    by: By, project: Project, name: Name, request: Request, response: Response, key: Key = ""
) -> Operation:
    """Have a deployment made or changed: files as JSON, or a tar archive of its folder.

    The answer is the operation, which Location names; GET .../log follows it.
    """
    by.who.change(project)
    archive = await by.parts.bodies.files(request, name)
    return await _submitted(by, response, archive, _verb("apply", project, name, key))


@ROUTER.delete(_ONE, status_code=202, responses=_CHANGE)
async def delete(
    by: By, project: Project, name: Name, response: Response, key: Key = ""
) -> Operation:
    """Have a deployment removed; its volumes stay."""
    by.who.change(project)
    return await _submitted(by, response, b"", _verb("remove", project, name, key))


@ROUTER.post(
    f"{_ONE}/rollback", status_code=202, responses={**_CHANGE, **_BODY},
    openapi_extra=bodies.described(Rollback),
)  # fmt: skip
async def rollback(
    by: By, project: Project, name: Name, request: Request, response: Response, key: Key = ""
) -> Operation:
    """Have a deployment be as in an earlier revision."""
    by.who.change(project)
    to = (await bodies.small(request, Rollback)).to
    return await _submitted(by, response, b"", _verb("rollback", project, name, key) | {"to": to})


@ROUTER.get(f"{_ONE}/revisions")
async def revisions(by: By, project: Project, name: Name) -> Revisions:
    """List the revisions that are kept."""
    by.who.look(project)
    found = await by.gate("history", project, name=name)
    return Revisions.model_validate({"revisions": found.get("rows", [])})


@ROUTER.get(f"{_ONE}/logs", response_class=EventSourceResponse, responses=EVENTS)
async def logs(
    by: By,
    project: Project,
    name: Name,
    tail: Annotated[int, Query(ge=0, le=10000, description="the last lines")] = 100,
    follow: Annotated[bool, Query(description="go on with what comes")] = False,
) -> Stream:
    """Show what its containers print: events `line`, and an `end` where it does not follow."""
    await _one(by, project, name)
    said = {"name": name, "tail": str(tail), "follow": "yes" if follow else ""}
    return await by.told(by.question("logs", project, **said), lambda _: "{}")


@ROUTER.post(
    "/projects/{project}/plans", responses={**_CHANGE, **_BODY},
    openapi_extra=bodies.described(Files, bodies.TAR),
)  # fmt: skip
async def plan(by: By, project: Project, request: Request) -> Plan:
    """Tell what files would change, and change nothing."""
    by.who.change(project)
    archive = await by.parts.bodies.files(request, "files")
    asked = by.question("plan_one", project)
    return Plan.model_validate(await by.parts.gate.ask(asked, archive, PLANNING))


def _of(found: Deployment) -> str:
    # (A blank is less than what names have, so that the order is that of the list.)
    return f"{found.project} {found.name}"


def _seen(by: Asked, said: Mapping[str, Any]) -> list[Deployment]:
    """Return the deployments of a look that the token counts for."""
    return models.deployments(said["deployments"], by.who.projects)


async def _one(by: Asked, project: str, name: str) -> Deployment:
    """Return a deployment; raises ProblemError where there is none, or not for who asks."""
    by.who.look(project)
    for each in _seen(by, await by.gate("look", project, name=name)):
        if (each.project, each.name) == (project, name):
            return each
    raise not_found()


def _verb(verb: str, project: str, name: str, key: str) -> dict[str, Any]:
    return {"verb": verb, "project": project, "name": name, "key": key}


async def _submitted(
    by: Asked, response: Response, archive: bytes, said: dict[str, Any]
) -> Operation:
    """Have the gate begin an operation, and return it."""
    asked = by.question("submit", **said)
    found = models.operation(await by.parts.gate.ask(asked, archive))
    response.headers["Location"] = f"/v1/projects/{found.project}/operations/{found.id}"
    return found


def ending(said: Any) -> str:
    """Return the text of the last event of an operation's log."""
    return json.dumps(models.operation(said).model_dump())
