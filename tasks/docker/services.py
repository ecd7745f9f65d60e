"""docker.NAME-run, -rm, -shell: the tasks that every service of the catalogue has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator

import services
from cli.command import Command
from cli.container_shell import open_shell
from cli.session import Session
from cluster.errors import ConfigError
from cluster.model.service import Service

# What `-run` may be given, and the end of the setting's name that it stands for.
_OPTIONS = {
    "name": ("NAME", "The container's name."),
    "port": ("PORT", "The port on its node."),
    "volume": ("VOLUME", "The folder of the node that it works in."),
}

_NODE = "The node, e.g. c01; by default the first."
_COMMAND = "Have it do this, and end."


def _tasks(service: Service) -> Iterator[Command]:
    yield _run(service)
    yield _rm(service)
    if service.shell:
        yield _shell(service)
    if service.client:
        yield _client(service)
    for verb, (title, words) in service.verbs.items():
        yield _verb(service, verb, title, words)


def _run(service: Service) -> Command:
    keys = {setting.key for setting in service.settings}
    prefix = service.name.upper().replace("-", "_")
    allowed = {
        option: f"{prefix}_{end}"
        for option, (end, _) in _OPTIONS.items()
        if f"{prefix}_{end}" in keys
    }

    def run(s: Session, **given: str) -> None:
        from cluster.plan.scope import Goal

        hosts = service.hosts(s.declared.alone())
        if not set(hosts) & set(s.hosts):
            raise service.no_host_error(s.declared.alone())
        options = {allowed[key]: s.settings.expand(value) for key, value in given.items() if value}
        if options and not set(hosts) <= set(s.hosts):
            raise ConfigError("options are remembered for all nodes: leave --nodes out")
        s.check(options)
        s.converge(chosen=[service], goal=Goal.RUN, options=options)

    run.__doc__ = f"Run {service.title}; options given here are kept until -rm."
    _give_options(run, allowed)
    texts = {option: f"{_OPTIONS[option][1]} Instead of {key}." for option, key in allowed.items()}
    return Command(run, name=f"{service.name}-run", help=texts)


def _rm(service: Service) -> Command:
    key = f"{service.name.upper().replace('-', '_')}_NAME"

    def rm(s: Session, **given: str) -> None:
        from cluster.plan.scope import Goal

        if name := given.get("name"):
            _check_name(s, key, name)
        s.converge(chosen=[service], goal=Goal.REMOVE)

    rm.__doc__ = f"Remove {service.title}; data stays; docker.apply lets it be."
    named = key in {setting.key for setting in service.settings}
    _give_options(rm, ("name",) if named else ())
    texts = {"name": f"The container's name, if it is to be the one of {key}."} if named else {}
    return Command(rm, name=f"{service.name}-rm", help=texts)


def _check_name(s: Session, key: str, name: str) -> None:
    """Refuse a name that is not the service's: nothing else is removed by mistake."""
    with s.fleet(s.inventory.managers) as fleet:
        known = s.cluster(fleet).settings.text(key)
    if name != known:
        raise ConfigError(f"-n={name}: its container is called {known}", f"Write -n={known}")


def _give_options(body: Callable[..., None], names: Iterable[str]) -> None:
    """Have Invoke see keyword options of these names, each a text."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default="") for name in names
    ]
    session = inspect.Parameter("s", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    body.__signature__ = inspect.Signature([session, *parameters])  # type: ignore[attr-defined]


def _shell(service: Service) -> Command:
    def shell(s: Session, host: str = "", name: str = "", command: str = "") -> None:
        words = service.shell if not command else (*service.shell, "-c", command)
        open_shell(s, _node(s, service, host), name or service.name, words)

    shell.__doc__ = f"Open a shell in {service.title} on a node."
    texts = {"host": _NODE, "name": "The container, where it is to be named.", "command": _COMMAND}
    return Command(shell, name=f"{service.name}-shell", help=texts)


def _client(service: Service) -> Command:
    def client(s: Session, host: str = "", command: str = "") -> None:
        words = service.client if not command else (*service.client, f"--execute={command}")
        open_shell(s, _node(s, service, host), service.name, words)

    client.__doc__ = f"Open {service.title}'s own client on a node; it reads what is piped to it."
    texts = {"host": _NODE, "command": _COMMAND}
    return Command(client, name=f"{service.name}-client", help=texts)


def _node(s: Session, service: Service, host: str) -> str:
    """Return the node that -h means: by default the first that the service runs on."""
    nodes = [found.name for found in service.hosts(s.declared.alone())]
    node = host or next(iter(nodes), "")
    if node not in nodes:
        raise ConfigError(
            f"{service.name} does not run on {node or 'any node'}",
            f"It runs on: {', '.join(nodes) or 'none, no node has its label'}",
        )
    return node


def _verb(service: Service, verb: str, title: str, words: tuple[str, ...]) -> Command:
    def run(s: Session, host: str = "") -> None:
        from cluster.commands.service_command import find_command

        nodes = [found.name for found in service.hosts(s.declared.alone())]
        if host not in nodes:
            raise ConfigError(
                f"a node (-h) with the label {service.name} is needed, found: {host or 'none'}",
                f"It runs on: {', '.join(nodes) or 'none, no node has its label'}",
            )
        s.only(host)
        s.change(lambda _, fleet: find_command(fleet, host, service.name, words))

    run.__doc__ = title
    return Command(run, name=f"{service.name}-{verb}", help={"host": "The node, e.g. c03."})


TASKS = tuple(task for each in services.catalogue().values() for task in _tasks(each))
