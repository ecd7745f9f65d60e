"""What `--list` and `--help` show: commands by what they are about, the everyday ones first."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from cluster.model.line import Line, Tone, Toned, line

# A command belongs to the first group with a pattern that fits; the order within a group is that of
# its patterns, then the alphabet.
_GROUPS: Sequence[tuple[str, Sequence[str]]] = (
    (
        "Every day",
        (
            "docker.apply", "docker.plan", "docker.status", "docker.top", "docker.map", "docker.ps",
            "docker.logs", "docker.restart", "docker.exec-shell",
        ),
    ),
    ("What was done, and going back", ("docker.history", "docker.audit", "docker.rollback")),
    ("Images", ("docker.image-*",)),
    ("Nodes and the Swarm", ("docker.drain", "docker.undrain", "docker.node-*", "docker.swarm-*")),
    ("Services", ("docker.*",)),
    ("What teams bring", ("deploy.apply", "deploy.list", "deploy.logs", "deploy.*", "image.*")),
    ("Data volumes", ("volume.*", "sshfs.*", "s3fs.*", "blobfs.*")),
    ("Accounts", ("account.add", "account.list", "account.*", "project.*")),
    ("Passwords and certificates", ("secrets.*", "gateway.*")),
    ("By the clock", ("cron.*",)),
    ("Machines", ("host.*", "ssh.*", "nfs.*", "iptable.*", "lang.*")),
    ("Files of earlier versions", ("config.*",)),
    ("Practice cluster", ("lab.*",)),
    ("More", ("*",)),
)  # fmt: skip

_USUAL = 80  # columns, where nobody says
_WIDEST = 120  # columns
_PLAIN = "./skp.py {}"
# By pattern; the first that fits counts. {} is the command's name.
_EXAMPLES: Sequence[tuple[str, Sequence[str]]] = (
    ("docker.status", (_PLAIN, "./skp.py {} --watch", "./skp.py {} jupyter kafka --json")),
    ("docker.plan", (_PLAIN, "./skp.py {} jupyter")),
    ("docker.apply", (_PLAIN, "./skp.py {} jupyter spark", "./skp.py {} --nodes c02,c03 --yes")),
    (
        "config.import",
        ("./skp.py {} old/hosts.json old/skp.sh --dry", "./skp.py {} old/hosts.json old/skp.sh"),
    ),
    ("deploy.apply", ("./skp.py {} myDeploy.py", "./skp.py {} */myDeploy.py --update")),
    ("deploy.plan", ("./skp.py {} myDeploy.py",)),
    ("deploy.list", (_PLAIN, "./skp.py {} -p vision --json")),
    ("deploy.quota", (_PLAIN, "./skp.py {} vision -l gpus=2,memory=16g --root TRUE")),
    ("deploy.secret", ("./skp.py {} vision/api-key -f key.txt", "./skp.py {} vision/api-key -r")),
    ("deploy.rm", ("./skp.py {} 0 jupyter-test",)),
    (
        "image.mirror",
        ("./skp.py {} registry.example.com/team/app:1.0", "./skp.py {} REFERENCE -c config.json"),
    ),
    ("deploy.exec", ("./skp.py {} jupyter-test -c 'nvidia-smi'", "./skp.py {} jupyter-test")),
    ("deploy.evacuate", ("./skp.py {} c03", "./skp.py {} c03 --undo")),
    ("deploy.logs", ("./skp.py {} jupyter-test -f",)),
    ("deploy.rollback", ("./skp.py {} jupyter-test", "./skp.py {} jupyter-test --to 3")),
    ("deploy.r*", ("./skp.py {} jupyter-test",)),
    ("deploy.history", ("./skp.py {} jupyter-test",)),
    ("deploy.pushes", ("./skp.py {} vision", "./skp.py {} vision --log 12")),
    ("deploy.git-list", (_PLAIN, "./skp.py {} --json")),
    ("deploy.git-*", ("./skp.py {} vision",)),
    ("deploy.convert", ("./skp.py {} myDeploy.py >deployment.yaml", "./skp.py {} compose.yaml")),
    ("docker.top", (_PLAIN, "./skp.py {} --sort memory", "./skp.py {} --nodes c01 --json")),
    ("docker.map", ("./skp.py {} -o cluster.html", "./skp.py {} --svg -o cluster.svg")),
    ("docker.ps", (_PLAIN, "./skp.py {} --nodes c01 --json")),
    ("docker.logs", ("./skp.py {} -n kafka-skp -f", "./skp.py {} -n jupyter-skp --since 10m")),
    ("docker.restart", ("./skp.py {} -n jupyter-skp", "./skp.py {} -n kafka-skp --busy wait")),
    (
        "docker.exec-shell",
        ("./skp.py {} -h c01 -n jupyter-skp", "./skp.py {} -h c01 -n jupyter-skp -c 'df -h'"),
    ),
    ("docker.history", (_PLAIN, "./skp.py {} -c 50 --json")),
    ("docker.audit", (_PLAIN, "./skp.py {} -c 50 --json")),
    ("docker.rollback", ("./skp.py {} -s jupyter",)),
    (
        "docker.image-build-ds",
        (
            './skp.py {} -l="ko_KR.UTF-8" -g="FALSE" -t="latest"',
            './skp.py {} -l="ko_KR.UTF-8" -g="TRUE" -t="latest"',
        ),
    ),
    ("docker.image-build-*", ('./skp.py {} -t="latest"',)),
    ("docker.image-admit", ("./skp.py {} skp/docker-ds:latest",)),
    ("docker.image-rm", ('./skp.py {} -i="skp/docker-ds" -t="1.0"',)),
    ("docker.image-prune", (_PLAIN, "./skp.py {} --build-cache")),
    ("docker.swarm-leave", ("./skp.py {} --nodes c03",)),
    ("docker.drain", ("./skp.py {} -h c03",)),
    ("docker.undrain", ("./skp.py {} -h c03",)),
    ("docker.node-rm", ("./skp.py {} -h c03",)),
    ("docker.kafka-drain", ("./skp.py {} -h c03",)),
    ("docker.jupyter-run", (_PLAIN, './skp.py {} -v=\'$SKP_HOME/volume\'', "./skp.py {} --dry")),
    ("docker.mysql-client", (_PLAIN, "./skp.py {} -c 'SHOW DATABASES'")),
    ("docker.*-shell", (_PLAIN, "./skp.py {} -h c01")),
    ("docker.*-run", (_PLAIN, "./skp.py {} --dry")),
    ("docker.*-rm", (_PLAIN, "./skp.py {} --dry")),
    ("volume.*", (_PLAIN, "./skp.py {} --nodes c01")),
    ("secrets.show", (_PLAIN, "./skp.py {} JUPYTER_PASSWORD")),
    ("secrets.rotate", ("./skp.py {} JUPYTER_PASSWORD", _PLAIN)),
    ("account.add", ("./skp.py {} kim", "./skp.py {} -n kim -l manager -p")),
    ("account.list", (_PLAIN, "./skp.py {} --json")),
    ("account.rotate", (_PLAIN,)),
    ("account.token", ("./skp.py {} kim", "./skp.py {} kim -a jupyter")),
    ("account.level", ("./skp.py {} kim -l manager",)),
    ("account.key-add", ("./skp.py {} kim -f ~/.ssh/id_ed25519.pub", "./skp.py {} kim -f - <key")),
    ("account.key-rm", ("./skp.py {} kim -f FINGERPRINT",)),
    ("account.token-add", ("./skp.py {} kim -l ci", "./skp.py {} kim -l ci -p vision -d 30")),
    ("account.token-rm", ("./skp.py {} kim -l ci",)),
    ("account.*", ("./skp.py {} kim",)),
    ("gateway.ca", (_PLAIN,)),
    ("gateway.cert", ("./skp.py {} -c fullchain.pem -k privkey.pem",)),
    ("gateway.cert-rm", (_PLAIN,)),
    ("project.add", ("./skp.py {} vision -o kim",)),
    ("project.member-set", ("./skp.py {} vision -a lee -r viewer",)),
    ("project.member-rm", ("./skp.py {} vision -a lee",)),
    ("project.list", (_PLAIN, "./skp.py {} --json")),
    ("project.*", ("./skp.py {} vision",)),
    ("cron.install", ('./skp.py {} -s "*/10 * * * *" -c docker.apply',)),
    ("cron.rm", (_PLAIN, "./skp.py {} -c docker.apply")),
    ("cron.tick", ("./skp.py {} -c docker.apply",)),
    ("ssh.cmd", ('./skp.py {} -c "uptime"', './skp.py {} -c "df -h" --nodes c01,c02')),
    ("*.copy-id", ("./skp.py {} -p",)),
    ("ssh.keys-only", ("./skp.py {} --dry", _PLAIN)),
    ("lang.install", ("./skp.py {} -l ko_KR.UTF-8",)),
    ("iptable.masquerade", (_PLAIN, "./skp.py {} --undo")),
    ("host.install", (_PLAIN, "./skp.py {} --dry", "./skp.py {} -p --nodes c04")),
    ("host.check", (_PLAIN, "./skp.py {} --nodes c04 --json")),
    ("lab.up", (_PLAIN, "./skp.py {} -n 5 -p")),
    ("*", (_PLAIN,)),
)  # fmt: skip


def listed(commands: Mapping[str, str | None]) -> Iterator[Line]:
    """Yield the lines of a list of commands, with what each does."""
    width = max(map(len, commands))
    room = max(20, min(_columns(), _WIDEST) - width - 5)
    for title, names in grouped(commands):
        yield line(Toned(title, Tone.TITLE))
        for name in names:
            first, *rest = textwrap.wrap(commands[name] or "", room) or [""]
            yield Line(f"  {name:{width}}  {first}".rstrip())
            yield from (Line(f"  {'':{width}}  {more}") for more in rest)
        yield Line("")


def grouped(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return the titles of groups with the commands of each; none is empty or left out."""
    groups: dict[str, list[tuple[int, str]]] = {title: [] for title, _ in _GROUPS}
    for name in names:
        title, place = next(
            (title, place)
            for title, patterns in _GROUPS
            for place, pattern in enumerate(patterns)
            if fnmatchcase(name, pattern)
        )
        groups[title].append((place, name))
    return [
        (title, [name for _, name in sorted(found)]) for title, found in groups.items() if found
    ]


def examples(name: str) -> list[str]:
    """Return what a person may type to use a command."""
    found = next(lines for pattern, lines in _EXAMPLES if fnmatchcase(name, pattern))
    return [example.format(name) for example in found]


def _columns() -> int:
    """Return how wide the terminal is. shutil knows it too, but takes a while to load."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL
    except (ValueError, OSError):  # it is no terminal
        return _USUAL
