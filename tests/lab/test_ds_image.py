"""The data-science image: what it holds, its languages, and how it is listed."""

from __future__ import annotations

import base64
import io
import tarfile
import time
from collections.abc import Iterator

import pytest

from tests.support.lab import NODES, ROOT, Ran, on, skp

IMAGE = "localhost:5000/skp/docker-ds"
WORDS = ("월별", "요일")  # drawn as boxes they would look the same


def inside(script: str, tag: str = "latest", options: str = "") -> Ran:
    """Run a script in a new container of the image on c01."""
    quoted = "'" + script.replace("'", "'\\''") + "'"
    words = f"docker run --rm --init -u 1000:1000 {options} {IMAGE}:{tag} bash -c {quoted}"
    return on("c01", words)


@pytest.fixture(scope="module")
def english(platform: None) -> Iterator[Ran]:
    """The same image with another locale and tag; what its build said."""
    built = skp("docker.image-build-ds", "-l=en_US.UTF-8", "-t=english", "--json")
    assert built.code == 0, built.all
    yield built
    on("c01", f"docker rmi {IMAGE}:english")


@pytest.fixture(scope="module")
def examples(platform: None) -> Iterator[str]:
    """A folder on c01 with the example notebooks as they are here."""
    folder = on("c01", "mktemp -d").out.strip()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:xz") as archive:
        archive.add(ROOT / "volume" / "example", "example")
    text = base64.b64encode(made.getvalue()).decode()
    assert on("c01", f"echo {text} | base64 -d | tar -xJf - -C {folder}").code == 0
    yield folder
    on("c01", f"sudo rm -rf {folder}")


@pytest.mark.parametrize("name", ["python", "r"])
def test_an_example_runs_whole(examples: str, name: str) -> None:
    ran = inside(
        f"mkdir /tmp/jupyter; cd ~/example && jupyter execute {name}.ipynb --output=/tmp/out.ipynb"
        " && ! grep -e missing.from -e Traceback /tmp/out.ipynb",
        options=f"-v {examples}:/root/volume",
    )
    assert ran.code == 0, ran.all


def test_there_is_an_example_for_every_kernel(platform: None) -> None:
    listed = inside("jupyter kernelspec list 2>&1 | awk 'NR > 1 {print $1}'").out.split()
    assert listed == ["ir", "python3"]
    notebooks = [path.read_text() for path in (ROOT / "volume" / "example").glob("*.ipynb")]
    for kernel in listed:
        assert any(f'"name": "{kernel}"' in text for text in notebooks)


def test_python_draws_different_pictures_for_different_korean_words(platform: None) -> None:
    draw = "import matplotlib.pyplot as p; p.text(0, 0, '{}'); p.savefig('/tmp/{}.png')"
    drawn = "; ".join(f'python -W error -c "{draw.format(w, i)}"' for i, w in enumerate(WORDS))
    ran = inside(f"{drawn}; md5sum /tmp/[01].png")
    assert ran.err == ""
    assert len({line.split()[0] for line in ran.out.splitlines()}) == len(WORDS)


def test_r_draws_different_pictures_for_different_korean_words(platform: None) -> None:
    draw = "png('/tmp/{}.png'); plot.new(); text(.5, .5, '{}'); invisible(dev.off())"
    drawn = "; ".join(f'Rscript -e "{draw.format(i, w)}"' for i, w in enumerate(WORDS))
    ran = inside(f"{drawn}; md5sum /tmp/[01].png")
    assert ran.err == ""
    assert len({line.split()[0] for line in ran.out.splitlines()}) == len(WORDS)


def test_a_login_shell_finds_all_programs(platform: None) -> None:
    programs = "python jupyter spark-submit java Rscript airflow"
    for shell in ("bash -c", "bash -lc"):
        ran = inside(f"{shell} 'command -v {programs}'")
        assert len(ran.out.split()) == len(programs.split()), ran.all


def test_the_days_are_called_as_the_locale_says(english: Ran) -> None:
    script = "locale -k day | tr -d '\"' | cut -d'=' -f2 | cut -d';' -f1; echo $LANG"
    assert inside(script).out.split() == ["일요일", "ko_KR.UTF-8"]
    assert inside(script, "english").out.split() == ["Sunday", "en_US.UTF-8"]


def test_another_locale_shares_all_layers_that_are_large(english: Ran) -> None:
    layers = "docker inspect -f '{{json .RootFS.Layers}}' "
    korean, other = (on("c01", f"{layers}{IMAGE}:{tag}").out for tag in ("latest", "english"))
    shared = set(korean.strip("[]\n").split(",")) & set(other.strip("[]\n").split(","))
    assert len(shared) >= 10


def test_building_again_with_nothing_changed_is_quick_and_changes_nothing(english: Ran) -> None:
    began = time.monotonic()
    again = skp("docker.image-build-ds", "-l=en_US.UTF-8", "-t=english", "--json")
    assert again.code == 0, again.all
    assert again.json["steps"][0]["outcome"] == "unchanged"
    assert time.monotonic() - began < 90


def test_the_list_of_locales_is_debians(platform: None) -> None:
    known = (ROOT / "images" / "docker-ds" / "locales").read_text()
    assert inside("cat /usr/share/skp/locales").out == known


def test_the_manifest_names_every_package(platform: None) -> None:
    manifest = inside("cat /usr/share/skp/manifest").out
    pip = inside("pip list --local --format=freeze --disable-pip-version-check").out
    dpkg = inside("dpkg-query -W").out
    missing = (set(pip.splitlines()) | set(dpkg.splitlines())) - set(manifest.splitlines())
    assert missing == set()
    assert "fonts-nanum" in manifest


def test_the_image_tells_what_it_was_built_from(platform: None) -> None:
    label = on("c01", f"docker inspect -f '{{{{index .Config.Labels \"skp.image\"}}}}' {IMAGE}")
    assert label.out.strip() == "docker-ds"


def test_image_list_shows_age_size_and_digest_on_every_node(english: Ran) -> None:
    digest = english.json["steps"][0]["detail"]
    listed = skp("docker.image-list", "--json").json["images"]
    rows = [row for row in listed if row["image"] == "skp/docker-ds:english"]
    assert {row["node"]: row["registry"] for row in rows} == dict.fromkeys(NODES, digest)
    (built_here,) = [row for row in rows if row["engine"]]
    assert built_here["node"] == "c01"
    assert 1e9 < int(built_here["size"]) < 3e9
    shown = skp("docker.image-list").out.splitlines()
    assert shown[0].split("  ")[0] == "IMAGE"
    (line,) = [s for s in shown if "docker-ds:english" in s and "c01" in s]
    assert digest.removeprefix("sha256:")[:8] in line
    assert " MB " in line
