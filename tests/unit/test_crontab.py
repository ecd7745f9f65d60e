"""Our block of a crontab: what is in it and around it, and which schedules cron understands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import ConfigError
from cron import table
from cron.crontab import Entry, check, dumps, parse

PROGRAM = "/opt/my skp/skp.py"
APPLY = Entry("*/10 * * * *", "docker.apply", {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
STATUS = Entry("@daily", "docker.status --nodes 'c01,c02'", {"SKP_ENV": "/etc/50% of it.sh"})
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1)


def test_a_crontab_gets_one_block_and_keeps_the_rest() -> None:
    table = "MAILTO=me\n\n5 4 * * * backup\n"
    written = dumps(table, PROGRAM, [APPLY])
    assert written == (
        "MAILTO=me\n\n5 4 * * * backup\n"
        "# SKP /opt/my skp/skp.py: made by cron.install, ends below\n"
        "*/10 * * * * LANG=C.UTF-8 PATH=/usr/bin:/bin '/opt/my skp/skp.py' "
        "cron.tick -c docker.apply\n"
        "# SKP /opt/my skp/skp.py: end\n"
    )
    assert dumps(written, PROGRAM, [APPLY]) == written
    assert dumps(written, PROGRAM, []) == table


def test_a_per_cent_sign_does_not_end_the_command() -> None:
    assert r"50\% of it" in dumps("", PROGRAM, [STATUS])


def test_another_checkouts_block_is_not_ours() -> None:
    theirs = dumps("", "/srv/skp/skp.py", [APPLY])
    both = dumps(theirs, PROGRAM, [STATUS])
    assert parse(both, PROGRAM) == [STATUS]
    assert dumps(both, PROGRAM, []) == theirs


def test_a_block_without_an_end_is_refused() -> None:
    broken = dumps("", PROGRAM, [APPLY]).rsplit("#", 1)[0] + "1 2 3 4 5 theirs\n"
    with pytest.raises(ConfigError, match="without its end"):
        parse(broken, PROGRAM)


@given(st.lists(st.builds(Entry, st.just("1 2 3 4 5"), TEXT, st.dictionaries(st.just("A"), TEXT))))
def test_what_was_written_is_read(entries: list[Entry]) -> None:
    assert parse(dumps("1 * * * * x\n", PROGRAM, entries), PROGRAM) == entries


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *", "*/10 * * * *", "0 3 * * sun", "1,2-5 0-23/2 1 JAN 7", "@hourly",
        "  5  4 * * *",
    ],
)  # fmt: skip
def test_what_cron_understands(schedule: str) -> None:
    assert check(schedule).split() == schedule.split()


@pytest.mark.parametrize(
    "schedule",
    [
        "", "*", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "@reboot",
        "*/0 * * * *", "5/10 * * * *", "9-3 * * * *", "* * * * * docker.apply", "a * * * *",
        "1, * * * *", "-1 * * * *", "*\n* * * *; x",
    ],
)  # fmt: skip
def test_what_cron_would_refuse_is_refused_before(schedule: str) -> None:
    with pytest.raises(ConfigError, match="allowed"):
        check(schedule)


def test_bytes_and_form_feeds_of_other_lines_stay() -> None:
    before = b"# \xb9\xe9\n1 * * * * echo a\fb\x85 \r\n".decode(errors="surrogateescape")
    entries = [Entry("@daily", "docker.apply", {})]
    with_ours = dumps(before, PROGRAM, entries)
    assert with_ours.startswith(before)
    assert dumps(with_ours, PROGRAM, ()) == before


def test_a_crontab_is_read_and_written_byte_by_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, program = tmp_path / "kept", tmp_path / "crontab"
    kept.write_bytes(b"# \xb9\xe9 Latin-1\n")
    program.write_text(f'#!/bin/sh\n[ "$1" = - ] && exec cat >{kept}\nexec cat {kept}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    table.replace(table.table() + "@daily x\n")
    assert kept.read_bytes() == b"# \xb9\xe9 Latin-1\n@daily x\n"
