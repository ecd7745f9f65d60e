"""What is asked and answered: the API's description is made from these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.people import Who

State = Literal["pending", "running", "succeeded", "failed", "cancelled"]
Seconds = Annotated[float, Field(description="seconds since 1970")]
_UNKNOWN = "why it can't be read now, and is as it was then; empty where it can"


class Port(BaseModel):
    """A port of a container at its node."""

    inside: int
    host: int


class Address(BaseModel):
    """Where a port is at the front door."""

    port: int
    url: str


class Container(BaseModel):
    """A container of a deployment."""

    model_config = ConfigDict(extra="ignore")

    copy_number: int = Field(description="which copy, from 0 on")
    part: str = Field(description="its name in the file")
    revision: int
    image: str
    node: str
    address: str = Field(description="the node's, where its ports answer")
    ports: list[Port]
    gpus: list[str]
    phase: str
    reasons: list[str] = Field(description="why it does not run")
    urls: list[Address]


class Deployment(BaseModel):
    """A deployment as it is now."""

    project: str
    name: str
    phase: str = Field(description="Running, where all containers are; else what the worst is")
    revision: int
    containers: list[Container]


class Deployments(BaseModel):
    """Deployments, in the order of project and name."""

    deployments: list[Deployment]
    next_page_token: str = Field("", description="page_token of the next page; empty on the last")
    as_of: Seconds
    unknown: str = Field("", description=_UNKNOWN)


class Membership(BaseModel):
    """A project, and what the account is there."""

    name: str
    gid: int
    role: str


class Me(BaseModel):
    """Whose a token is, and what it counts for."""

    name: str
    uid: int
    level: str
    projects: list[Membership]
    project: str = Field(description="the one that the token is bound to; empty for none")
    label: str = Field(description="the token's; empty for an access token")
    expires: int = Field(description="seconds since 1970")


class Operation(BaseModel):
    """A change that was asked for: how far it is, and how it ended."""

    model_config = ConfigDict(extra="ignore")

    id: str
    project: str
    deployment: str
    verb: str
    account: str
    state: State
    phase: str = Field("", description="the last step")
    reason: str = Field("", description="why it failed")
    hint: str = Field("", description="what to do next")
    exit_code: int | None = None
    created: Seconds
    started: float | None = None
    ended: float | None = None
    revision: int | None = None
    containers: list[Container] = []


class Operations(BaseModel):
    """Operations, the newest first."""

    operations: list[Operation]
    next_page_token: str = Field("", description="page_token of the next page; empty on the last")


class Revision(BaseModel):
    """A revision that is kept."""

    model_config = ConfigDict(extra="ignore")

    revision: int
    made: str
    by: str
    commit: str
    images: dict[str, str]
    is_present: bool


class Revisions(BaseModel):
    """The revisions of a deployment, the newest first."""

    revisions: list[Revision]


class Step(BaseModel):
    """A step of a plan: an action, and what it is about by its kind."""

    model_config = ConfigDict(extra="ignore")

    action: str
    service: str | None = None
    field: str | None = None
    url: str | None = None
    image: str | None = None
    old: str | None = None
    new: str | None = None


class Plan(BaseModel):
    """What would be done; nothing where all is as the files say."""

    plan: list[Step]


class Amounts(BaseModel):
    """Of what a node has, or what is reserved there."""

    cpus: float
    memory: int = Field(description="bytes")
    gpus: int


class Node(BaseModel):
    """A node of the cluster."""

    model_config = ConfigDict(extra="ignore")

    name: str
    role: str
    state: str
    availability: str
    labels: dict[str, str]
    gpus: list[str]
    has: Amounts
    reserved: Amounts = Field(description="by all that runs there")


class Nodes(BaseModel):
    """The nodes, as deployments see them."""

    nodes: list[Node]
    as_of: Seconds
    unknown: str = Field("", description=_UNKNOWN)


class Health(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


class Files(BaseModel):
    """The files of a deployment, as they would be in its folder."""

    model_config = ConfigDict(extra="forbid")

    files: dict[str, str] = Field(
        min_length=1, max_length=500, description="each one's text by its path in the folder"
    )


class Rollback(BaseModel):
    """To which revision."""

    model_config = ConfigDict(extra="forbid", strict=True)

    to: int = Field(
        0, ge=0, le=1_000_000_000, description="its number; 0 is the one before the present"
    )


def me(found: Who) -> Me:
    """Return what is told of who asks."""
    projects = [
        Membership(name=name, gid=each.gid, role=each.role)
        for name, each in sorted(found.projects.items())
    ]
    return Me(
        name=found.name, uid=found.uid, level=found.level, projects=projects,
        project=found.bound, label=found.label, expires=found.expires,
    )  # fmt: skip


def deployments(rows: Iterable[Mapping[str, Any]], seen: Iterable[str]) -> list[Deployment]:
    """Return what rows of containers, as deploy.list has them, say of some projects."""
    of: dict[tuple[str, str], list[Container]] = {}
    projects = set(seen)
    for row in rows:
        if row["project"] in projects:
            of.setdefault((row["project"], row["deployment"]), []).append(container(row))
    return [
        Deployment(
            project=project, name=name, phase=_phase([each.phase for each in found]),
            revision=max(each.revision for each in found), containers=found,
        )
        for (project, name), found in sorted(of.items())
    ]  # fmt: skip


def container(row: Mapping[str, Any]) -> Container:
    """Return a container from its row."""
    ports = [Port(inside=inside, host=host) for inside, host in row.get("ports") or []]
    urls = [Address(port=port, url=url) for port, url in row.get("urls") or []]
    return Container(**{**row, "copy_number": row["copy"], "ports": ports, "urls": urls})


def _phase(phases: list[str]) -> str:
    for each in ("Failed", "Pending", "Starting"):
        if each in phases:
            return each
    return next((each for each in phases if each != "Running"), "Running")


def operation(said: Mapping[str, Any]) -> Operation:
    """Return an operation as the gate tells it."""
    return Operation(**{**said, "containers": [container(row) for row in said.get("rows") or []]})
