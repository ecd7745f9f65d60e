"""Copies of other registries' images in the cluster's own, made by skopeo on the master.

What fetches is on the engine's private network, so that a name that leads to a loopback finds
nothing there; what puts the copy into the cluster's registry is on the master's own.
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import shlex
from typing import TYPE_CHECKING, TypeAlias

from cluster.config.secrets import Secret
from cluster.errors import ConfigError, DeadlineError, NodeError, SkpError
from cluster.model.policy import Progress
from cluster.model.spec import REGISTRY, Image
from workloads import tools
from workloads.references import Reference

if TYPE_CHECKING:
    from cluster.config.inventory import Inventory
    from cluster.connectors.base import Completed
    from cluster.connectors.node import Node

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
# Docker's own registry answers by another name than its images have.
_ANSWERS = {"docker.io": "registry-1.docker.io"}
_FATAL = re.compile(r'level=fatal msg="(.*)"', re.DOTALL)
_LOGIN = "Its login: ./skp.py image.mirror {} -c ~/.docker/config.json"
_ELSE = "Is its registry reachable from the master?"
_HINTS = {
    "unauthorized": _LOGIN,
    "authentication required": _LOGIN,
    "denied": _LOGIN,
    "x509": "On the master: its authority into /etc/docker/certs.d/HOST/ca.crt",
    "server gave http response": 'On the master: "insecure-registries" in daemon.json',
    "manifest unknown": "Is its tag right?",
    "no such host": "Is the name right? The master has to know it.",
}
# How the script ends where it is not the other registry that fails: the limit, docker, our own.
_LATE, _DOCKER, _OWN = 124, (125, 126, 127), 99
# The node's own trust counts: its bundle of authorities, and what Docker knows of single hosts.
# A container of one's own at a time: what a command left that was killed is nobody's.
_SCRIPT = r"""set -u
name=$1 tool=$2 seconds=$3 source=$4 target=$5
shift 5
trap 'docker rm -f "$name" >/dev/null 2>&1; docker volume rm -f "$name" >/dev/null 2>&1' EXIT
trap 'exit 143' HUP TERM
trap 'exit 130' INT
given=()
[ ! -d /etc/docker/certs.d ] || given+=(-v /etc/docker/certs.d:/etc/docker/certs.d:ro)
for each in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
  [ -f "$each" ] || continue
  given+=(-v "$each:/run/trust.crt:ro" -e SSL_CERT_FILE=/run/trust.crt)
  break
done
for each in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  [ -z "${!each:-}" ] || given+=(-e "$each")
done
own=(--rm -i --init --pull never --name "$name" --read-only --tmpfs /tmp
  -v "$name:/scratch" --cap-drop ALL
  --security-opt no-new-privileges --memory 1g --pids-limit 256)
secure=()
while [ $# -gt 0 ]; do
  case $1 in
    --src-*) secure+=("$1") ;;
    *) given+=("$1") ;;
  esac
  shift
done
docker run "${own[@]}" ${given[@]+"${given[@]}"} "$tool" fetch "$seconds" "$source" \
  ${secure[@]+"${secure[@]}"} || exit
docker run "${own[@]}" --network host "$tool" push "$seconds" "$target" \
  --dest-tls-verify=false </dev/null || exit 99
"""
# What a host's name means on the master, what is the master's own, and what its engine knows.
_ASK = """getent ahosts {host} | awk '{{print "means", $1}}' | sort -u
ip -o address show | awk '{{sub("/.*", "", $4); print "own", $4}}'
for each in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY; do
  [ -z "$(printenv $each)" ] || echo "proxy $each"
