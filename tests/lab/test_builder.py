"""An image that a project has built runs, and is not built twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import builds
from tests.support.deployed import SERVE, applied, page, text
from tests.support.lab import on, skp

NODE = "c01"


@pytest.fixture
def env(no_deployments: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    found = builds.environment(tmp_path, NODE)
    yield found
    builds.forget(found, "default")


def test_an_image_is_built_once_and_runs(env: dict[str, str], tmp_path: Path) -> None:
    none = skp("deploy.build", "default/web:1", builds.folder(tmp_path / "x"))
    assert (none.code, 'no node has the label "builder"' in none.err) == (2, True), none.all
    path = builds.folder(
        tmp_path / "web",
        "RUN --mount=type=cache,target=/c echo $(cat /c/n) >>/c/n; busybox wc -l </c/n >/lines",
        "RUN env | grep -c /run/host/ >/seen",
        "COPY word /word",
        f"ENTRYPOINT {json.dumps(['sh', '-c', SERVE.format(word='$(cat /word)')])}",
    )
    (Path(path) / "word").write_text("built")
    first = builds.built(env, "default/web:1", path, "--json")
    assert first.code == 0, first.all
    builds.nothing_is_left(NODE)
    again = builds.built(env, "default/web:2", path, "--json")
    assert (again.json["digest"], again.json["ident"]) == (
        first.json["digest"], first.json["ident"]), again.all  # fmt: skip
    fails = builds.built(env, "default/web:3", builds.folder(tmp_path / "y", "RUN echo oh; exit 3"))
    assert (fails.code, "exit status 3" in fails.err) == (1, True), fails.all
    listed = skp("deploy.builds", "default", "--json", env=env).json
    assert [each["state"] for each in listed] == ["error", "complete"]
    log = skp("deploy.builds", "default", "-l", listed[0]["ident"], env=env)
    assert "oh" in log.out.splitlines(), log.all
    document = json.loads(text().replace("localhost:5000/team/web:1", "default/web:2"))
    del document["containers"]["main"]["command"]
    (row,) = applied(tmp_path, json.dumps(document))
    assert page(row) == "built"
    assert row["image"].endswith(f"default/web@{first.json['digest']}")
    image = f"localhost:5000/default/web@{first.json['digest']}"
    look = f"docker run --rm --entrypoint sh {image} -c 'cat /seen; env; ls /run/host'"
    left = on(row["node"], look)
    assert int(left.out.splitlines()[0]) > 0
    assert "/run/host" not in left.out
