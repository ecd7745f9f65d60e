"""One run of one command: its settings, its connections, its output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Exit

import services
from cli.confirmation import confirm
from cli.options import Options
from cluster.config import inventory, secrets, secrets_file, settings
from cluster.errors import ConfigError, ConfigErrors, ExitCode
from cluster.model.cluster import Cluster, Declared, View
from cluster.model.service import Service
from hosts.boot import files as boot

if TYPE_CHECKING:
    from cluster.commands.change import Find
    from cluster.commands.converge import Console
    from cluster.commands.report import Report
    from cluster.config.inventory import Host
    from cluster.connectors.fleet import Fleet
    from cluster.model.policy import Busy
    from cluster.model.spec import Container, Image
    from cluster.plan.parts import Part
    from cluster.plan.scope import Goal

ENV = "SKP_ENV"  # another env.sh than bin/env.sh
FROM_CALLER = ("SKP_HOSTS",)  # may be set in the caller's environment too


class Session:
    """What a command's body works with."""

    def __init__(self, options: Options, command: str = "") -> None:
        self.options = options
        self.command = command

    @cached_property
    def settings(self) -> settings.Settings:
        """The settings, read once."""
        path = Path(os.environ.get(ENV) or settings.ROOT / "bin" / "env.sh").absolute()
        shown = path.relative_to(settings.ROOT) if path.is_relative_to(settings.ROOT) else path
        given = {key: os.environ[key] for key in FROM_CALLER if os.environ.get(key)}
        overrides = {key: str(Path(value).absolute()) for key, value in given.items()}
        with _working_in(settings.ROOT):
            return settings.read(shown, services.declared_settings(), overrides)

    @cached_property
    def inventory(self) -> inventory.Inventory:
        """The inventory, read once."""
        return inventory.read(self.settings.local_path("SKP_HOSTS"), services.labels())

    @cached_property
    def declared(self) -> Declared:
        """What this machine's own files say, checked; the cluster may remember more."""
        stored = secrets_file.read(secrets_file.path(self.settings))
        found = Declared(self.settings, self.inventory, stored, boot.files())
        _check(found.alone())
        return found

    def check(self, options: Mapping[str, str]) -> None:
        """Refuse options that contradict the settings, before anything is touched.

        What contradicts the files alone may fit what the cluster remembers: then it is asked.
        """
        alone = self.declared.alone(options)
        try:
            _check(alone)
        except ConfigError:
            with self.fleet(self.inventory.managers) as fleet:
                _check(self.cluster(fleet, options))

    def view(self, fleet: Fleet, chosen: Sequence[Service] = ()) -> View:
        """Observe the cluster, with the images that the `chosen` services need."""
        from cluster.facts.cluster import observe_cluster

        return observe_cluster(self.declared, fleet, chosen)

    def cluster(self, fleet: Fleet, options: Mapping[str, str] | None = None) -> Cluster:
        """Return what is wanted, with what the cluster remembers; warns if that is not known.

        Args:
            options: what a `-run` is given now.
        """
        from cluster.facts.cluster import remembered_cluster

        found, warnings = remembered_cluster(self.declared, fleet, options)
        self.warn(warnings)
        return found

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts that the command is about (`--nodes`)."""
        from cluster.connectors.fleet import choose

        return choose(self.inventory, self.options.nodes)

    def only(self, host: str) -> None:
        """Have the command be about one node, which `-h` names.

        Raises:
            ConfigError: none is named, or --nodes names others too.
        """
        if not host or self.options.nodes:
            raise ConfigError(
                "one node (-h) is needed" if not host else "-h names the node: leave --nodes out",
                f"For example: ./skp.py {self.command} -h {self.inventory.hosts[-1].name}",
            )
        self.options = replace(self.options, nodes=host)

    @property
    def busy(self) -> Busy:
        """What is done about a container at work (`--busy`)."""
        from cluster.model.policy import Busy

        word = self.options.busy or Busy.SKIP
        try:
            return Busy(word)
        except ValueError:
            raise ConfigError(f"--busy={word}: allowed: {', '.join(Busy)}") from None

    @contextmanager
    def fleet(
        self, hosts: Sequence[Host] | None = None, password: secrets.Secret | None = None
    ) -> Iterator[Fleet]:
        """Connect to `hosts`; by default to all that are needed to plan for the chosen ones.

        Args:
            password: for hosts that no key is good for.
        """
        from cluster.connectors.fleet import Fleet

        self._check_reach()
        deadlines = self.settings.deadlines.capped(self.options.timeout or None)
        chosen = hosts or self._needed()
        with Fleet(chosen, self.settings, deadlines, password) as fleet:
            yield fleet

    def converge(
        self,
        parts: Sequence[Part] = (),
        chosen: Sequence[Service] = (),
        goal: Goal | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Plan and carry out, show the report, and end with its exit code.

        Args:
            options: settings that were given on the command line, and are to be remembered.
        """
        hosts, declared, busy = self.hosts, self.declared, self.busy
        if chosen and not self.options.dry:
            secrets_file.check(secrets_file.path(self.settings))
        with self.fleet() as fleet:
            # Not before: what a fleet needs to begin loads in half the time.
            from cluster.commands.converge import converge
            from cluster.plan.scope import Goal, Scope

            scope = Scope(
                command=self.command,
                nodes=tuple(host.name for host in hosts),
                parts=tuple(parts),
                services=tuple(chosen),
                goal=goal or Goal.APPLY,
                dry=self.options.dry,
                options=options or {},
                busy=busy,
            )
            report = converge(declared, fleet, scope, self._console)
        self.finish(report)

    def build(self, image: Image, arguments: Mapping[str, str]) -> None:
        """Build an image on the master, push it, show the report."""
        from cluster.commands.image_build import build_and_push, planned

        if self.options.dry:
            self.finish(planned(self.inventory, image))
            return
        with self.fleet(self.inventory.managers) as fleet:
            report = build_and_push(self.inventory, fleet, image, arguments, self.command, self.say)
        self.finish(report)

    def change(self, find: Find) -> None:
        """Carry out what `find` finds to be done, show the report, end with its exit code."""
        from cluster.commands.change import carry_out, show

        with self.fleet() as fleet:
            if self.options.dry:
                report = show(find(self.cluster(fleet), fleet))
            else:
                report = carry_out(find, self.declared, fleet, self.command, self._console)
        self.finish(report)

    @property
    def _console(self) -> Console:
        from cluster.commands.converge import Console

        return Console(self.say, lambda question: confirm(question, self.options))

    def dry(self) -> None:
        """Change nothing, whatever the options say."""
        self.options = replace(self.options, dry=True)

    def finish(self, report: Report) -> None:
        """Show a report and end with its exit code, unless that is 0."""
        if self.options.json:
            print(report.as_json())
        else:
            self.warn(report.warnings)
            if report.changed or report.exit_code is not ExitCode.OK or not self.options.quiet:
                print(report.as_text())
        if report.exit_code is not ExitCode.OK:
            raise Exit(code=int(report.exit_code))

    def say(self, line: str) -> None:
        """Show a line of progress."""
        if not self.options.quiet:
            with suppress(OSError):  # nobody reads any more; the work goes on
                sys.stderr.write(f"  {line}\n")  # whole lines: several threads say something

    def warn(self, warnings: Sequence[str]) -> None:
        """Show warnings on standard error."""
        for warning in warnings:
            print(f"skp: warning: {warning}", file=sys.stderr)

    def _check_reach(self) -> None:
        """Check what decides how nodes are reached."""
        if self.options.timeout < 0:
            raise ConfigError(f"--timeout={self.options.timeout}: allowed: seconds from 1 on")
        key = "SKP_SSH_CONFIG"
        shown = self.settings.text(key)
        if shown and not self.settings.local_path(key).is_file():
            raise ConfigError(
                f"{self.settings.place(key)}: {key}: there is no file {shown}",
                "./skp.py lab.up makes the practice cluster and that file; for machines of your\n"
                '  own set SKP_SSH_CONFIG="", which means ~/.ssh/config.',
            )

    def _needed(self) -> tuple[Host, ...]:
        """The chosen hosts, and the managers: what the Swarm and the images are is asked there."""
        chosen = self.hosts
        return tuple(h for h in self.inventory.hosts if h in chosen or h.is_manager)


def _unobserved(cluster: Cluster, service: Service) -> list[Container]:
    from cluster.model.state import State

    return list(service.containers(cluster, State({}, {}, None)))


def _check(found: Cluster) -> None:
    from cluster.plan.conflicts import conflicts

    every = services.catalogue().values()
    wanted = [container for service in every for container in _unobserved(found, service)]
    if errors := list(conflicts(found, wanted)):
        raise ConfigErrors(errors)


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