done
docker info -f 'knows {{{{json .RegistryConfig.IndexConfigs}}}}'"""


def copy(
    master: Node, inventory: Inventory, reference: Reference, login: Secret, progress: Progress
) -> Image:
    """Copy an image into the cluster's registry, and return what it is called there.

    Args:
        login: for its registry, as `logins.login` returns it. progress: is told how far it is.

    Raises:
        ConfigError: the reference leads to a node of the cluster, or nowhere.
        SkpError: its registry does not give it.
        NodeError: the master or its own registry fails.
    """
    if reference.is_own:
        what = f"{reference.text}: it names the cluster's own registry"
        raise ConfigError(what, "Name the image as the other registry has it.")
    options = _options(master, reference, inventory)
    progress.say(f"copying {reference.text} into the cluster's registry")
    tool = tools.ready(master, tools.SKOPEO, progress)
    own = REGISTRY.replace("localhost", "127.0.0.1")
    seconds = master.deadlines.transfer
    words = (
        *(f"skp-mirror-{secrets.token_hex(6)}", tool, f"{seconds:.0f}"),
        *(reference.source, f"{own}/{reference.kept.name}", *options),
    )
    done = master.run(
        f"bash -c {shlex.quote(_SCRIPT)} mirror {shlex.join(words)}",
        stdin=login.reveal().encode(),
        deadline=2 * seconds + 30,
        on_line=lambda line: progress.say(line) if line.startswith("Copying") else None,
    )
    if done.exit_code != 0:
        raise _failed(master, reference, done, login)
    return reference.kept


def _options(master: Node, reference: Reference, inventory: Inventory) -> list[str]:
    """Return what `docker run` and skopeo are told of the registry's host.

    Its name keeps the address that was looked at: asked again, it might lead to a node. One that
    the master does not know is left to its proxy, or else to nobody.
    """
    name, _, _ = reference.host.partition(":")
    answers = _ANSWERS.get(name, name)
    asked = master.run(_ASK.format(host=shlex.quote(answers)))
    said: dict[str, list[str]] = {"means": [], "own": [], "proxy": [], "knows": []}
    for line in asked.text.splitlines():
        word, _, value = line.partition(" ")
        said.get(word, []).append(value)
    if not said["own"] or not said["knows"]:
        raise NodeError(master.name, f"its addresses can't be asked for: {asked.complaint(3)}")
    found = said["means"]
    _check(reference, [name, *found], inventory, said["own"])
    if not found and not said["proxy"]:
        what = f"{reference.text}: it can't be copied: the master knows no host {answers}"
        raise SkpError(what, _HINTS["no such host"])
    pinned = [] if name in found else [f"--add-host={answers}:{each}" for each in found]
    return pinned + _insecure(reference.host, said["knows"][0])


def _check(
    reference: Reference, where: list[str], inventory: Inventory, masters: list[str]
) -> None:
    """Refuse names and addresses that lead to a node itself.

    Args:
        masters: all addresses of the master: from inside a container its bridges' lead there too.
    """
    nodes = {text.lower() for host in inventory.hosts for text in (host.name, host.ipv4)}
    nodes |= set(masters)
    for each in (text.lower() for text in where):
        try:
            address = ipaddress.ip_address(each)
        except ValueError:
            closed = each == "localhost" or each.endswith(".localhost")
        else:
            address = _inner(address)
            closed = any(
                (address.is_loopback, address.is_link_local, address.is_unspecified,
                 address.is_multicast, address.is_reserved, str(address) in nodes)
            )  # fmt: skip
        if closed or each in nodes:
            what = f"{reference.text}: {reference.host} leads to a node of the cluster, or to none"
            raise ConfigError(f"{what} ({each})", "Images come from other machines' registries.")


def _inner(address: _Address) -> _Address:
    """Return the IPv4 address that one of IPv6 stands for (mapped, 6to4); else the address."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _insecure(host: str, told: str) -> list[str]:
    """Return the option for a registry without TLS, where the master's engine is told of it."""
    try:
        known = json.loads(told).get(host, {})
    except (ValueError, AttributeError):
        known = {}
    return ["--src-tls-verify=false"] if known.get("Secure") is False else []


def _failed(master: Node, reference: Reference, done: Completed, login: Secret) -> SkpError:
    said = done.complaint(3)
    found = _FATAL.search(said)
    why = found[1].replace('\\"', '"') if found else said
    if done.exit_code == _OWN:
        what = f"the cluster's registry does not take the copy of {reference.text}: {why}"
        return NodeError(master.name, what, "./skp.py docker.registry-run")
    if done.exit_code in _DOCKER:
        return NodeError(master.name, f"what copies {reference.text} does not start: {why}")
    if done.exit_code == _LATE:
        what = f"{reference.text} is not copied within {master.deadlines.transfer:.0f} s"
        return DeadlineError(master.name, what, "SKP_TIMEOUT_TRANSFER says how long it may take.")
    hint = next((text for word, text in _HINTS.items() if word in why.lower()), _ELSE)
    if hint is _LOGIN and login.reveal():
        return SkpError(f"{reference.text}: its registry refuses that login: {why}")
    return SkpError(f"{reference.text}: it can't be copied: {why}", hint.format(reference.text))
