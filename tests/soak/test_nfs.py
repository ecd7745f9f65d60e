"""NFS for real, between two machines with kernels of their own (QEMU)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.vm import ADDRESSES, CLIENT, SERVER, Machines, host, machines, until

FOLDER = "/home/skp/skp/volume"
# Appends numbers, each when the one before was written.
WRITER = (
    f"nohup sh -c 'i=0; while [ ! -e /tmp/stop ]; do echo $i >>{FOLDER}/log && i=$((i+1)); done; "
    "echo $i >/tmp/written' >/tmp/writer 2>&1 </dev/null &"
)


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with machines(tmp_path_factory.mktemp("vm")) as made:
        made.share()
        yield made


def lines(mounted: Machines, node: str) -> list[str]:
    """Return the numbers that were written, as `node` sees them."""
    found = mounted.on(node, f"cat {FOLDER}/log").out.splitlines()
    return [line.removeprefix(f"{node}: ") for line in found]


def test_the_shared_folder_is_the_masters_and_root_is_nobody_there(mounted: Machines) -> None:
    made = mounted.on(CLIENT, f"echo hello >{FOLDER}/greeting && sudo touch {FOLDER}/roots")
    assert "Permission denied" in made.all
    assert mounted.on(SERVER, f"cat {FOLDER}/greeting").out == f"{SERVER}: hello\n"


def test_writes_resume_when_the_server_is_back_and_nothing_is_lost(mounted: Machines) -> None:
    assert mounted.on(CLIENT, WRITER).code == 0
    until(lambda: len(lines(mounted, SERVER)) > 20)
    host("kill", SERVER)
    host("start", SERVER, ADDRESSES[SERVER])
    until(lambda: mounted.on(SERVER, "true").code == 0)
    before = len(lines(mounted, SERVER))
    until(lambda: len(lines(mounted, SERVER)) > before)
    assert mounted.on(CLIENT, "touch /tmp/stop").code == 0
    until(lambda: mounted.on(CLIENT, "cat /tmp/written").code == 0)
    written = int(mounted.on(CLIENT, "cat /tmp/written").out.split()[-1])
    assert lines(mounted, SERVER) == [str(number) for number in range(written)]


def test_a_boot_does_not_wait_for_the_server_and_mounts_it_when_it_is_there(
    mounted: Machines,
) -> None:
    host("kill", SERVER)
    host("kill", CLIENT)
    host("start", CLIENT, ADDRESSES[CLIENT])
    until(lambda: mounted.on(CLIENT, "true").code == 0)
    assert mounted.on(CLIENT, f"grep -q {FOLDER} /proc/mounts").code == 1
    refused = mounted.on(CLIENT, f"sudo mkdir -p {FOLDER}/var/registry; touch {FOLDER}/mine")
    assert refused.code == 1, "the folder beneath the mount can't be written to"
    assert refused.all.count("not permitted") == 2, refused.all
    host("start", SERVER, ADDRESSES[SERVER])
    until(lambda: mounted.on(CLIENT, f"cat {FOLDER}/greeting").code == 0)


def test_a_clock_five_minutes_off_is_found(mounted: Machines) -> None:
    assert mounted.on(CLIENT, "sudo date -s '+300 seconds'").code == 0
    found = mounted.skp("host.check", "--json").json
    clocks = [f for f in found if f["check"] == "clock" and " s " in f["found"]]
    assert clocks, found
    assert mounted.on(CLIENT, "sudo date -s '-300 seconds'").code == 0


def test_the_mount_goes_for_good(mounted: Machines) -> None:
    gone, again = mounted.skp("nfs.umount-skp"), mounted.skp("nfs.umount-skp")
    assert gone.code == 0, gone.all
    assert again.out.startswith("Nothing to change")
    assert mounted.on(CLIENT, "grep -q x-skp /etc/fstab").code == 1
