"""From four machines with nothing but sshd and a password user, to the guide's Swarm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.bare import Machines, machines
from tests.support.lab import run

# Where the machine of the test has an address that no machine of the test can mistake for its own.
OUTSIDE, BEYOND = "10.97.0.1", "skp-beyond"
LOCALE = "ko_KR.UTF-8"
UP = "timeout 240 sh -c 'until docker ps | grep -q healthy.*registry-skp; do sleep 1; done'"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    run("docker", "network", "rm", BEYOND)
    beyond = run("docker", "network", "create", "--subnet", "10.97.0.0/24", BEYOND)
    assert beyond.code == 0, beyond.all
    try:
        with machines(tmp_path_factory.mktemp("bare"), 4) as made:
            yield made
    finally:
        run("docker", "network", "rm", BEYOND)


def done(bare: Machines, *words: str, stdin: str = "") -> str:
    ran = bare.skp(*words, stdin=stdin)
    assert ran.code == 0, ran.all
    return ran.out


def test_without_a_password_it_says_what_is_missing(bare: Machines) -> None:
    ran = bare.skp("ssh.cmd", "-c", "true")
    assert ran.code == 1
    assert ran.err.count("is not known. It shows") == 4
    unasked = bare.skp("ssh.copy-id", "--yes", "-p", "-", stdin=f"{bare.password}\n")
    assert unasked.code == 2
    assert "4 SSH host key(s) are not known" in unasked.err
    planned = done(bare, "ssh.copy-id", "--dry")
    assert "4 planned" in planned


def test_a_wrong_password_is_tried_once_and_said(bare: Machines) -> None:
    ran = bare.skp("ssh.copy-id", "--accept-host-keys", "-p", "-", stdin="wrong\n")
    assert ran.code == 1
    assert ran.out.count("is refused") == 4, ran.all
    log = run("docker", "logs", "b02").all
    assert log.count("Failed password for skp") == 1, log


def test_the_guides_commands_lead_to_the_swarm(bare: Machines) -> None:
    word = f"{bare.password}\n"
    assert "4 done" in done(bare, "ssh.copy-id", "-p", "-", stdin=word)
    assert done(bare, "ssh.copy-id").startswith("Nothing to change (4 unchanged)")
    without = bare.skp("host.install")
    assert without.code == 1
    assert without.out.count("sudo wants the SSH user's password") == 4, without.all
    assert "4 planned" in done(bare, "host.copy", "--dry", "-p", "-", stdin=word)
    assert "4 done" in done(bare, "host.copy", "-p", "-", stdin=word)
    installed = done(bare, "host.install", "-p", "-", stdin=word)
    assert "Docker Engine" in installed
    assert done(bare, "host.install").startswith("Nothing to change"), "without a password now"
    assert bare.skp("host.check").out.count("can log in by a password") == 4
    assert "4 done" in done(bare, "ssh.keys-only")
    assert done(bare, "ssh.keys-only").startswith("Nothing to change (4 unchanged)")
    assert done(bare, "host.copy").startswith("Nothing to change (4 unchanged)")
    for command in ("swarm-init", "swarm-join", "swarm-label", "swarm-network", "registry-run"):
        done(bare, f"docker.{command}")
    listed = bare.inside("b01", "docker node ls --format '{{.Hostname}} {{.Status}}'").out
    assert listed.split("\n")[:4] == [f"{name} Ready" for name in bare.names]
    found = bare.skp("docker.ps", "--json").json
    assert [[c["name"] for c in found[name]] for name in bare.names] == [["registry-skp"]] * 4
    assert done(bare, "host.check").startswith("Nothing is wrong with b01, b02, b03, b04.")


def test_a_node_comes_back_from_a_reboot(bare: Machines) -> None:
    assert run("docker", "restart", "-t", "5", "b03", seconds=60).code == 0
    assert bare.inside("b03", UP).code == 0
    assert bare.inside("b03", "/usr/local/lib/skp/firewall there").code == 0
    assert done(bare, "host.install").startswith("Nothing to change")
    assert done(bare, "docker.apply").startswith("Nothing to change")


def test_a_locale_is_made_and_used(bare: Machines) -> None:
    assert "4 done" in done(bare, "lang.install", f"-l={LOCALE}")
    assert done(bare, "lang.install", f"-l={LOCALE}").startswith("Nothing to change")
    shown = bare.inside("b04", ". /etc/default/locale; LC_ALL=$LANG date -d 2026-01-01 +%B").out
    assert shown == "1월\n"
    wrong = bare.skp("lang.install", "-l=xx_YY.UTF-8")
    assert wrong.code == 1
    assert wrong.out.count("there is no locale xx_YY.UTF-8") == 4


def test_nodes_reach_the_network_through_the_master_and_again_after_its_reboot(
    bare: Machines,
) -> None:
    bare.inside("b02", "ip route del default")
    assert bare.inside("b02", f"ping -c 1 -W 2 {OUTSIDE}").code != 0
    assert "2 planned" in done(bare, "iptable.masquerade", "--dry")
    assert "2 unchanged, 2 done" in done(bare, "iptable.masquerade"), "b03, b04 have their own way"
    assert bare.inside("b02", f"ping -c 1 -W 5 {OUTSIDE}").code == 0
    assert "via 10.98.0.11" in bare.inside("b02", "ip route show default").out
    rule = bare.inside(
        "b01", "iptables -t nat -nvxL POSTROUTING | grep 'MASQUERADE.*10.98.0.0'"
    ).out
    assert int(rule.split()[0]) > 0, rule
    assert done(bare, "iptable.masquerade").startswith("Nothing to change")
    assert run("docker", "restart", "-t", "5", "b01", seconds=60).code == 0
    assert bare.inside("b01", UP).code == 0
    assert bare.inside("b02", f"ping -c 1 -W 5 {OUTSIDE}").code == 0
    assert "2 unchanged, 2 done" in done(bare, "iptable.masquerade", "--undo")
    assert "10.98.0.0" not in bare.inside("b01", "iptables -t nat -S POSTROUTING").out
    assert bare.inside("b02", "ip route show default").out == ""
    assert done(bare, "iptable.masquerade", "--undo").startswith("Nothing to change")
    bare.inside("b02", "ip route add default via 10.98.0.1")


def test_what_was_changed_by_hand_is_mended_and_the_rest_is_left(bare: Machines) -> None:
    done(bare, "host.copy")  # (a container's /etc/hosts is made anew when it is restarted)
    without = "grep -v 10.98.0.11 /etc/hosts >/tmp/h; cat /tmp/h >/etc/hosts"
    assert bare.inside("b02", f"{without}; echo '10.1.1.1 mine' >>/etc/hosts").code == 0
    assert bare.inside("b02", "pkill -x chronyd").code == 0
    assert "3 unchanged, 1 done" in done(bare, "host.copy")
    hosts = bare.inside("b02", "cat /etc/hosts").out
    assert "10.98.0.11 b01\n" in hosts
    assert "10.1.1.1 mine\n" in hosts
    mended = done(bare, "host.install")
    assert "nothing keeps the clock right" in mended
    bare.inside(
        "b02", "echo '10.1.1.1 b03' >/tmp/h; cat /etc/hosts >>/tmp/h; cat /tmp/h >/etc/hosts"
    )
    contradicted = bare.skp("host.copy")
    assert contradicted.code == 1
    assert "b03 is 10.1.1.1" in contradicted.out
