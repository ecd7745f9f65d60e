"""What the platform holds of nodes, where deployments go, who runs them, and what volumes hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from docker.errors import APIError

from cli.deployments import audited
from cli.platform import of_services
from cluster.commands import audit
from cluster.config.secrets import Secret
from cluster.errors import ConfigError, NodeError, SkpError
from cluster.model.spec import Image
from tests.support.described import described
from tests.support.fakes import FakeConnection, done, fake_node
from tests.support.remembered import HOSTS
from tests.support.swarm_answers import GIB, KEY, node, service, task
from workloads import evacuation, on_nodes, placeholders, revisions
from workloads.accounts import Account, Membership, People
from workloads.build import deployment
from workloads.form import Form
from workloads.gate import Gate
from workloads.ledger import Entry, Ledger
from workloads.model import VolumeKind
from workloads.naming import held_by, marked_as_holding
from workloads.needs import Needs, needed
from workloads.placeholders import amounts, spec
from workloads.places import places
from workloads.platform import ALL, Platform
from workloads.store import ChangedError, Found, Revision, Store
from workloads.volumes import UNKNOWN, kind, usage
from workloads.wish import Wish


def test_no_more_is_held_of_a_node_than_it_has() -> None:
    where = places([node("c01", gpus=2), node("c02"), node("c03")], [])
    held = {"c01": Needs(1.5, GIB, ALL), "c02": Needs(99, 99 * GIB, 3), "gone": Needs(1)}
    assert amounts(Platform(held=held), where) == {
        "c01": Needs(1.5, GIB, 2),
        "c02": Needs(4, 8 * GIB, 0),
    }


@pytest.mark.parametrize("labels", [{}, marked_as_holding("id-c01", KEY)])
def test_another_commands_placeholder_counts_and_what_only_has_its_name_does_not(
    labels: dict[str, str],
) -> None:
    place = places([node("c01")], [])["c01"]
    after = spec(place, Needs(1), "image", KEY)
    answers = iter([[], [{"ID": "x", "Spec": after | {"Labels": labels}}]])

    class Taken:
        """An engine that has a service of the name by now."""

        def of_swarm(self, method: str, *_: Any) -> Any:
            if method == "GET":
                return next(answers)
            raise APIError("name conflicts with an existing object", Mock(status_code=409))

    managers = Mock(ask=lambda request, _="": request(Taken()))
    ours = placeholders.Placeholders(managers, KEY)
    platform = Platform(held={"c01": Needs(1)})
    if labels:
        assert ours.bring_up_to_date(platform, {"c01": place}, ours.there(), lambda: "image")
    else:
        with pytest.raises(SkpError, match="skp__id-c01: there is a service of that name"):
            ours.bring_up_to_date(platform, {"c01": place}, ours.there(), lambda: "image")


def test_as_much_is_held_as_the_swarm_takes_or_nothing() -> None:
    where = places([node("c01"), node("c02")], [])
    held = {"c01": Needs(memory=1 << 10), "c02": Needs(1)}
    found = amounts(Platform(held=held), where)
    assert [found[name].memory for name in where] == [4 << 20, 0]


@pytest.mark.parametrize("cpus", [0.1 + 0.2, 0.57, 4.35 - 0.5])
def test_a_placeholder_that_is_up_to_date_is_known_as_such(cpus: float) -> None:
    """Else each deployment would have it end and begin anew."""
    place = places([node("c01")], [])["c01"]
    held = amounts(Platform(held={"c01": Needs(cpus, GIB)}), {"c01": place})["c01"]
    assert needed(spec(place, held, "image", KEY)["TaskTemplate"]) == held


@pytest.mark.parametrize("answers", [[{}, {"here": 1}], [{}, {}]])
def test_an_image_that_another_command_pushed_meanwhile_is_there(
    answers: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was first has taken the tag away beneath the other."""
    left = iter(answers)

    def identify(_: object, images: list[Image]) -> dict[Image, str]:
        return dict.fromkeys(images, "sha256:0") if next(left) else {}

    monkeypatch.setattr(placeholders.Registry, "identify", identify)
    connection = FakeConnection("c01")
    connection.on_run("docker tag", done(1, "", "No such image"))
    if answers[1]:
        found = placeholders.image_of(fake_node(connection), "skp/docker-registry:latest")
        assert found == "localhost:5000/skp/placeholder@sha256:0"
    else:
        with pytest.raises(SkpError, match="it can't be pushed: No such image"):
            placeholders.image_of(fake_node(connection), "skp/docker-registry:latest")


