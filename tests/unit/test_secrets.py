"""Secrets: generated when absent, kept, never shown."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cluster.config import secrets, secrets_file
from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets
from cluster.config.settings import Settings
from cluster.errors import ConfigError
from cluster.model.spec import Container, Image, SecretFile, fingerprint


def settings(**passwords: str) -> Settings:
    return Settings(Path("env.sh"), {}, passwords)


def kept(generation: int, **values: str) -> StoredSecrets:
    return StoredSecrets({key: Secret(value) for key, value in values.items()}, generation)


def test_what_nobody_has_is_generated() -> None:
    found = secrets.resolve(settings(A=""), StoredSecrets(), {})
    assert found.generated == (SPEC_KEY, "A")
    assert len(found.values["A"].reveal()) >= 24
    assert found.values["A"] != found.values[SPEC_KEY]
    assert found.stored == StoredSecrets(found.values, 1)


def test_a_given_password_is_used_and_not_kept() -> None:
    given = 'it\'s "hostile" $HOME `id` \\ 한글'
    found = secrets.resolve(settings(A=given), StoredSecrets(), {})
    assert found.values["A"].reveal() == given
    assert "A" not in found.stored.values


def test_the_clusters_newest_copy_is_the_truth() -> None:
    new = kept(3, A="new", SKP_SPEC_KEY="k")
    copies = {"c01": kept(2, A="old", SKP_SPEC_KEY="k"), "c02": new}
    found = secrets.resolve(settings(A=""), kept(9, A="mine", SKP_SPEC_KEY="k"), copies)
    assert found.values["A"].reveal() == "new"
    assert found.overruled == ("A",)
    assert found.stored == found.local == new


def test_a_copy_that_jumps_ahead_with_other_values_is_refused() -> None:
    """Whoever writes a number of his choice into a manager's file would dictate all secrets."""
    mine, theirs = kept(3, A="mine", SKP_SPEC_KEY="k"), kept(999_999, A="x", SKP_SPEC_KEY="k")
    with pytest.raises(ConfigError, match=r"c02: .*999996 changes .* A differ") as caught:
        secrets.resolve(settings(A=""), mine, {"c01": mine, "c02": theirs})
    assert "move etc/secrets.env away" in caught.value.hint
    assert "'x'" not in str(caught.value)


def test_a_copy_that_only_has_more_may_be_far_ahead() -> None:
    theirs = kept(7, A="mine", B="b", SKP_SPEC_KEY="k")
    mine = kept(2, A="mine", SKP_SPEC_KEY="k")
    assert secrets.resolve(settings(A="", B=""), mine, {"c01": theirs}).stored == theirs


def test_one_change_by_another_person_is_taken() -> None:
    theirs, mine = kept(4, A="new", SKP_SPEC_KEY="k"), kept(3, A="old", SKP_SPEC_KEY="k")
    assert secrets.resolve(settings(A=""), mine, {"c01": theirs}).overruled == ("A",)


def test_a_key_that_no_setting_has_stays_with_the_managers() -> None:
    """A newer SKP may have it; here a shell that reads the file would set PATH by it."""
    theirs = StoredSecrets(
        {k: Secret("v") for k in (SPEC_KEY, "A", "PATH", "X; touch /tmp/p #", "b")}, 2
    )
    found = secrets.resolve(settings(A=""), StoredSecrets(), {"c01": theirs})
    assert set(found.local.values) == {SPEC_KEY, "A"}
    assert set(found.stored.values) == {SPEC_KEY, "A", "PATH"}
    assert set(found.values) == {SPEC_KEY, "A"}


def test_a_new_cluster_begins_with_what_this_machine_has() -> None:
    mine = kept(4, A="mine", SKP_SPEC_KEY="k")
    found = secrets.resolve(settings(A=""), mine, {})
    assert found.stored == mine
    assert found.generated == found.overruled == ()


def test_a_new_service_adds_to_what_the_cluster_has() -> None:
    found = secrets.resolve(
        settings(A="", B=""), StoredSecrets(), {"c01": kept(3, A="a", SKP_SPEC_KEY="k")}
    )
    assert found.generated == ("B",)
    assert found.stored.generation == 4
    assert found.stored.values["A"].reveal() == "a"


keys = st.sampled_from(["A", "B", SPEC_KEY])
values = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
copies = st.builds(
    lambda found, generation: kept(generation, **found),
    st.dictionaries(keys, values),
    st.integers(1, 5),
)


@given(st.lists(copies, max_size=3), copies)
def test_once_every_manager_has_it_nothing_changes_any_more(
    some: list[StoredSecrets], local: StoredSecrets
) -> None:
    wanted = settings(A="", B="")
    try:
        first = secrets.resolve(wanted, local, {str(n): copy for n, copy in enumerate(some)})
    except ConfigError:
        assume(False)
    again = secrets.resolve(wanted, first.stored, {"c01": first.stored})
    assert again == replace(first, generated=(), overruled=())


@given(copies)
def test_what_is_written_is_read_back(some: StoredSecrets) -> None:
    assert secrets.parse(some.dumps()) == some


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / secrets_file.FILE
    secrets_file.write(file, kept(1, A="x"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secrets_file.read(file) == kept(1, A="x")


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / secrets_file.FILE
    path.write_text("# mine\nA='it'\"'\"'s $HOME'\n", encoding="utf-8")
    path.chmod(0o600)
    assert secrets_file.read(path).values["A"].reveal() == "it's $HOME"


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / secrets_file.FILE
    path.write_text("A=x\n", encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        secrets_file.read(path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        secrets_file.check(tmp_path / "none" / secrets_file.FILE)


@given(st.text(min_size=1))
def test_a_secret_does_not_show_itself(text: str) -> None:
    assert repr(Secret(text)) == "Secret(***)"
    assert str([Secret(text)]) == "[Secret(***)]"


def test_a_description_holds_no_secret_and_no_plain_hash_of_one() -> None:
    container = Container(
        node="c01",
        name="x",
        service="x",
        image=Image("skp/x"),
        files=(SecretFile("password", Secret("hunter2")),),
    )
    one = container.described("sha256:0", Secret("key one"))
    two = container.described("sha256:0", Secret("key two"))
    assert "hunter2" not in json.dumps(one)
    assert one["files"] != two["files"]
    assert fingerprint(one, Secret("key one")) != fingerprint(one, Secret("key two"))


def test_the_mark_tells_secrets_apart_and_needs_their_key() -> None:
    one = StoredSecrets({SPEC_KEY: Secret("k1"), "A": Secret("x")}, 1)
    same = StoredSecrets({"A": Secret("x"), SPEC_KEY: Secret("k1")}, 1)
    others = [
        StoredSecrets({SPEC_KEY: Secret("k1"), "A": Secret("y")}, 1),
        StoredSecrets({SPEC_KEY: Secret("k2"), "A": Secret("x")}, 1),
        StoredSecrets({SPEC_KEY: Secret("k1"), "A": Secret("x")}, 2),
    ]
    assert one.mark == same.mark
    assert len({one.mark, *(other.mark for other in others)}) == 4
    assert StoredSecrets({"A": Secret("x")}, 1).mark == ""
