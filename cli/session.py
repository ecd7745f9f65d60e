"""One run of one command: its settings, its connections, its output."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Exit

import services
from cli import output
from cli.confirmation import console
from cli.declaration import check_declared
from cli.options import Options
from cli.progress import Shown, Told, watch
from cluster.config import inventory, secrets, secrets_file, settings
from cluster.errors import ConfigError, ExitCode
from cluster.model.cluster import Cluster, Declared, View
from cluster.model.service import Service
from hosts.boot import files as boot

if TYPE_CHECKING:
    from cluster.commands.change import Find
    from cluster.commands.converge import Console
    from cluster.commands.report import Report
    from cluster.config.inventory import Host
    from cluster.connectors.fleet import Fleet
    from cluster.errors import NodeError
    from cluster.model.policy import Busy
    from cluster.model.spec import Image
    from cluster.plan.parts import Part
    from cluster.plan.scope import Goal

ENV = "SKP_ENV"  # another env.sh than bin/env.sh
FROM_CALLER = ("SKP_HOSTS",)  # may be set in the caller's environment too


class Session:
    """What a command's body works with: the options, settings and inventory, read when first used.

    Attributes:
        options: what the person gave.
        command: the command's name as a person types it, e.g. docker.apply.
    """

    def __init__(self, options: Options, command: str = "") -> None:
        self.options = options
        self.command = command
        self._warned: set[str] = set()

    @cached_property
    def settings(self) -> settings.Settings:
        """The settings, read once."""
        path = Path(os.environ.get(ENV) or settings.ROOT / "bin" / "env.sh").absolute()
        shown = path.relative_to(settings.ROOT) if path.is_relative_to(settings.ROOT) else path
        given = {key: os.environ[key] for key in FROM_CALLER if os.environ.get(key)}
        overrides = {key: str(Path(value).absolute()) for key, value in given.items()}
        return services.read_settings(shown, overrides)

    @cached_property
    def inventory(self) -> inventory.Inventory:
        """The inventory, read once."""
        return inventory.read(self.settings.local_path("SKP_HOSTS"), services.labels())

    @cached_property
    def declared(self) -> Declared:
        """What this machine's files say, checked for conflicts; the cluster may remember more."""
        stored = secrets_file.read(secrets_file.path(self.settings))
        files = (*boot.files(), *services.node_files())
        found = Declared(self.settings, self.inventory, stored, files)
        check_declared(found.alone())
        return found

    def check(self, options: Mapping[str, str]) -> None:
        """Check the settings as they are with `options`, before anything is touched.

        What contradicts the files alone may fit what the cluster remembers: then it is asked.

        Raises:
            ConfigErrors: an option is not of its form, or two settings contradict each other.
        """
        alone = self.declared.alone(options)
        try:
            check_declared(alone)
        except ConfigError:
            with self.fleet(self.inventory.managers) as fleet:
                check_declared(self.cluster(fleet, options))

    def view(self, fleet: Fleet, chosen: Sequence[Service] = ()) -> View:
        """Observe the cluster, with the images that the `chosen` services need."""
        from cluster.facts.cluster import observe_cluster

        return observe_cluster(self.declared, fleet, chosen)

    def cluster(self, fleet: Fleet, options: Mapping[str, str] | None = None) -> Cluster:
        """Return what is wanted, with what the cluster remembers; warns if no manager answers.

        Args:
            options: what a `-run` is given now.
        """
        from cluster.facts.cluster import remembered_cluster

        found, warnings = remembered_cluster(self.declared, fleet, options)
        self.warn(warnings)
        return found

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts that `--nodes` names; all without it."""
        from cluster.connectors.fleet import choose

        return choose(self.inventory, self.options.nodes)

    def only(self, host: str) -> None:
        """Narrow the command to one node, which `-h` names.

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
        """What is done about a container at work (`--busy`); raises ConfigError if unknown."""
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
        """Connect to `hosts`, and disconnect at the end of the block.

        Args:
            hosts: None for the chosen hosts and the managers.
            password: for hosts that accept no key.
        """
        from cluster.connectors.fleet import Fleet

        self._check_reach()
        deadlines = self.settings.deadlines.capped(self.options.timeout or None)
        with Fleet(hosts or self._needed(), self.settings, deadlines, password) as fleet:
            yield fleet

    def converge(
        self,
        parts: Sequence[Part] = (),
        chosen: Sequence[Service] = (),
        goal: Goal | None = None,
        options: Mapping[str, str] | None = None,
        renewed: frozenset[str] = frozenset(),
    ) -> None:
        """Plan and carry out, show the report, and end with its exit code.

        Args:
            parts: parts of the Swarm.
            chosen: services.
            goal: what is wanted of `chosen`; None for Goal.APPLY.
            options: settings that were given on the command line, and are to be remembered.
            renewed: the keys of secrets that are to be generated anew.
        """
        hosts, declared, busy = self.hosts, self.declared, self.busy
        if chosen and not self.options.dry:
            secrets_file.check(secrets_file.path(self.settings))
        with self.fleet() as fleet:
            # Imported only here: connecting needs half of these modules, and begins sooner.
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
                renewed=renewed,
            )
            report = converge(declared, fleet, scope, self._console)
        self.finish(report)

    def build(self, image: Image, arguments: Mapping[str, str]) -> None:
        """Build an image on the master, push it, show the report, end with its exit code.

        Args:
            arguments: build arguments by name; no secrets.
        """
        from cluster.commands.image_build import build_and_push, planned
        from cluster.model.policy import Progress

        if self.options.dry:
            self.finish(planned(self.inventory, image))
            return
        with self.fleet(self.inventory.managers) as fleet:
            progress = Progress(self.say, watch=self._watch)
            report = build_and_push(self.inventory, fleet, image, arguments, self.command, progress)
        self.finish(report)

    def change(self, find: Find, declared: Declared | None = None) -> None:
        """Carry out the change that `find` returns, show the report, end with its exit code.

        Args:
            declared: what this machine's files say, with secrets that the command stores.
        """
        self.finish(self.changed(find, declared))

    def changed(self, find: Find, declared: Declared | None = None) -> Report:
        """Carry out the change that `find` returns, as `change` does, and return the report."""
        from cluster.commands.change import carry_out, show

        declared = declared or self.declared
        with self.fleet() as fleet:
            if self.options.dry:
                return show(find, declared, fleet)
            return carry_out(find, declared, fleet, self.command, self._console)

    @property
    def _console(self) -> Console:
        return console(self.options, self.say, self._watch)

    @cached_property
    def _watch(self) -> Shown | Told | None:
        return watch(self.options)

    def show(self, document: object, lines: Iterable[str]) -> None:
        """Print `document` as JSON where --json is given, else `lines`."""
        if self.options.json:
            output.show_json(document)
        else:
            output.show_lines(lines)

    def end(self, errors: Mapping[str, NodeError], faults: Iterable[object] = ()) -> None:
        """Warn of the nodes that could not be asked, and end with exit code 1 if all is not well.

        Args:
            errors: why nodes could not be asked, by node; a JSON document has them already.
            faults: what else is wrong; the command has shown it already.
        """
        if not self.options.json:
            self.warn([str(error) for error in errors.values()])
        if errors or list(faults):
            raise Exit(code=int(ExitCode.FAILED))

    def finish(self, report: Report) -> None:
        """Show a report and end with its exit code, unless that is 0."""
        if self.options.yaml:
            output.show_yaml(report.as_document())
        elif self.options.json:
            output.show_json(report.as_document())
        else:
            self.warn(report.warnings)
            if report.changed or report.exit_code is not ExitCode.OK or not self.options.quiet:
                output.show_lines(report.as_lines(self._watch.ended_items if self._watch else ()))
        if report.exit_code is not ExitCode.OK:
            raise Exit(code=int(report.exit_code))

    def say(self, line: str) -> None:
        """Show a line of progress."""
        if not self.options.quiet:
            output.progress(line)

    def warn(self, warnings: Sequence[str]) -> None:
        """Show warnings on standard error, each once."""
        for new in dict.fromkeys(each for each in warnings if each not in self._warned):
            self._warned.add(new)
            output.complain(f"skp: warning: {new}")

    def _check_reach(self) -> None:
        """Refuse a --timeout below 0, and an SSH configuration that is not there."""
        if self.options.timeout < 0:
            raise ConfigError(f"--timeout={self.options.timeout}: allowed: seconds from 1 on")
        shown = self.settings.text(key := "SKP_SSH_CONFIG")
        if shown and not self.settings.local_path(key).is_file():
            raise ConfigError(
                f"{self.settings.place(key)}: {key}: there is no file {shown}",
                "./skp.py lab.up makes the practice cluster and that file; for machines of your\n"
                '  own set SKP_SSH_CONFIG="", which means ~/.ssh/config.',
            )

    def _needed(self) -> tuple[Host, ...]:
        """The chosen hosts, and the managers, which are asked about the Swarm and the images."""
        chosen = self.hosts
        return tuple(h for h in self.inventory.hosts if h in chosen or h.is_manager)
