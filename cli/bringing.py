"""deploy.apply and deploy.plan: what files say, one or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cli import deployed, deployments
from cli.session import Session
from cluster.errors import ConfigError, ConfigErrors, SkpError, together

if TYPE_CHECKING:
    from workloads.form import Form
    from workloads.gate import Applied, Gate
    from workloads.phases import Row
    from workloads.steps import Step

T = TypeVar("T")
R = TypeVar("R")
# Deployments that are let in and waited for at the same time: sshd gives a connection ten channels.
_AT_ONCE = 4


def forms(s: Session, files: str) -> list[Form]:
    """Read files, named with commas between them.

    Raises:
        ConfigErrors: with what is wrong in all of them.
    """
    return each(lambda file: deployments.form_of(s, file), files.split(","))


def plan(s: Session, way: Gate, wanted: Sequence[Form], project: str) -> list[Step]:
    """Show what would be done, and return it."""
    _apart(way, wanted, project)
    steps = [step for form in wanted for step in way.plan(form, project)]
    deployments.show_plan(s, steps)
    return steps


def bring(
    s: Session,
    way: Gate,
    wanted: Sequence[Form],
    project: str,
    how: Callable[[Form, str], Applied],
) -> None:
    """Have deployments made or changed, and wait until each works. One that does not is told.

    Args:
        how: `Gate.let_in` or `Gate.change`.

    Raises:
        SkpError: one of them does not work; the others do.
    """
    _apart(way, wanted, project)
    if len(wanted) == 1:
        deployments.carried_out(s, way, lambda: how(wanted[0], project))
        return
    from concurrent.futures import ThreadPoolExecutor

    with deployments.audited(s, way), ThreadPoolExecutor(_AT_ONCE) as pool:
        # (All are begun before any is waited for: most work by then.)
        begun = list(pool.map(lambda form: _tried(lambda: how(form, project)), wanted))
        ended = list(pool.map(partial(_ended, s, way), begun))
    rows = [row for each in ended if not isinstance(each, SkpError) for row in each]
    errors = [each for each in ended if isinstance(each, SkpError)]
    if rows and not (errors and s.options.json):
        deployed.show(s, rows)
    if errors:
        raise together(errors, f"{len(errors)} of {len(wanted)} deployments failed.")


def _tried(do: Callable[[], T]) -> T | SkpError:
    try:
        return do()
    except SkpError as error:
        return error


def _ended(s: Session, way: Gate, begun: Applied | SkpError) -> tuple[Row, ...] | SkpError:
    if isinstance(begun, SkpError):
        return begun
    return _tried(lambda: deployments.ended(s, way, begun))


def _apart(way: Gate, wanted: Sequence[Form], project: str) -> None:
    """Refuse two files of one deployment; each waits for the other's otherwise."""
    names = each(lambda form: way.whose(form, project), wanted)
    seen: dict[str, Form] = {}
    for of, form in zip(names, wanted, strict=True):
        if of in seen:
            what = f"{of}: {seen[of].path} and {form.path} both say it"
            raise ConfigError(what, "Name one of them.")
        seen[of] = form


def each(do: Callable[[T], R], over: Sequence[T]) -> list[R]:
    """Return what `do` returns for each; raises ConfigErrors with what is wrong with any."""
    found, errors = list[R](), list[ConfigError]()
    for one in over:
        try:
            found.append(do(one))
        except ConfigErrors as wrong:
            errors += wrong.errors
        except ConfigError as wrong:
            errors.append(wrong)
    if errors:
        raise ConfigErrors(errors)
    return found
