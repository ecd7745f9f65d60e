"""What a plan of a deployment says: what differs, by key, image and address; and no passwords."""

from __future__ import annotations

from cluster.model.route import Route
from workloads import steps
from workloads.steps import Step

FORM = {
    "name": "shop",
    "node": "c01",
    "containers": {
        "web": {
            "image": "localhost:5000/shop:1",
            "env": {"PASSWORD": "old-secret", "LEVEL": "info"},
            "ports": [{"port": 8000}],
            "resources": {"gpus": 1},
        }
    },
}


def test_services_are_made_changed_and_removed() -> None:
    told = [step.line for step in steps.services(["b", "c"], {"a", "b"})]
    assert told == ["change  b", "make  c", "remove  a"]


def test_each_value_that_differs_is_told_by_its_key() -> None:
    web = {
        **FORM["containers"]["web"],  # type: ignore[index]
        "ports": [{"port": 8000}, {"port": 9000}],
        "resources": {"gpus": 2},
    }
    after = {"name": "shop", "containers": {"web": web}}
    assert [step.line for step in steps.values(FORM, after)] == [
        "set  node: c01 -> nothing",
        "set  containers.web.resources.gpus: 1 -> 2",
        "set  containers.web.ports.1.port: nothing -> 9000",
    ]
    assert list(steps.values(FORM, FORM)) == []


def test_what_variables_hold_is_not_told() -> None:
    web = {**FORM["containers"]["web"], "env": {"PASSWORD": "new-secret", "NEW": "x-secret"}}  # type: ignore[index]
    told = list(steps.values(FORM, {**FORM, "containers": {"web": web}}))
    assert "secret" not in str(told)
    assert Step("set", "containers.web.env.PASSWORD", "old value", "new value") in told
    assert Step("set", "containers.web.env.NEW", "", "new value") in told
    assert Step("set", "containers.web.env.LEVEL", "old value", "") in told


def test_an_image_that_is_another_by_the_same_name_is_told_by_its_digest() -> None:
    old, new = (f"localhost:5000/shop:1@sha256:{digit * 64}" for digit in "ab")
    (step,) = steps.images({"web": old}, {"web": new, "side": new})
    assert step.line == "set  containers.web.image: sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb"
    assert list(steps.images({"web": old}, {"web": "localhost:5000/shop:2@sha256:1"})) == []


def test_where_the_front_door_leads_is_told_by_its_address() -> None:
    before = {"shop": Route("p", "n", ("a",), 8000), "old": Route("p", "n", ("a",), 1)}
    after = {
        "shop": Route("p", "n", ("a_2",), 8000, login=False),
        "new": Route("p", "n", ("a",), 2),
    }
    told = [step.line for step in steps.ways(before, after, "https://{}.x".format)]
    assert told == [
        "lead  https://new.x: nothing -> port 2, for members",
        "lead  https://old.x: port 1, for members -> nothing",
        "lead  https://shop.x: port 8000, for members -> port 8000, for anybody",
    ]
    assert list(steps.ways(before, before, str)) == []
    assert Step("lead", "u", "a", "b").document == {
        "action": "lead", "url": "u", "old": "a", "new": "b",
    }  # fmt: skip
