"""The HTTP API in the lab as a team's programs use it: curl, tar, and the step of CI."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.accounts import Env, ask, log_in
from tests.support.deployed import page
from tests.support.lab import ROOT, Ran, on, skp

URL, SERVICES = "http://10.99.0.11:8890", ("gate", "api")
STEP = ROOT / "volume" / "example" / "pushing" / "deploy.sh"


@dataclass(frozen=True)
class Answer:
    """What curl got."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def events(self) -> list[tuple[str, str]]:
        """Its events, each with its data."""
        blocks = [block.splitlines() for block in self.text.split("\n\n")]
        fields = [dict(line.partition(": ")[::2] for line in block) for block in blocks]
        return [(each["event"], each["data"]) for each in fields if "event" in each]


@dataclass(frozen=True)
class Client:
    """A program with a token, and a folder of its own."""

    folder: Path
    token: str

    def curl(self, path: str, *words: str, data: bytes = b"") -> Answer:
        """Return what is answered; `data` is curl's standard input."""
        head, file = self.folder / "head", self.folder / "token"
        file.write_text(f"Authorization: Bearer {self.token}\n")
        done = subprocess.run(
            ["curl", "-sSN", "--noproxy", "*", "-m", "120", "-D", str(head), "-H", f"@{file}",
             *words, f"{URL}{path}"],
            input=data, capture_output=True, timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        first, *lines = head.read_text().strip().split("\n\n")[-1].splitlines()
        headers = {
            key.lower(): value.strip() for key, _, value in (x.partition(":") for x in lines)
        }
        return Answer(int(first.split()[1]), headers, done.stdout.decode())

    def file(self, name: str, content: str) -> Path:
        """Have a folder have one file, and return it."""
        found = self.folder / name
        found.mkdir(exist_ok=True)
        (found / "deployment.yaml").write_text(content)
        return found

    def put(self, name: str, content: str, *words: str) -> Answer:
        """Have a folder of one file deployed, as a tar archive."""
        source = self.file(name, content)
        tar = subprocess.run(
            ["tar", "-c", "-C", str(source), "."], capture_output=True, check=True, timeout=30
        ).stdout
        return self.curl(f"/v1/projects/serving/deployments/{name}", "-T", "-", *words, data=tar)

    def followed(self, begun: Answer) -> tuple[list[str], dict[str, Any]]:
        """Return the lines of an operation that was begun, and how it ended."""
        assert begun.status == 202, begun.text
        *lines, (last, data) = self.curl(f"{begun.headers['location']}/log").events
        assert (last, {event for event, _ in lines} <= {"line"}) == ("end", True)
        found: dict[str, Any] = json.loads(data)
        return [text for _, text in lines], found

    def says(self, word: str) -> bool:
        """Whether the page of the deployment web says this, wherever it is now."""
        (there,) = self.curl("/v1/projects/serving/deployments/web").json["containers"]
        ports = [(each["inside"], each["host"]) for each in there["ports"]]
        try:
            return page({**there, "ports": ports}) == word
        except OSError:
            return False

    def step(self, *words: str) -> Ran:
        """Run the step of CI."""
        file = self.folder / "own-token"
        file.write_text(self.token)
        given = {"API_URL": URL, "API_PROJECT": "serving", "API_TOKEN": str(file), "no_proxy": "*"}
        done = subprocess.run(
            [str(STEP), *words], cwd=self.folder, env={**os.environ, **given},
            capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)


def client(folder: Path, name: str, **more: Any) -> Client:
    """Return a program of an account, with a token that the account has made for it."""
    own = str(log_in(name)["access_token"])
    answer = ask("POST", f"/accounts/{name}/tokens", {"label": folder.name, **more}, own)
    assert answer.status_code == 201, answer.text
    folder.mkdir()
    return Client(folder, str(answer.json()["token"]))


def serve(env: Env) -> None:
    """Have the gate and the API run."""
    # (Another test may have taken the gate down by its -rm: then it stays down until its -run.)
    for words in ("image-build-gate", "image-build-api", "gate-run", "api-run"):
        done = skp(f"docker.{words}", env=env)
        assert done.code == 0, done.all


def end(env: Env) -> None:
    """Take them away, and what the gate kept."""
    for name in reversed(SERVICES):
        done = skp(f"docker.{name}-rm", "--yes", env=env)
        assert done.code == 0, done.all
    on("c01", "sudo rm -rf /home/skp/skp/platform/gate")
