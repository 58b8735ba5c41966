"""The checks of chaos find what they are for: the product is broken on purpose, in its process."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos.broken import (
    DROPS_AFTER_NUMBERING,
    DROPS_BEFORE_NUMBERING,
    NEITHER_REPAIRS_NOR_TELLS,
    on_path,
)
from chaos.registry import CASES
from chaos.runner import Outcome, run_case

pytestmark = pytest.mark.timeout(240)


def with_fault(folder: Path, *faults: str) -> Outcome:
    return run_case(CASES["nothing is done"], 1, short=True, **on_path(folder / "broken", *faults))


def test_an_event_that_is_dropped_before_it_is_numbered_is_found_by_the_exchanges_ids(
    tmp_path: Path,
) -> None:
    outcome = with_fault(tmp_path, DROPS_BEFORE_NUMBERING)
    assert outcome.verdict == "not"
    assert "missing=0" not in outcome.reason
    assert "missing=" in outcome.reason


def test_an_event_that_is_dropped_after_it_was_numbered_is_flagged_and_so_not_silent(
    tmp_path: Path,
) -> None:
    outcome = with_fault(tmp_path, DROPS_AFTER_NUMBERING)
    assert outcome.verdict == "PASS", outcome.reason
    assert " 0 unflagged" in outcome.figures
    assert " 0 flagged" not in outcome.figures


def test_a_client_that_neither_repairs_nor_tells_is_found(tmp_path: Path) -> None:
    outcome = with_fault(tmp_path, DROPS_AFTER_NUMBERING, NEITHER_REPAIRS_NOR_TELLS)
    assert outcome.verdict == "not"
    assert "missing=0" not in outcome.reason
    assert "missing=" in outcome.reason
