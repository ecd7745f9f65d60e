"""What a user types in a notebook to become more than a user: each has to fail.

Each test first asserts that the attacker has what the attack needs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.confined import check_confined
from tests.support.data_volumes import switched_on, until
from tests.support.lab import Ran, by_ssh, on, skp

VOLUME = "/home/skp/skp/volume"
SSH = f"{VOLUME}/etc/ssh"


def types(command: str) -> Ran:
    """Run a command in the notebook server's container, as its users' kernels do."""
    return skp("docker.exec-shell", "-h", "c01", "-n", "jupyter-skp", "-c", command)


def test_every_container_is_confined(platform: None) -> None:
    check_confined("registry", "jupyter")


def test_it_has_no_capability_and_gets_none(platform: None) -> None:
    status = types("grep -E '^(Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs)' /proc/self/status").out
    found = dict(line.split(":\t") for line in status.splitlines())
    assert found.pop("NoNewPrivs") == "1"
    assert {int(value, 16) for value in found.values()} == {0}, status
    assert "root" not in types("su -c id 2>&1; sudo id 2>&1; true").out.split("uid=0(")[1:]


@pytest.fixture
def fifo(changed: None) -> Iterator[str]:
    """A FIFO where every look at the cluster reads what Airflow's store is."""
    # The folder is there, and the notebooks' user's, since Airflow was run for the first time.
    assert on("c01", f"sudo install -d -o 58000 -g 58000 {VOLUME}/var/airflow").code == 0
    made = types("rm -f ~/var/airflow/store && mkfifo ~/var/airflow/store")
    assert made.code == 0, made.all
    path = f"{VOLUME}/var/airflow/store"
    assert on("c02", f"test -p {path}").code == 0
    yield path
    on("c01", f"sudo rm -rf {VOLUME}/var/airflow")


def test_a_fifo_stops_no_look_at_the_cluster(fifo: str) -> None:
    begun = time.monotonic()
    ran = skp("docker.apply")
    assert ran.code == 0, ran.all
    assert "Nothing to change" in ran.out
    assert time.monotonic() - begun < 20


@pytest.fixture
def own_files(changed: None) -> Iterator[None]:
    """The SSH user's files, put back should an attack succeed."""
    assert on("c01", "cp -a ~/.ssh /tmp/ssh-before").code == 0
    yield
    on(
        "c01",
        f"sudo rm -rf {SSH}; rm -rf ~/.ssh; cp -a /tmp/ssh-before ~/.ssh; rm -r /tmp/ssh-before",
    )


KEYS = (
    "mkdir -p ~/etc/ssh; cd ~/etc/ssh; rm -f id_ed25519*; "
    "ssh-keygen -q -t ed25519 -N '' -f id_ed25519 2>/dev/null || python -c '"
    "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as K;"
    "from cryptography.hazmat.primitives import serialization as s;"
    'open("id_ed25519","wb").write(K.generate().private_bytes(s.Encoding.PEM,'
    "s.PrivateFormat.OpenSSH,s.NoEncryption()))'; rm -f id_ed25519.pub; chmod 600 id_ed25519"
)


@pytest.mark.parametrize("place", ["id_ed25519.pub.new", "id_ed25519.pub"])
def test_keygen_writes_no_key_of_his_into_the_ssh_users_own_file(
    own_files: None, place: str
) -> None:
    before = on("c01", "cat ~/.ssh/authorized_keys").out
    assert before
    made = types(f"{KEYS}; ln -sfn /home/skp/.ssh/authorized_keys {place}; test -s id_ed25519")
    assert made.code == 0, made.all
    assert on("c01", f"readlink {SSH}/{place}").out == "/home/skp/.ssh/authorized_keys\n"
    skp("sshfs.keygen")
    assert on("c01", "cat ~/.ssh/authorized_keys").out == before
    assert by_ssh("c01", "true").code == 0


def test_credentials_are_not_written_into_a_folder_that_he_chose(own_files: None) -> None:
    made = types("mkdir -p ~/etc; rm -rf ~/etc/ssh; ln -sfn /home/skp/.ssh ~/etc/ssh")
    assert made.code == 0, made.all
    before = on("c01", "ls -la --time-style=full-iso ~/.ssh").out
    assert before == on("c01", f"ls -la --time-style=full-iso {SSH}/").out
    ran = skp("sshfs.keygen")
    assert ran.code == 1
    assert f"{SSH}/id_ed25519.pub: a part of this path below {VOLUME} is a link" in ran.all
    assert on("c01", "ls -la --time-style=full-iso ~/.ssh").out == before


def test_a_key_that_he_planted_is_not_taken(own_files: None) -> None:
    made = types(f"{KEYS}; test -s id_ed25519")
    assert made.code == 0, made.all
    ran = skp("sshfs.keygen")
    assert ran.code == 0, ran.all
    assert "id_ed25519 is from an earlier version" in ran.err
    his = on("c01", f"sudo ssh-keygen -y -f {SSH}/id_ed25519").out.split()[1]
    ours = on("c01", f"cat {SSH}/id_ed25519.pub").out.split()[1]
    assert his != ours


