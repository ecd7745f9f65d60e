"""What a person sees of a build while it runs."""

from __future__ import annotations

from cluster.model.policy import Progress
from cluster.operations.image import stages

PLAIN = """\
#1 [internal] load build definition from Dockerfile
#9 [docker-ds 2/14] RUN --mount=type=bind,from=host     /run/host/with apt-get update -qq     \
&& /run/host/with apt-get install -y -qq git
#9 0.512 Reading package lists...
#9 DONE 31.4s
#10 [docker-ds 3/14] COPY --chmod=0755 bin/ /opt/skp/bin/
#10 DONE 0.1s
#10 [docker-ds 3/14] COPY --chmod=0755 bin/ /opt/skp/bin/
#11 ERROR: process did not complete
images: error: building failed
"""


def test_each_step_is_told_once_without_what_all_have_and_long_ones_with_their_time() -> None:
    said: list[str] = []
    tell = stages(Progress(said.append))
    for line in PLAIN.splitlines():
        tell(line)
    assert said == [
        "[docker-ds 2/14] RUN apt-get update -qq && apt-get install -y -qq git",
        "[docker-ds 2/14] took 31 s",
        "[docker-ds 3/14] COPY bin/ /opt/skp/bin/",
        "#11 ERROR: process did not complete",
        "images: error: building failed",
    ]
