"""Which images go: never one in use, never a stranger's, never one that is current."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.commands.image_prune import removable
from cluster.commands.image_rm import parse
from cluster.errors import ConfigError
from cluster.facts.images import Store, Stored, User
from cluster.operations.image_removal import size

IDS = tuple(f"sha256:{letter * 12}" for letter in "abcdef")
OURS = "localhost:5000/skp/x"
NAMES = (f"{OURS}:1", f"{OURS}:2", "mine:1", "skp/registry:latest", "elsewhere:5000/y:1")
DIGESTS = (f"{OURS}@sha256:1", f"{OURS}@sha256:2", "elsewhere:5000/y@sha256:3")

subsets = st.lists(st.sampled_from(DIGESTS), unique=True, max_size=2).map(tuple)


@st.composite
def stores(draw: st.DrawFn) -> Store:
    """Return an engine's images, each name given once as engines do, and containers."""
    free = draw(st.permutations(NAMES))
    images = []
    for identity in draw(st.lists(st.sampled_from(IDS), unique=True, max_size=5)):
        count = draw(st.integers(0, 2))
        tags, free = tuple(free[:count]), free[count:]
        images.append(Stored(identity, tags, draw(subsets), draw(st.booleans()), 10))
    user = st.builds(
        User, st.just("c"), st.sampled_from([*NAMES, *IDS, *DIGESTS]), st.sampled_from(IDS)
    )
    return Store(tuple(images), tuple(draw(st.lists(user, max_size=3))))


current = st.frozensets(st.sampled_from(DIGESTS))


@given(stores(), current)
def test_what_a_container_uses_is_never_pruned(store: Store, live: frozenset[str]) -> None:
    gone = removable(store, live)
    assert not {image.id for image in gone} & {user.image for user in store.users}
    assert not {tag for i in gone for tag in i.tags} & {user.reference for user in store.users}


@given(stores(), current)
def test_a_strangers_image_is_never_pruned(store: Store, live: frozenset[str]) -> None:
    for image in removable(store, live):
        assert image.labelled or any(d.startswith(f"{OURS}@") for d in image.digests)
        assert all(tag.startswith(f"{OURS}:") for tag in image.tags)


@given(stores(), current)
def test_what_a_tag_of_the_registry_means_is_never_pruned(
    store: Store, live: frozenset[str]
) -> None:
    for image in removable(store, live):
        assert not live & set(image.digests)


@given(stores())
def test_what_is_superseded_and_unused_goes(store: Store) -> None:
    idle = Store(store.images)
    expected = [
        image.id
        for image in store.images
        if any(d.startswith(OURS) for d in image.digests)
        and all(tag.startswith(OURS) for tag in image.tags)
    ]
    assert set(expected) <= {image.id for image in removable(idle, frozenset())}


@given(stores(), current)
def test_pruning_leaves_nothing_to_prune(store: Store, live: frozenset[str]) -> None:
    gone = {image.id for image in removable(store, live)}
    after = Store(tuple(i for i in store.images if i.id not in gone), store.users)
    assert removable(after, live) == []


def test_what_was_never_pushed_is_kept_while_it_has_a_name() -> None:
    named = Stored(IDS[0], (f"{OURS}:1",), labelled=True)
    assert removable(Store((named,)), frozenset()) == []
    nameless = Stored(IDS[0], labelled=True)
    assert removable(Store((nameless,)), frozenset()) == [nameless]


TWO_NAMES = Stored(IDS[0], (f"{OURS}:1", f"{OURS}:2"), (DIGESTS[0],))


@pytest.mark.parametrize(
    ("user", "needs"),
    [
        (User("c", f"{OURS}:1", IDS[0]), True),
        (User("c", f"{OURS}:1", IDS[1]), True),
        (User("c", IDS[0], IDS[0]), True),
        (User("c", DIGESTS[0], IDS[0]), True),
        (User("c", f"{OURS}:2", IDS[0]), False),
        (User("c", "mine:1", IDS[1]), False),
    ],
    ids=["by name", "by name, moved on", "by id", "by digest", "by another name", "another image"],
)
def test_a_container_needs_the_name_it_was_made_from(user: User, needs: bool) -> None:
    assert Store((TWO_NAMES,), (user,)).users_of(f"{OURS}:1") == ([user] if needs else [])


def test_a_container_of_the_registrys_image_needs_its_tag_where_the_engine_has_none() -> None:
    image = Stored(IDS[0], (), (DIGESTS[0],))
    user = User("c", DIGESTS[0], IDS[0])
    assert Store((image,), (user,)).users_of(f"{OURS}:1", DIGESTS[0]) == [user]


@pytest.mark.parametrize("name", ["skp/docker-ds", "localhost:5000/skp/docker-ds"])
def test_the_registrys_address_may_stand_before_the_name(name: str) -> None:
    assert parse(name, "1.0").repository == "skp/docker-ds"


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("", "1"), ("a", ""), ("A", "1"), ("a:1", "1"), ("a b", "1"), ("../a", "1"), ("a", "1/2"),
        ("a\r\nHost: x", "1"), ("a", "1\n"),
    ],
)  # fmt: skip
def test_other_names_are_wrong_usage(name: str, tag: str) -> None:
    with pytest.raises(ConfigError):
        parse(name, tag)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (27_024_801, "27 MB"), (5.2e9, "5.2 GB")],
)
def test_sizes_are_short(number: float, words: str) -> None:
    assert size(number) == words
