"""The mutants of operations fit the operations as they are; `tests.support.mutants` runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mutant_data import MUTANTS, Mutant
from tests.support.mutants import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_mutant_s_text_is_there_once(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_mutant_s_tests_are_there(mutant: Mutant) -> None:
    folder = Path(__file__).parent
    assert [name for name in mutant.tests if not (folder / f"{name}.py").is_file()] == []
