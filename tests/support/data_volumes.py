"""What tests of data volumes share: switching them on, and asking a consumer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.lab import MINUTES, ROOT, Ran, on, run, skp

CONSUMERS = {"c01": "jupyter-skp", "c02": "jupyter-skp-c02"}
ODD = ["한글 이름.txt", "a b'c\"d$e&f", "percent%20#?+=", "-dash", "점.점.점", "e\u0301"]
CHANGES = """
import os, sys
folder = sys.argv[1]
os.makedirs(folder)
path = f'{folder}/file'
with open(path, 'w') as file: file.write('0123456789')
with open(path, 'a') as file: file.write('appended')
with open(path, 'r+') as file: file.truncate(14)
with open(path, 'r+') as file:
    file.seek(2); file.write('XX')
os.rename(path, f'{folder}/renamed')
with open(f'{folder}/other', 'w') as file: file.write('other')
os.replace(f'{folder}/other', f'{folder}/renamed2')
os.rename(f'{folder}/renamed', f'{folder}/renamed2')
os.makedirs(f'{folder}/d/e')
with open(f'{folder}/d/e/f', 'w') as file: file.write('deep')
os.rename(f'{folder}/d', f'{folder}/moved')
print(open(f'{folder}/renamed2').read(), open(f'{folder}/moved/e/f').read(), os.listdir(folder))
"""
PARQUET = """
import pandas, pyarrow.dataset
frame = pandas.DataFrame({'x': range(100000), 'part': [i % 7 for i in range(100000)]})
frame.to_parquet('{folder}', partition_cols=['part'])
print(pandas.read_parquet('{folder}').x.sum(), pyarrow.dataset.dataset('{folder}').count_rows())
"""


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
    path.chmod(0o600)
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


def python(node: str, code: str, *words: str) -> str:
    """Run Python code in a consumer and return what it prints."""
    inner = " ".join(["docker", "exec", "-i", CONSUMERS[node], "python", "-", *words])
    script = f"{inner} <<'PYTHON'\n{code}\nPYTHON"
    ran = run("ssh", "-F", ".lab/ssh_config", node, script, seconds=60 * MINUTES)
    return done(ran).out.strip()
