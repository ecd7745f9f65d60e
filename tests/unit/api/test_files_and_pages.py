"""Files of deployments, and pages of lists: what is taken, and what becomes of it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import files, paging
from api.problems import ProblemError
from gate.spool import MOST, unpacked


def tarred(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as tar:
        for member in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return found.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


@given(st.dictionaries(st.text(min_size=1, max_size=30), st.text(max_size=30), min_size=1))
def test_what_is_taken_is_what_the_gate_unpacks(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    try:
        archive = files.archive("web", files.of_texts(texts))
    except ProblemError as error:
        assert error.status == 422
        return
    folder = tmp_path_factory.mktemp("spool")
    unpacked(archive, folder)
    top = folder / "Deployments" / "web"
    found = {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}
    assert found == {path: text.encode(errors="surrogatepass") for path, text in texts.items()}


@pytest.mark.parametrize(
    "path", ["", ".", "..", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a\nb", "ä", "a" * 201]
)
def test_a_path_stays_in_the_folder(path: str) -> None:
    with pytest.raises(ProblemError) as refused:
        files.of_texts({path: ""})
    assert refused.value.status == 422


def test_a_file_is_in_no_other_files_place() -> None:
    with pytest.raises(ProblemError, match="where its folder would be"):
        files.of_texts({"a": "", "a/b/c": ""})


@pytest.mark.parametrize(
    "odd",
    [
        member("x", tarfile.SYMTYPE, "/etc/passwd"), member("x", tarfile.LNKTYPE, "y"),
        member("x", tarfile.FIFOTYPE), member("x", tarfile.CHRTYPE), member("/etc/x"),
        member("../x"), member("./../x"),
    ],
)  # fmt: skip
def test_an_archive_has_plain_files_alone(odd: tarfile.TarInfo) -> None:
    with pytest.raises(ProblemError) as refused:
        files.of_archive(tarred(member("./deployment.yaml"), odd))
    assert refused.value.status == 422


def test_an_archive_of_names_of_names_is_refused() -> None:
    name = member("././@LongLink", b"L")
    name.size = 1
    header = name.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")
    with pytest.raises(ProblemError) as refused:
        files.of_archive(header * 1200 + tarred(member("a")))
    assert refused.value.status == 422


def test_an_archive_is_a_folders() -> None:
    top = member(".", tarfile.DIRTYPE)
    found = files.of_archive(tarred(top, member("./a.yaml"), member("b/c"), member("d/.e")))
    assert sorted(found) == ["a.yaml", "b/c", "d/.e"]
    with pytest.raises(ProblemError, match="there twice"):
        files.of_archive(tarred(member("a"), member("./a")))
    with pytest.raises(ProblemError, match="there are no files"):
        files.of_archive(tarred(top))


def test_there_are_not_too_many() -> None:
    with pytest.raises(ProblemError) as refused:
        files.of_texts({str(number): "" for number in range(MOST + 1)})
    assert refused.value.status == 413
    much = {str(number): "x" * (1 << 20) for number in range(17)}
    with pytest.raises(ProblemError) as refused:
        files.archive("web", files.of_texts(much))
    assert refused.value.status == 413
    with pytest.raises(ProblemError) as refused:
        files.of_archive(tarred(*(member(".", tarfile.DIRTYPE) for _ in range(5 * MOST))))
    assert refused.value.status == 413


@given(st.sets(st.text("abc", min_size=1, max_size=4)), st.integers(1, 5), st.booleans())
def test_pages_together_are_the_list(names: set[str], size: int, falls: bool) -> None:
    items, seen, token = sorted(names, reverse=falls), list[str](), ""
    for _ in range(len(items) + 1):
        shown, token = paging.page(items, str, "these", size, token)
        seen += shown
        if not token:
            break
    assert seen == items


@pytest.mark.parametrize("token", ["x", "YWJj", "a" * 300, "ä", "=", "AAAAAAAAAAAAAAAA"])
def test_a_token_of_another_list_is_refused(token: str) -> None:
    _, other = paging.page(["a", "b"], str, "those", 1, "")
    for each in (token, other):
        with pytest.raises(ProblemError, match="page_token"):
            paging.page(["a", "b"], str, "these", 1, each)


def test_the_server_brings_nothing_of_the_engine(tmp_path: Path) -> None:
    import subprocess
    import sys

    asked = "import sys, api.server; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name for name in done.stdout.split() if name.partition(".")[0] in ("gate", "cluster")}
    # (What reads a deployment.yaml asks nobody: `lint-imports` holds it to that.)
    others = {name for name in loaded if not name.startswith("cluster.config")}
    own = {"cluster", "cluster.errors", "cluster.deadlines"}
    assert others == {"gate", "gate.spool", *own}
    assert {"fabric", "paramiko", "docker", "invoke", "cli"} & set(done.stdout.split()) == set()