@pytest.mark.parametrize("turned", [1, -1])
def test_of_a_machine_that_joined_anew_the_entry_that_is_ready_counts(turned: int) -> None:
    entries = [node("c01"), node("c01", "down") | {"ID": "id-dead"}]
    assert places(entries[::turned], [])["c01"].id == "id-c01"


def test_a_placeholder_reserves_it_and_may_do_nothing() -> None:
    place = places([node("c01", gpus=2)], [])["c01"]
    found = spec(place, Needs(1.5, GIB, 2), "image@sha256:0", KEY)
    assert needed(found["TaskTemplate"]) == Needs(1.5, GIB, 2)
    assert found["TaskTemplate"]["Placement"]["Constraints"] == ["node.id==id-c01"]
    container = found["TaskTemplate"]["ContainerSpec"]
    assert (container["CapabilityDrop"], container["ReadOnly"]) == (["ALL"], True)
    assert "Networks" not in found["TaskTemplate"]


def test_a_placeholder_is_known_by_its_mark() -> None:
    labels = marked_as_holding("id-c01", KEY)
    assert held_by(labels, KEY) == "id-c01"
    assert held_by(labels | {"skp.held": "id-c02"}, KEY) == ""
    assert held_by(labels, Secret("another's")) == ""
    assert held_by({"skp.held": "id-c01"}, KEY) == ""


def test_what_settings_limit_services_to_is_held(tmp_path: Path) -> None:
    limits = {"JUPYTER_MEMORY": "2g", "JUPYTER_CPUS": "1.5", "JUPYTER_GPU": "TRUE"}
    plain = of_services(described(tmp_path, HOSTS, {}))
    found = of_services(described(tmp_path, HOSTS, limits))
    with_it = [name for name, needs in found.held.items() if needs.gpus == ALL]
    assert with_it
    for name in with_it:
        more = found.held[name]
        assert more.memory - plain.held[name].memory == 2 * GIB
        assert more.cpus == 1.5
    assert {needs.gpus for needs in plain.held.values()} == {0}
    assert min(needs.memory for needs in plain.held.values()) >= 512 << 20


class Swarm:
    """The part of a store that an evacuation reads."""

    def __init__(self, services: list[Found], tasks: list[dict[str, Any]], *nodes: Any) -> None:
        self._services, self._tasks, self._nodes = services, tasks, list(nodes)

    def services(self, _: str = "") -> list[Found]:
        return self._services

    def tasks(self) -> list[dict[str, Any]]:
        return self._tasks

    def nodes(self) -> list[Any]:
        return self._nodes


def planned(found: Found, *others: dict[str, Any]) -> evacuation.Moving:
    swarm = Swarm([found], [task("running")], node("c01", zone="a"), *others)
    return evacuation.plan(cast(Store, swarm), "c01", ())


def bound(found: Found) -> Found:
    template: Mapping[str, Any] = {
        **found.spec["TaskTemplate"],
        "Placement": {"Constraints": ["node.id==id-c01"]},
    }
    return Found(found.piece, 1, "service", 1, {**found.spec, "TaskTemplate": template})


def test_what_has_a_place_elsewhere_goes() -> None:
    found = service()
    assert planned(found, node("c02", zone="a")).go == (found,)


@pytest.mark.parametrize(
    ("found", "others", "why"),
    [
        (service(), [node("c02", zone="b")], "c02: its label zone is b, not a"),
        (service(), [node("c02", "down", zone="a")], "c02: it is down"),
        (service(), [], "there is no other node"),
        (bound(service()), [node("c02", zone="a")], "it is bound to c01"),
        (service(MemoryBytes=9 * GIB), [node("c02", zone="a")], "c02: memory: 9g wanted"),
    ],
)
def test_what_has_none_stays_and_says_why(
    found: Found, others: list[dict[str, Any]], why: str
) -> None:
    moving = planned(found, *others)
    assert moving.go == ()
    assert moving.stays[found.piece.name].startswith(why)


