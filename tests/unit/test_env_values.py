"""Values that bash changes in silence: what is refused, and what is a person's right."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.config import env_values
from cluster.errors import ConfigError

CHANGED = [
    ('"pa$$w0rd"', "its process id in place of $$"),
    ("pa$$w0rd", "its process id in place of $$"),
    ('"a$1b"', "an argument of its own in place of $1"),
    ('"a${2}b"', "an argument of its own in place of $2"),
    ('"$0"', "its own name in place of $0"),
    ('"a$#b"', "the number of its arguments in place of $#"),
    ('"a$*b"', "its arguments in place of $*"),
    ('"a$@b"', "its arguments in place of $@"),
    ('"a$?"', "an exit code in place of $?"),
    ('"a$!"', "a process id in place of $!"),
    ('"a$-b"', "its options in place of $-"),
    ('"a$_ b"', "the last word before in place of $_"),
    ('"a$RANDOM"', "another value each time in place of $RANDOM"),
    ('"${SECONDS}x"', "another value each time in place of $SECONDS"),
    ("'a'\"$$\"", "its process id"),
    ("pa\\ss", "takes the \\ out"),
    ("a{1,2}", "several words of { and }"),
    ("{1..3}", "several words of { and }"),
]
MEANT = [
    "'pa$$w0rd'", '"pa\\$\\$w0rd"', '"$HOME/x"', '"${HOME}/x"', '"$SKP_HOME$SKP_NET"', "'a\\b'",
    '"a\\\\b"', '"a{1,2}"', "'{1,2}'", "plain # costs $$ and \\ more", '"5$ a day"', '"a$"',
    "\"$(awk '{print $1}' /etc/hostname)\"", "$(echo $(echo $$))", "`echo $$`", "~/skp",
    "a; echo $1", "'it'\\''s'", "${HOME}", '"$_HOME"', '"$RANDOMLY"', '"a#$HOME"', "{}", "a{b}",
]  # fmt: skip


@pytest.mark.parametrize(("value", "told"), CHANGED)
def test_a_value_that_bash_changes_is_refused(value: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        env_values.check(Path("bin/env.sh"), f"# $$\nexport JUPYTER_PASSWORD={value}")
    assert refused.value.what.startswith("bin/env.sh:2: JUPYTER_PASSWORD: bash ")
    assert told in refused.value.what
    assert "export JUPYTER_PASSWORD='...'" in refused.value.hint


@pytest.mark.parametrize("value", MEANT)
def test_a_value_that_a_person_means_is_left(value: str) -> None:
    env_values.check(Path("bin/env.sh"), f"export JUPYTER_PASSWORD={value}")


def test_other_lines_are_the_scripts_own() -> None:
    env_values.check(Path("bin/env.sh"), 'echo $$ "$1"\nsource "$0"\n[ $# = 0 ]\n')
