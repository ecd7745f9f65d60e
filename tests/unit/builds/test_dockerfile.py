"""Which images a Dockerfile begins from, and whose they may be."""

from __future__ import annotations

import pytest

from cluster.errors import ConfigError
from workloads.dockerfile import bases
from workloads.references import at_home


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["FROM python:3.13"], {"python:3.13": 1}),
        (["# a comment", "", "from skp/base:trixie as one", "FROM one"], {"skp/base:trixie": 3}),
        (["FROM scratch", "COPY --from=busybox:1 /bin /bin"], {"busybox:1": 2}),
        (["FROM a AS x", "FROM b", "COPY --from=x /a /b", "COPY --from=0 /a /c"], {"a": 1, "b": 2}),
        (["ARG V=3.13", 'ARG N="python"', "FROM ${N}:$V"], {"python:3.13": 3}),
        (["FROM --platform=linux/amd64 a:1 AS x"], {"a:1": 1}),
        (["FROM ${N:-debian}:${V:-12}"], {"debian:12": 1}),
        (["FROM \\", "# between", "  a:1"], {"a:1": 1}),
        (["FROM a", "RUN <<E", "FROM b", "E", "RUN echo FROM c"], {"a": 1}),
        (["FROM a", "RUN --mount=type=bind,from=b:2,target=/x ls"], {"a": 1, "b:2": 2}),
        (["FROM a", "ARG B=b", "RUN echo", "FROM a"], {"a": 1}),
    ],
)
def test_what_it_begins_from(lines: list[str], found: dict[str, int]) -> None:
    assert bases("Dockerfile", "\n".join(lines)) == found


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["RUN ls"], "Dockerfile: there is no FROM"),
        (["FROM ${WHAT}"], "Dockerfile:1: ${WHAT}, which is '' here, is no reference to an image"),
        (["FROM a", "", "FROM ../b"], "Dockerfile:3: ../b is no reference to an image"),
        (["FROM a b"], "Dockerfile:1: a b is no reference"),
    ],
)
def test_what_names_no_image_is_told_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        bases("Dockerfile", "\n".join(lines))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("vision/web:1", "localhost:5000/vision/web:1"),
        ("other/web:1", "other/web:1"),
        ("vision:1", "vision:1"),
        ("reg.example/vision/web", "reg.example/vision/web"),
    ],
)
def test_a_projects_own_images_need_no_host(text: str, means: str) -> None:
    assert at_home(text, ["vision"]) == means
