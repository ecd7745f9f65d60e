"""Packages of the user's own: what etc/jupyter/requirements.txt of the volume asks for."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jupyter import bearer, kernel
from tests.support.lab import GATEWAY, Ran, on, run, secret

IMAGE = "localhost:5000/skp/docker-ds:latest"
PROBE = "./probe-1.0-py3-none-any.whl"
# An index in the container itself that takes connections and never says a word.
SILENT = "[global]\nindex-url = http://127.0.0.1:8999/simple\n"
LISTEN = (
    'python -c \'import socket, time; s = socket.create_server(("127.0.0.1", 8999)); '
    'print("listening", flush=True); time.sleep(60)\' >/tmp/silent & '
    "until grep -q listening /tmp/silent; do :; done; "
)
INSTALL = "mkdir -p /tmp/jupyter && jupyter-packages prepare && jupyter-packages install"
TELL = "echo \"[$(cat /tmp/jupyter/packages)]\"; python -c 'import probe; print(probe.answer)'"
SECONDS = 60


def wheel(name: str, version: str) -> bytes:
    """Return a wheel with one module that has the answer 42."""
    made = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"{name}.py", "answer = 42\n")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return made.getvalue()


class Home:
    """A home on c01, and containers of the image that have it as theirs."""

    def __init__(self, path: str) -> None:
        self.path = path

    def put(self, name: str, content: bytes | str) -> None:
        """Write a file of etc/jupyter."""
        raw = content.encode() if isinstance(content, str) else content
        # In pieces: one argument has at most 128 KiB.
        text = base64.b64encode(raw).decode()
        target = f"{self.path}/etc/jupyter/{name}"
        assert on("c01", f"mkdir -p $(dirname {target}); : >{target}").code == 0
        for start in range(0, len(text), 100_000):
            piece = text[start : start + 100_000]
            assert on("c01", f"echo {piece} | base64 -d >>{target}").code == 0

    def start(self, script: str, *options: str) -> Ran:
        """Run a script in a new container."""
        words = " ".join(options)
        return on(
            "c01",
            f"docker run --rm --init --name packages-test -u 1000:1000 {words} "
            f"-v {self.path}:/root/volume {IMAGE} bash -c {quoted(script)}",
        )

    def layers(self) -> list[str]:
        """Return the names of the layers, whole or not."""
        return on("c01", f"ls {self.path}/.local/share/skp/*").out.split()


def quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"


@pytest.fixture
def home(platform: None) -> Iterator[Home]:
    path = on("c01", "mktemp -d /tmp/skp-home.XXXX").out.strip()
    made = Home(path)
    made.put(PROBE, wheel("probe", "1.0"))
    made.put("requirements.txt", f"{PROBE}\n")
    yield made
    on("c01", f"docker rm -f packages-test; sudo rm -rf {path}")


def test_it_is_installed_once_and_found_again(home: Home) -> None:
    first = home.start(f"{INSTALL}; {TELL}")
    assert first.out == "[]\n42\n", first.all
    second = home.start(f"rm -f ~/etc/jupyter/*.whl; {INSTALL}; {TELL}")
    assert second.out == "[]\n42\n", second.all
    assert "has not changed since it was installed" in second.err


def test_a_file_written_later_is_installed_by_hand(home: Home) -> None:
    file = "~/etc/jupyter/requirements.txt"
    ran = home.start(
        f"mv {file} /tmp; {INSTALL}; mv /tmp/requirements.txt {file}; {INSTALL}; {TELL}"
    )
    assert ran.out == "[]\n42\n", ran.all


def test_the_libraries_of_the_image_stay_what_they_are(home: Home) -> None:
    home.put("numpy-99.0-py3-none-any.whl", wheel("numpy", "99.0"))
    home.put("requirements.txt", "./numpy-99.0-py3-none-any.whl\n")
    ran = home.start(f"{INSTALL}; cat /tmp/jupyter/packages; python -c 'import numpy.linalg'")
    assert ran.code == 0, ran.all
    assert "could not be installed: ERROR: Will not install to the user site" in ran.out


def test_what_fails_is_said_and_leaves_the_last_layer(home: Home) -> None:
    assert home.start(INSTALL).code == 0
    home.put("requirements.txt", f"{PROBE}\n./missing-1.0-py3-none-any.whl\n")
    ran = home.start(f"{INSTALL}; {TELL}; bash -ic true 2>&1; cat ~/etc/jupyter/requirements.log")
    assert ran.code == 0
    assert "error: /root/volume/etc/jupyter/requirements.txt could not be installed" in ran.err
    assert ran.out.count("[~/etc/jupyter/requirements.txt could not be installed: ERROR: ") == 1
    assert "\n42\n" in ran.out
    assert ran.out.count("~/etc/jupyter/requirements.txt could not be installed") == 2  # a terminal


def test_a_line_taken_out_is_a_package_gone(home: Home) -> None:
    home.put("other-1.0-py3-none-any.whl", wheel("other", "1.0"))
    home.put("requirements.txt", f"{PROBE}\n./other-1.0-py3-none-any.whl\n")
    assert home.start(f"{INSTALL}; python -c 'import probe, other'").code == 0
    home.put("requirements.txt", f"{PROBE}\n")
    ran = home.start(f"{INSTALL}; {TELL}; python -c 'import other'")
    assert ran.out == "[]\n42\n"
    assert "No module named 'other'" in ran.err


def test_an_index_that_does_not_answer_ends_at_the_deadline(home: Home) -> None:
    home.put("pip.conf", SILENT)
    home.put("requirements.txt", "probe\n")
    began = time.monotonic()
    ran = home.start(
        f"{LISTEN} {INSTALL}; cat /tmp/jupyter/packages", "-e JUPYTER_PACKAGES_TIMEOUT=3"
    )
    assert ran.code == 0, ran.all
    assert "pip was not done in time (JUPYTER_PACKAGES_TIMEOUT)" in ran.out
    assert time.monotonic() - began < SECONDS / 2


def test_a_container_killed_while_installing_leaves_nothing_half(home: Home) -> None:
    home.put("pip.conf", SILENT)
    home.put("requirements.txt", "probe\n")
    ran = home.start(
        f"{LISTEN} ({INSTALL}) & "
        "until ls ~/.local/share/skp/*/*.unfinished; do :; done 2>/dev/null; kill -9 -1; kill -9 $$"
    )
    assert ran.code == 137
    assert any(name.endswith(".unfinished") for name in home.layers())
    home.put("requirements.txt", f"{PROBE}\n")
    again = home.start(f"{INSTALL}; {TELL}")
    assert again.out == "[]\n42\n", again.all
    assert not any(name.endswith(".unfinished") for name in home.layers())


def test_a_package_comes_from_the_index_that_pip_conf_names(home: Home, tmp_path: Path) -> None:
    # As an administrator would: the machine's own pip configuration and CAs.
    gathered = tmp_path / "host"
    assert run("images/host/gather", str(gathered)).code == 0
    conf = gathered / "pip.conf"
    text = conf.read_text() if conf.is_file() else "[global]\n"
    if (gathered / "ca.crt").is_file():
        home.put("ca.crt", (gathered / "ca.crt").read_bytes())
        text += "cert = /root/volume/etc/jupyter/ca.crt\n"
    home.put("pip.conf", text)
    home.put("requirements.txt", "cowsay==6.1\n")
    ran = home.start(f"{INSTALL}; cat /tmp/jupyter/packages; python -c 'import cowsay'")
    assert ran.code == 0, ran.all


def test_a_notebook_says_what_could_not_be_installed(changed: None) -> None:
    file = "/home/skp/skp/volume/etc/jupyter/requirements.txt"
    on("c01", f"echo ./missing-1.0-py3-none-any.whl >{file}; docker restart jupyter-skp")
    try:
        said = "could not be installed"
        end = time.monotonic() + SECONDS
        ready = "/opt/skp/bin/jupyter-health && cat /tmp/jupyter/packages"
        while said not in on("c01", f"docker exec jupyter-skp sh -c '{ready}'").out:
            assert time.monotonic() < end, on("c01", "docker logs --tail 20 jupyter-skp").all
        with kernel(GATEWAY, bearer(secret("JUPYTER_GATEWAY_TOKEN"))) as client:
            first, second = (client.execute("1 + 1", timeout=60)["outputs"] for _ in range(2))
        assert [output["output_type"] for output in first] == ["stream", "execute_result"]
        assert f"~/etc/jupyter/requirements.txt {said}" in first[0]["text"]
        assert [output["output_type"] for output in second] == ["execute_result"]
    finally:
        on("c01", f"rm -f {file} {file[:-3]}log; docker restart jupyter-skp")
