"""Airflow's own HTTP API, spoken by requests: a token by the account's password, runs, logs."""

from __future__ import annotations

import time
from typing import Any

import requests

from tests.support.lab import on, secret

URL = "http://10.99.0.11:8040"
DAGS = "/home/skp/skp/volume/var/airflow/dags"
SECONDS = 60


class Airflow:
    """The API as the administrator uses it."""

    def __init__(self, password: str) -> None:
        answer = log_in(password)
        assert answer.status_code == 201, answer.text
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what is answered; anything but success is an error."""
        url = f"{URL}/api/v2/{path}"
        answer = requests.request(method, url, json=body, headers=self.headers, timeout=SECONDS)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def knows(self, dag: str, seconds: float = 300) -> None:
        """Wait until the DAG was read from its file."""
        end = time.monotonic() + seconds
        while requests.get(
            f"{URL}/api/v2/dags/{dag}", headers=self.headers, timeout=SECONDS
        ).status_code != 200:  # fmt: skip
            assert time.monotonic() < end, f"{dag} is not known after {seconds} s"
            time.sleep(0.5)

    def trigger(self, dag: str) -> str:
        """Begin a run and return its id."""
        return str(self.ask("POST", f"dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"])

    def ends(self, dag: str, run: str, seconds: float = 300) -> str:
        """Wait until a run has ended, and return how."""
        end = time.monotonic() + seconds
        while (state := self.ask("GET", f"dags/{dag}/dagRuns/{run}")["state"]) in (
            "queued", "running",
        ):  # fmt: skip
            assert time.monotonic() < end, f"{dag}: {run} is {state} after {seconds} s"
            time.sleep(0.5)
        return str(state)

    def log(self, dag: str, run: str, task: str) -> str:
        """Return the log of a task's last attempt as the UI gets it."""
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}"
        attempt = self.ask("GET", path)["try_number"]
        return str(self.ask("GET", f"{path}/logs/{attempt}"))


def log_in(password: str) -> requests.Response:
    """Ask for a token."""
    body = {"username": "admin", "password": password}
    return requests.post(f"{URL}/auth/token", json=body, timeout=SECONDS)


def administrator() -> Airflow:
    """Return the API by the generated password."""
    return Airflow(secret("AIRFLOW_WEB_PASSWORD"))


def place(name: str, text: str) -> None:
    """Put a DAG's file where Airflow finds it, as the SSH user does; the folder may come first."""
    made = f"{{ [ -d {DAGS} ] || sudo install -d -o skp -g skp {DAGS.rpartition('/')[0]} {DAGS}; }}"
    written = f"tee {DAGS}/{name}.py >/dev/null"
    done = on("c01", f"{made} && {written} <<'END'\n{text}\nEND")
    assert done.code == 0, done.all