def test_a_host_key_that_he_planted_is_asked_about(own_files: None, tmp_path: Path) -> None:
    """The one who answers has it; it used to be sent the operator's password."""
    answers = on("c02", "cut -d' ' -f-2 /etc/ssh/ssh_host_ed25519_key.pub").out.strip()
    made = types(f"mkdir -p ~/etc/ssh; echo '10.99.0.12 {answers}' >~/etc/ssh/known_hosts")
    assert made.code == 0, made.all
    assert answers in on("c01", f"cat {SSH}/known_hosts").out
    values = {"SSHFS_ID": "files", "SSHFS_HOST": "10.99.0.12", "SSHFS_VOLUME": "/srv"}
    volume = switched_on(tmp_path, values)
    assert volume.skp("sshfs.keygen").code == 0
    asked = volume.skp("sshfs.copy-id", "-p=the password")
    assert asked.code == 2
    assert "the SSH host key of 10.99.0.12 is not known" in asked.err
    assert "refuses the password" not in asked.err


@pytest.fixture
def bombed(changed: None) -> Iterator[None]:
    """Waits at the end until what a test has begun is gone: until then nothing else begins."""
    yield
    until(lambda: int(on("c01", "docker top jupyter-skp -eo pid | wc -l").out or 9999) < 100, 90)


def test_many_processes_end_at_his_own_limit(bombed: None) -> None:
    """Without a limit the node would have no process left for those who look after it."""
    bomb = "for n in $(seq 5000); do sleep 30 & done 2>&1 | tail -n 1; echo over; pkill sleep"
    ran = types(f"ulimit -u unlimited 2>/dev/null; {bomb}")
    assert by_ssh("c01", "echo in").out == "in\n"
    most = on("c01", "docker inspect -f '{{.HostConfig.PidsLimit}}' jupyter-skp").out
    assert int(most) == 4096
    assert "Cannot fork" in ran.all, ran.all


def test_he_is_neither_the_ssh_user_nor_root_nor_a_service(platform: None) -> None:
    his = types("id -u; id -g").out.split()
    assert his == ["58000", "58000"]
    assert on("c01", "id -u").out != "58000\n"
    for name in ("registry-skp",):
        own = on("c01", f"docker inspect -f '{{{{.Config.User}}}}' {name}").out.strip()
        assert own.partition(":")[0] not in ("", "0", "1000", "58000")


def test_the_platforms_data_is_nowhere_that_he_sees(platform: None) -> None:
    """It once lay in his own folder: images, databases, keys."""
    there = on("c01", "sudo ls /home/skp/skp/platform/registry/docker/registry/v2/repositories/skp")
    assert "docker-ds" in there.out, "the storage that a poisoned image would be written to"
    sources = on("c01", "docker inspect -f '{{range .Mounts}}{{.Source}} {{end}}' jupyter-skp").out
    assert VOLUME in sources.split()
    assert "platform" not in sources
    assert types("touch ~/mine && rm ~/mine").code == 0
    found = types("find / -xdev -name repositories -path '*registry*' 2>/dev/null; true")
    assert (found.code, found.out) == (0, "")
    # (Where an earlier version kept it there is at most a note of where it went.)
    left = types("find ~/var/registry ~/var/mysql -type f 2>/dev/null; true").out.split()
    assert {path.rpartition("/")[2] for path in left} <= {"MOVED.txt"}


@pytest.mark.parametrize(
    "attack",
    [
        "mv var .v && mkdir var && ln -sfn / var/spark",
        "rm -rf var && ln -s / var",
        "ln -sfn / var/spark",
        "mkdir var/registry",
        "chmod 777 var",
        "mv ../volume ../other",
    ],
)
def test_what_the_engine_mounts_is_replaced_by_no_link(platform: None, attack: str) -> None:
    """Two lines of this kind once gave him the node's root file system."""
    assert types("cd ~ && mkdir his && mv his renamed && rmdir renamed").code == 0, "in his own"
    before = on("c01", f"stat -c '%u %a %i %F' {VOLUME} {VOLUME}/var").out
    ran = types(f"cd ~ && {attack}")
    assert ran.code != 0
    assert on("c01", f"stat -c '%u %a %i %F' {VOLUME} {VOLUME}/var").out == before
    assert before.splitlines()[1].startswith("0 755")


def test_a_restart_of_his_own_gives_him_nothing_of_the_node(changed: None) -> None:
    types("cd ~ && ln -sfn / var/spark; ln -sfn / spark; ln -sfn / etc/jupyter/requirements.log")
    begun = on("c01", "docker inspect -f '{{.State.StartedAt}}' jupyter-skp").out
    assert on("c01", "docker restart jupyter-skp").code == 0
    assert on("c01", "docker inspect -f '{{.State.StartedAt}}' jupyter-skp").out != begun
    seen = types(
        "ls /var/spark/home ~/spark/home/skp 2>/dev/null; ls -d /home/skp 2>/dev/null; true"
    )
    assert seen.out == "", seen.all
    on("c01", f"rm -f {VOLUME}/spark {VOLUME}/etc/jupyter/requirements.log")


def test_what_he_writes_the_ssh_user_may_change_and_nothing_of_his_is_roots(platform: None) -> None:
    made = types("umask; mkdir -p ~/shared && echo his >~/shared/note")
    assert made.code == 0, made.all
    assert on("c01", f"stat -c '%u %g' {VOLUME}/shared").out == "58000 58000\n"
    assert types("cp /bin/sh ~/shared/sh && chmod u+s ~/shared/sh").code == 0
    ran = on("c01", f"{VOLUME}/shared/sh -pc 'id -u'; mount | grep -c nosuid").out.split()
    assert ran[0] != "0", "setuid gives whoever runs it the users' id, who is nobody on the node"
    assert types("rm -rf ~/shared").code == 0
