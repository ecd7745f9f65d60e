"""The gate: the one service that may deploy, for others that ask it on a socket. Decision 124."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.item import Item
from cluster.model.spec import (
    HOST,
    SECRETS_TARGET,
    ConfigFile,
    Container,
    Mount,
    Probe,
    SecretFile,
)
from cluster.model.state import State
from services.common import (
    API_USER,
    GATE_USER,
    GIT_USER,
    NAMES,
    SCRATCH,
    check_memory,
    cpus,
    kept,
    memory,
    own_user,
)
from services.flask.service import SERVICE as ACCOUNTS
from services.once_built import OnceBuilt
from services.volumes.key_pair import key_pair

SOCKET_FOLDER = "/var/lib/skp/gate"
"""On the master's own disk: the folder that the gate shares with git."""
API_FOLDER = "/var/lib/skp/gate-api"
"""And the one that it shares with the API."""
MARK = "/var/lib/skp/gate-key"
"""On every node: the line of authorized_keys that lets the gate in."""
HOST_KEYS = tuple(f"/etc/ssh/ssh_host_{kind}_key.pub" for kind in ("ed25519", "ecdsa", "rsa"))
_LIVE = f"{SECRETS_TARGET}/live"
_LEAST_MEMORY = 512 << 20  # bytes: four workers at a time
_STOPPING = 25  # seconds; what is not taken back until then is after the next start


class Gate(OnceBuilt):
    """The service gate: one container on the master."""

    name = "gate"
    title = "what deploys for pushes"
    recipe = "docker-gate"
    needs = ACCOUNTS
    shell = ("bash",)
    settings = (
        Setting("GATE_NAME", "name", "gate-skp", "container name"),
        Setting("GATE_KEY", "password", "", "makes its SSH key; generated"),
        Setting("GATE_IMAGE", "image", "skp/docker-gate", "image"),
        Setting("GATE_TAG", "tag", "latest", "image tag"),
        Setting("GATE_MEMORY", "memory", "1g", "memory limit; at least 512m"),
        Setting("GATE_CPUS", "cpus", "", "CPU limit"),
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the master, whose network and folders it needs, once its image was built."""
        return (cluster.inventory.master,) if super().hosts(cluster) else ()

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:
        """Return nodes' public host keys, and what they remember of the gate's own."""
        return (*HOST_KEYS, MARK, *self.marks(cluster, cluster.settings.text("GATE_NAME")))

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield its container, in the master's own network: from there it is let in to nodes."""
        check_memory(cluster, "GATE_MEMORY", _LEAST_MEMORY)
        for host in self.hosts(cluster):
            (image,) = self.images(cluster)
            users = (GATE_USER, GIT_USER, API_USER)
            own, of_git, of_api = (own_user(cluster, facts, host.name, each) for each in users)
            yield Container(
                node=host.name,
                name=cluster.settings.text("GATE_NAME"),
                service=self.name,
                image=image,
                mounts=(
                    _shared(SOCKET_FOLDER, "/run/gate", own, of_git),
                    _shared(API_FOLDER, "/run/gate-api", own, of_api),
                    kept(cluster, records(cluster), "/var/lib/gate", GATE_USER),
                ),
                files=(
                    SecretFile("id_ed25519", key_pair(cluster.secrets["GATE_KEY"]).private),
                    ConfigFile("peers", f"{_uid(of_git)}\n"),
                    ConfigFile("peers-api", f"{_uid(of_api)}\n"),
                    # (Another list of nodes makes another container, and lets it in there.)
                    ConfigFile("hosts.json", _inventory(cluster)),
                ),
                live=(
                    ConfigFile("env.sh", _settings(cluster)),
                    ConfigFile("known_hosts", _known_hosts(cluster, facts)),
                    ConfigFile("ssh_config", _SSH_CONFIG),
                ),
                network=HOST,
                user=_with_group(own, of_git),
                memory=memory(cluster, "GATE_MEMORY"),
                cpus=cpus(cluster, "GATE_CPUS"),
                read_only=True,
                scratch=(*SCRATCH, *NAMES),
                probe=Probe(("gate-health",), timeout=6),
                busy=("gate-busy",),
                stop_timeout=_STOPPING,
                after=("registry", ACCOUNTS.name),
            )

    def after_run(self, cluster: Cluster, facts: State) -> Iterator[Item]:
        """Yield, for each node that does not let it in yet, the operation after which it does."""
        from services.gate.admission import LetGateIn

        line = authorized(cluster)
        for host in self.hosts(cluster) and cluster.inventory.hosts:
            node = facts.nodes.get(host.name)
            if node and node.marker_files.get(MARK, "").strip() != line:
                user = host.user or cluster.settings.text("SKP_USER")
                yield LetGateIn(host.name, user, line, MARK)


def records(cluster: Cluster) -> str:
    """Return the path of the folder of what the gate keeps."""
    return f"{cluster.platform}/gate"


def authorized(cluster: Cluster) -> str:
    """Return the gate's line of authorized_keys (sshd(8)): it counts from the master alone."""
    public = key_pair(cluster.secrets["GATE_KEY"]).public
    # (The engine's socket is reached by a forwarded connection.)
    return f'from="{cluster.inventory.master.ipv4}",restrict,port-forwarding {public} skp-gate'


def _uid(user: str) -> str:
    return user.partition(":")[0]


def _with_group(user: str, other: str) -> str:
    return f"{_uid(user)}:{other.partition(':')[2]}"


def _shared(folder: str, target: str, own: str, other: str) -> Mount:
    """Return the mount of a folder that it shares with another user.

    It has git's group, and so has git's socket. The API's group comes into the folder alone.
    """
    return Mount(folder, target, create=True, owner=_with_group(own, other))


_SSH_CONFIG = f"""IdentityFile {SECRETS_TARGET}/id_ed25519
IdentitiesOnly yes
UserKnownHostsFile {_LIVE}/known_hosts
GlobalKnownHostsFile none
StrictHostKeyChecking yes
"""


def _known_hosts(cluster: Cluster, facts: State) -> str:
    """Return the host keys of nodes, as each of them has them on its own disk."""
    lines = list[str]()
    for host in cluster.inventory.hosts:
        node = facts.nodes.get(host.name)
        name = f"[{host.ipv4}]:{host.port}" if host.port else host.ipv4
        for path in HOST_KEYS if node else ():
            words = node.marker_files.get(path, "").split() if node else []
            if len(words) >= 2 and words[0].isascii() and words[1].isascii():
                lines.append(f"{name} {words[0]} {words[1]}")
    return "".join(f"{line}\n" for line in lines)


def _inventory(cluster: Cluster) -> str:
    """Return hosts.json."""
    document = {
        host.name: {
            "ipv4": host.ipv4,
            "labels": [{key: value} for key, value in host.labels],
            "groups": sorted(host.groups),
        }
        | ({"user": host.user} if host.user else {})
        | ({"port": host.port} if host.port else {})
        for host in cluster.inventory.hosts
    }
    return json.dumps(document, indent=1)


def _settings(cluster: Cluster) -> str:
    """Return env.sh: all settings that are no secrets, and where the gate has its files."""
    own = {
        "SKP_ETC": "/tmp",  # noqa: S108 - in its container
        "SKP_HOSTS": f"{SECRETS_TARGET}/hosts.json",
        "SKP_SSH_CONFIG": f"{_LIVE}/ssh_config",
        "SKP_LOCAL": "FALSE",
    }
    values = {**cluster.settings.plain, **own}
    return "".join(f"export {key}={shlex.quote(values[key])}\n" for key in sorted(values))


SERVICE = Gate()