def test_a_node_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no such node \(did you mean c01"):
        evacuation.plan(cast(Store, Swarm([], [], node("c01"))), "c1", ())


class Changing(Swarm):
    """One that is changed, too; others are before us as often as `conflicts` says."""

    def __init__(self, *said: Any, conflicts: int = 0) -> None:
        super().__init__(*said)
        self.conflicts, self.wrote = conflicts, list[str]()

    def update_node(self, _: Any, spec: Mapping[str, Any]) -> None:
        self._write(f"node {spec['Availability']}")

    def update(self, found: Found, spec: Mapping[str, Any]) -> None:
        self._write(f"{found.piece.name} {spec['TaskTemplate']['ForceUpdate']}")

    def _write(self, what: str) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise ChangedError(f"{what}: changed")
        self.wrote.append(what)


def two_nodes(found: Found, conflicts: int = 0) -> Changing:
    both = node("c01", zone="a"), node("c02", zone="a")
    return Changing([found], [task("running")], *both, conflicts=conflicts)


def test_nothing_begins_there_before_it_is_looked_for_what_goes() -> None:
    swarm = two_nodes(service())
    assert [f.piece.name for f in evacuation.move(cast(Store, swarm), "c01", ()).go] == [
        "vision_web-0_main"
    ]
    assert swarm.wrote == ["node pause", "vision_web-0_main 1"]


def test_an_entry_that_managers_write_into_is_written_again() -> None:
    swarm = two_nodes(service(), conflicts=2)
    evacuation.set_available(cast(Store, swarm), "c01", evacuation.PAUSED, ())
    assert swarm.wrote == ["node pause"]
    with pytest.raises(ChangedError):
        evacuation.set_available(
            cast(Store, two_nodes(service(), conflicts=99)), "c01", evacuation.PAUSED, ()
        )


@pytest.mark.parametrize("word", [evacuation.PAUSED, evacuation.ACTIVE])
def test_a_node_that_is_drained_or_none_is_not_set(word: str) -> None:
    drained = node("c01")
    drained["Spec"]["Availability"] = "drain"
    swarm = cast(Store, Changing([], [], drained))
    with pytest.raises(ConfigError, match="c01 is drained"):
        evacuation.set_available(swarm, "c01", word, ())
    with pytest.raises(ConfigError, match=r"no such node \(did you mean c01"):
        evacuation.set_available(swarm, "c1", word, ())


@pytest.mark.parametrize(("update", "late"), [("updating", ["Running"]), ("completed", [])])
def test_what_the_swarm_still_looks_at_has_not_gone_yet(update: str, late: list[str]) -> None:
    """It may yet fail, and be taken back."""
    found = service(update=update)
    there = [task("running", NodeID="id-c02")]
    swarm = Swarm([found], there, node("c01", zone="a"), node("c02", zone="a"))
    moving = evacuation.Moving((found,), {})
    left = evacuation.wait(cast(Store, swarm), "c01", moving, (), 0)
    assert [row.phase for row in left] == late


KIM = Account(
    "kim", 70001, {"vision": Membership(80001, "member"), "ads": Membership(80002, "viewer")}
)


def test_what_an_account_runs_has_its_ids_and_its_projects() -> None:
    assert People(KIM).user("vision", "58000:58000") == "70001:80001"
    operator = People(groups=lambda: {"vision": 80001})
    assert operator.user("vision", "58000:58000") == "58000:80001"
    assert operator.user("other", "58000:58000") == "58000:58000"


def test_a_project_that_no_account_knows_is_told_to_the_operator() -> None:
    operator = People(groups=lambda: {"vision": 80001})
    assert [operator.doubts(each) for each in ("vision", "default")] == [(), ()]
    (doubt,) = operator.doubts("visoin")
    assert doubt.startswith("visoin is no project of the account service (did you mean vision?)")
    assert People().doubts("visoin") == People(KIM).doubts("visoin") == ()


def test_what_is_brought_again_has_the_projects_group_and_whose_it_was() -> None:
    """A volume's folder has that group; another one would take it from all who have it."""

    def silent() -> Mapping[str, int]:
        raise NodeError("c01", "the account service does not run there")

    assert People(KIM).user_again("vision", "58000:58000") == "58000:80001"
    known = People(groups=lambda: {"vision": 80001})
    assert known.user_again("vision", "70002:58000") == "70002:80001"
    assert known.user_again("other", "58000:58000") == "58000:58000"
    assert People(groups=silent).user_again("vision", "70001:80001") == "70001:80001"


class Kept:
    """The part of a store that has revisions."""

    def __init__(self, *found: Revision) -> None:
        self._found = found

    def revisions(self, of: str = "") -> list[Revision]:
        return [each for each in self._found if of in ("", each.of)]


@pytest.mark.parametrize(
    ("people", "what"), [(People(KIM), "deploy.rm kim"), (People(), "deploy.rm")]
)
def test_the_trail_says_for_whom_it_was(
    people: People, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = list[str]()

    @contextmanager
    def noted(_: object, __: object, said: str) -> Iterator[list[str]]:
        written.append(said)
        yield []

    monkeypatch.setattr(audit, "noted", noted)
    way = Gate.__new__(Gate)
    way.fleet, way.cluster, way.people = Mock(), Mock(), people
    with audited(Mock(command="deploy.rm"), way):
        pass
    assert written == [what]


def test_what_others_removed_is_not_told() -> None:
    gone = [Revision(of, 1, "id", 1, {}, removed=5.0) for of in ("ads/web", "other/hidden")]
    with pytest.raises(ConfigError, match=r"no removed deployment") as told:
        revisions.removed(cast(Store, Kept(*gone)), "ads/job", People(KIM).sees)
    assert told.value.hint == "There are: ads/web."


def test_what_an_earlier_version_kept_is_not_made_anew() -> None:
    """Its revisions do not say as whom they ran: all were the users'."""
    form = {"name": "web", "containers": {"main": {"image": "x"}}}
    wanted = deployment(Form(Path("web.yaml"), form, lambda _: "web.yaml"))
    wish = Wish(form, wanted, "vision/web", {"main": "x@sha256:0"}, {}, "58000:58000")
    document = {key: value for key, value in wish.document.items() if key != "user"}
    store = cast(Store, Kept(Revision("vision/web", 1, "id", 1, document)))
    assert revisions.unchanged(store, wish, [service()], "58000:58000")
    assert not revisions.unchanged(store, wish, [service()], "1:1")


@pytest.mark.parametrize(
    ("project", "why"),
    [
        ("other", "kim is not in the project other; it is in: vision, ads"),
        ("ads", "kim is viewer of ads, and may not change what runs there"),
    ],
)
def test_an_account_changes_its_own_projects_alone(project: str, why: str) -> None:
    People(KIM).check("vision")
    People().check(project)
    with pytest.raises(ConfigError, match=why):
        People(KIM).check(project)
    assert People(KIM).sees("ads")
    assert not People(KIM).sees("other")


def test_a_folder_is_handed_over_to_the_projects_group_however_much_is_in_it() -> None:
    container = {"image": "x", "volumes": {"data": "/data"}}
    value = {
        "name": "web",
        "volumes": {"data": {"kind": "nas", "size": "1g"}},
        "containers": {"main": container},
    }
    wanted = deployment(Form(Path("web.yaml"), value, lambda _: "web.yaml"))
    given = Mock(user="58000:80001", folder="/p/projects/vision")
    connection = FakeConnection("c01")
    connection.on_run("install -d", done())
    master = fake_node(connection)
    master.deadlines = replace(master.deadlines, transfer=77)
    on_nodes.make_folders(master, wanted, given)
    (ran,) = connection.commands
    assert "chgrp -hR 80001 /p/projects/vision/data" in ran.command
    assert ran.deadline == 77


def test_volumes_are_told_by_where_they_are() -> None:
    platform = "/home/skp/skp/platform"
    assert kind(f"{platform}/projects/vision/data", platform) is VolumeKind.NAS
    assert kind("/var/lib/skp/mnt/s3", platform) is VolumeKind.DATA
    assert kind("/raid", platform) is VolumeKind.HOST


def test_what_volumes_hold_is_counted_and_what_could_not_be_is_unknown() -> None:
    connection = FakeConnection("c01")
    connection.on_run("du -sxB1", done(0, "vision/data\t2048\nvision/logs\tunknown\nold/x\t7\n"))
    ledger = Ledger(entries={
        "vision/web": Entry(storage={"data": 1024, "logs": 1}),
        "vision/job": Entry(storage={"data": 512}),
        "ads/new": Entry(storage={"fresh": 5}),
    })  # fmt: skip
    found = {each.name: each for each in usage(fake_node(connection), "/p", ledger)}
    assert (found["data"].size, found["data"].used, found["data"].is_over) == (1024, 2048, True)
    assert found["data"].deployments == ("job", "web")
    assert (found["logs"].used, found["logs"].is_over) == (UNKNOWN, False)
    assert (found["x"].size, found["x"].is_over) == (0, False)
    assert found["fresh"].used == UNKNOWN
