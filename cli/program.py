"""Invoke's Program with our options in front of the task's name, and our exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable

from invoke import Collection, Exit, ParseError, Program
from invoke.parser import Argument, Parser, ParserContext

from cli import options, output
from cli.command import fail
from cli.listing import examples, listed
from cluster.errors import ConfigError, nearest

VERSION = "0.3.0"
# Options whose value is the next word.
_TAKE_VALUES = (
    *("--services", "-s", "--key", "-k", "--interval", "-i", "--name", "-n", "--level", "-l"),
    *("--audience", "-a", "--password", "-p", "--account", "--owner", "-o", "--role", "-r"),
    *("--file", "--fingerprint", "-f", "--tail", "-t", "--since", "--command", "-c", "--part"),
    *("--project", "--limits", "--root", "--credentials", "--to", "--log"),
    *("--label", "--days", "-d"),
    *(f"--{argument.name}" for argument in options.arguments() if argument.takes_value),
)
_OF_ACCOUNTS = (
    *("add", "rm", "password", "token", "disable", "enable"),
    *("level", "keys", "key-add", "key-rm", "token-add", "tokens", "token-rm"),
)
_OF_DEPLOYMENTS = ("exec", "history", "logs", "restore", "rollback")
_OF_PROJECTS = ("add", "rm", "member-set", "member-rm")
# Tasks that take words after their name, and the option that these are.
_TAKE_WORDS = {
    **dict.fromkeys(("docker.apply", "docker.plan", "docker.status"), "services"),
    **dict.fromkeys(("secrets.show", "secrets.rotate"), "key"),
    **dict.fromkeys(("docker.image-admit", "image.mirror"), "reference"),
    **dict.fromkeys((f"account.{verb}" for verb in _OF_ACCOUNTS), "name"),
    **dict.fromkeys((f"project.{verb}" for verb in _OF_PROJECTS), "name"),
    **dict.fromkeys(("config.import", "deploy.apply", "deploy.convert", "deploy.plan"), "file"),
    **dict.fromkeys(
        (f"deploy.{v}" for v in ("exec", "history", "logs", "restore", "rollback")), "name"
    ),
    "deploy.evacuate": "node",
    **dict.fromkeys((f"deploy.{v}" for v in ("quota", "volumes", "pushes")), "project"),
    **dict.fromkeys(("deploy.git-init", "deploy.git-rm"), "project"),
    "deploy.secret": "name",
    "deploy.rm": "row",
}
# What takes no value there, though it does elsewhere.
_FLAGS = {("deploy.logs", "-f")}
# What of these has dots too, and may look like a task.
_FILES = "file"


class SkpProgram(Program):
    """The command line: `skp.py [options] task [options] ...`."""

    def core_args(self) -> list[Argument]:
        """Add the common options to Invoke's own."""
        own = super().core_args()
        names = frozenset(name for argument in own for name in argument.names)
        return [*own, *options.arguments(but=names)]

    def parse_core(self, argv: list[str] | None) -> None:
        """Read what stands before the task's name; a wrong word is wrong usage."""
        _as_usage_error(super().parse_core, argv)

    def parse_tasks(self) -> None:
        """Read the tasks and their options; a wrong word is wrong usage."""
        self.core.unparsed = join_words(self.core.unparsed)
        names = self.collection.task_names
        unknown = [w for w in self.core.unparsed if "." in w and w not in names]
        hint = nearest(unknown[0], names) if unknown and unknown[0][0] != "-" else ""
        _as_usage_error(super().parse_tasks, hint=hint)

    def _make_parser(self) -> Parser:
        """Return a parser of the tasks that are named; of all where a shell asks for words.

        Invoke makes all tasks' options, and copies them for each line that it reads.
        """
        words = {*self.core.unparsed, self.args.help.value}
        named = [
            ParserContext(name, aliases, self.collection[name].get_arguments())
            for name, aliases in self.collection.task_names.items()
            if self.args.complete.value or not words.isdisjoint((name, *aliases))
        ]
        return Parser(contexts=named, initial=self.initial_context)

    def update_config(self, merge: bool = True) -> None:
        """Hand the options before the task's name on to the tasks."""
        super().update_config(merge)
        names = [str(argument.name) for argument in options.arguments()]
        given = {name: self.args[name].value for name in names}
        self.config["skp"] = given  # type: ignore[assignment]

    def parse_cleanup(self) -> None:
        """Show help, the list, or what a shell may offer next."""
        if self.args.complete.value and not self.args.list.value:
            from cli.completion import candidates

            found = candidates(self.core.remainder)
            if found is not None:
                output.show("\n".join(found))
                raise Exit
        super().parse_cleanup()

    def list_flat(self) -> None:
        """List the commands by what they are about; those of one namespace as Invoke does."""
        if self.list_root:
            super().list_flat()
            return
        output.show("Commands (./skp.py --help COMMAND says more):\n")
        output.show_lines(listed(dict(self._make_pairs(self.scoped_collection))))

    def print_task_help(self, name: str) -> None:
        """Print a command's help, and what a person may type to use it."""
        super().print_task_help(name)
        output.show("Examples:")
        for example in examples(name):
            output.show(f"{self.leading_indent}{example}")
        output.show("")

    def no_tasks_given(self) -> None:
        """Show the commands when none was given."""
        self.list_tasks()
        raise Exit


def _as_usage_error(function: Callable[..., None], *arguments: object, hint: str = "") -> None:
    """Run a part of Invoke's parsing; ValueError is what it raises for `--timeout=abc`."""
    try:
        function(*arguments)
    except (ParseError, ValueError) as error:
        what = f"a number is expected, not {str(error).rsplit(': ', 1)[-1]}"
        usage = ConfigError(
            f"{error}{hint}" if isinstance(error, ParseError) else what,
            "./skp.py --list shows the commands, ./skp.py --help TASK their options",
        )
        fail(usage, "--json" in sys.argv)


def join_words(words: list[str]) -> list[str]:
    """Turn `docker.apply jupyter spark` into one option, since Invoke reads words as tasks."""
    result: list[str] = []
    named: list[str] = []
    task = taking = previous = ""
    for word in words:
        is_value = previous in _TAKE_VALUES and (task, previous) not in _FLAGS
        if _is_task(word) and not is_value and taking != _FILES:
            result += _option(taking, named)
            task, named, taking = word, [], _TAKE_WORDS.get(word, "")
            result.append(word)
        elif taking and not word.startswith("-") and not is_value:
            named.append(word)
        else:
            result.append(word)
        previous = word
    return [*result, *_option(taking, named)]


def _is_task(word: str) -> bool:
    """Whether a word names a task: it has a dot, and is no option and no image."""
    return "." in word and not word.startswith("-") and not {"/", ":"} & set(word)


def _option(name: str, words: list[str]) -> list[str]:
    return [f"--{name}={','.join(words)}"] if words else []


def program(ns: Collection) -> SkpProgram:
    """Return the program over all tasks of `ns`."""
    return SkpProgram(name="SKP", version=VERSION, namespace=ns, binary="skp.py")
