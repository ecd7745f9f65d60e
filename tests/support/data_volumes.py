"""What tests of data volumes share: switching them on, and asking a consumer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.conftest import ROOT, Ran, on, skp


@dataclass(frozen=True)
class Volume:
    """Data volumes that are switched on; `env` names their settings."""

    env: dict[str, str]

    def skp(self, *words: str) -> Ran:
        return skp(*words, env=self.env)

    def rows(self, verb: str = "status") -> list[dict[str, object]]:
        """Return what volume.status (or check) says, in the order of nodes and volumes."""
        return list(self.skp(f"volume.{verb}", "--json").json["volumes"])


def switched_on(folder: Path, values: dict[str, str], hosts: str = "") -> Volume:
    """Return volumes with these settings over those of bin/env.sh."""
    lines = [f"source {ROOT}/bin/env.sh", *(f"export {k}='{v}'" for k, v in values.items())]
    path = folder / "env.sh"
    path.write_text("\n".join(lines) + "\n")
    return Volume({"SKP_ENV": str(path)} | ({"SKP_HOSTS": hosts} if hosts else {}))


def done(ran: Ran) -> Ran:
    """Return what ran, which has to have gone well."""
    assert ran.code == 0, ran.all
    return ran


def as_root(node: str, command: str) -> Ran:
    return done(on(node, f"sudo sh -c '{command}'"))


def until(holds: Callable[[], bool], seconds: float) -> float:
    """Wait until something holds; return how long it took."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.2)
    return time.monotonic() - begun


def in_jupyter(command: str, node: str = "c01") -> Ran:
    name = "jupyter-skp" if node == "c01" else f"jupyter-skp-{node}"
    return on(node, f"docker exec {name} timeout 20 sh -c {json.dumps(command)}")
