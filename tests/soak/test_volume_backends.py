"""Data volumes from two nodes at once: what arrives is whole, what can not be done is as told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import data_servers
from tests.support.data_servers import NAMES
from tests.support.data_volumes import (
    CHANGES,
    CONSUMERS,
    ODD,
    PARQUET,
    Volume,
    done,
    in_jupyter,
    python,
    until,
)
from tests.support.lab import skp

LARGE = 1 << 30  # bytes
SMALL = 10_000  # files
# The servers answer some hundred requests a second; each small file is several.
MINUTES = 60

MAKE_SMALL = """
import hashlib, os, sys
folder, count = sys.argv[1], int(sys.argv[2])
os.makedirs(folder)
total = hashlib.sha256()
for number in range(count):
    content = os.urandom(200)
    with open(f'{folder}/{number:05}', 'wb') as file:
        file.write(content)
    total.update(content)
print(total.hexdigest())
"""
SUM_SMALL = """
import hashlib, os, sys
total = hashlib.sha256()
names = sorted(os.listdir(sys.argv[1]))
for name in names:
    total.update(open(f'{sys.argv[1]}/{name}', 'rb').read())
print(len(names), total.hexdigest())
"""
TRUNCATES_BY_NAME = """
import os, sys, time
with open(sys.argv[1], 'w') as file: file.write('0123456789')
time.sleep(6)
os.truncate(sys.argv[1], 4)
time.sleep(6)
print(os.stat(sys.argv[1]).st_size, open(sys.argv[1]).read())
"""


@pytest.fixture(scope="module")
def volume(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    data_servers.start()
    folder = tmp_path_factory.mktemp("volumes")
    yield data_servers.on_all(folder, data_servers.consumers(folder, "c02"))
    done(skp("docker.apply", "-q", "--yes"))
    data_servers.forget()
    data_servers.stop()


def both(code: str, *words: str) -> list[str]:
    """Run the same on both nodes at once; `{node}` in a word is the node's name."""
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(python, node, code, *(w.format(node=node) for w in words))
            for node in CONSUMERS
        ]
        return [job.result() for job in jobs]


@pytest.mark.parametrize("name", NAMES)
def test_a_large_file_from_each_node_at_once(volume: Volume, name: str) -> None:
    copy = """
import hashlib, os, sys
path, left, total = sys.argv[1], int(sys.argv[2]), hashlib.sha256()
with open(path, 'wb') as file:
    while left:
        block = os.urandom(min(left, 1 << 22))
        file.write(block); total.update(block); left -= len(block)
print(total.hexdigest())
"""
    read = """
import hashlib, sys
print(hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256').hexdigest())
"""
    written = both(copy, f"/root/mnt/{name}/large-{{node}}", str(LARGE))
    sent(volume)
    others = {"c01": "c02", "c02": "c01"}
    seen = [python(others[node], read, f"/root/mnt/{name}/large-{node}") for node in CONSUMERS]
    assert seen == written


@pytest.mark.parametrize("name", NAMES)
def test_many_small_files_from_each_node_at_once(volume: Volume, name: str) -> None:
    written = both(MAKE_SMALL, f"/root/mnt/{name}/small-{{node}}", str(SMALL))
    sent(volume)
    others = {"c01": "c02", "c02": "c01"}
    seen = [python(others[node], SUM_SMALL, f"/root/mnt/{name}/small-{node}") for node in CONSUMERS]
    assert seen == [f"{SMALL} {digest}" for digest in written]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names(volume: Volume, name: str) -> None:
    code = f"""
import os, sys
os.makedirs(sys.argv[1])
for name in {ODD!r}:
    open(sys.argv[1] + '/' + name, 'w').write(name)
"""
    python("c01", code, f"/root/mnt/{name}/odd")
    sent(volume)
    show = """
import os, sys
print({name: open(sys.argv[1] + '/' + name).read() for name in os.listdir(sys.argv[1])})
"""
    seen = python("c02", show, f"/root/mnt/{name}/odd")
    assert eval(seen) == {name: name for name in ODD}  # noqa: S307 - what our own code printed


@pytest.mark.parametrize("name", NAMES)
def test_append_truncate_overwrite_and_rename(volume: Volume, name: str) -> None:
    said = python("c01", CHANGES, f"/root/mnt/{name}/changes")
    assert said.startswith("01XX456789appe deep ")
    sent(volume)
    read = "import sys; print(open(sys.argv[1]).read())"
    assert python("c02", read, f"/root/mnt/{name}/changes/renamed2") == "01XX456789appe"
    assert python("c02", read, f"/root/mnt/{name}/changes/moved/e/f") == "deep"


@pytest.mark.parametrize(
    ("name", "becomes"), [("sshfs", "4 0123"), ("s3", "10 0123456789"), ("blob", "4 0123")]
)
def test_truncating_a_closed_file_by_its_name(volume: Volume, name: str, becomes: str) -> None:
    """What the documentation warns of: s3fs 1.95 does nothing, and says nothing."""
    assert python("c01", TRUNCATES_BY_NAME, f"/root/mnt/{name}/by-name") == becomes


@pytest.mark.parametrize(("name", "code"), [("sshfs", 0), ("s3", 1), ("blob", 0)])
def test_changing_the_mode_of_a_folder(volume: Volume, name: str, code: int) -> None:
    """What the documentation warns of: SeaweedFS can't copy an object that stands for a folder."""
    ran = in_jupyter(f"mkdir -p /root/mnt/{name}/mode && chmod 755 /root/mnt/{name}/mode")
    assert ran.code == code, ran.all
    assert not code or "No such file" in ran.err


@pytest.mark.parametrize("name", NAMES)
def test_a_parquet_data_set(volume: Volume, name: str) -> None:
    said = python("c01", PARQUET.replace("{folder}", f"/root/mnt/{name}/set"))
    assert said == "4999950000 100000"


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_is_not_seen_on_the_other_node(volume: Volume, name: str) -> None:
    """What the documentation warns of: none of the three carries locks between nodes."""
    lock = """
import fcntl, sys, time
file = open(sys.argv[1], 'w')
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
time.sleep(float(sys.argv[2]))
print('locked')
"""
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(python, "c01", lock, f"/root/mnt/{name}/lock", "6")
        second = python("c02", lock, f"/root/mnt/{name}/lock", "0")
        assert (first.result(), second) == ("locked", "locked")


def test_check_is_right_on_both_nodes(volume: Volume) -> None:
    rows = volume.rows("check")
    assert [(r["node"], r["volume"], r["ok"]) for r in rows] == [
        (node, name, True) for node in CONSUMERS for name in NAMES
    ]


def sent(volume: Volume) -> None:
    """Wait until everything is at the servers, and longer than any cache of the other node."""
    until(lambda: all(row.get("pending_bytes") == 0 for row in volume.rows()), 1800)
    python("c02", "import time; time.sleep(6)")
