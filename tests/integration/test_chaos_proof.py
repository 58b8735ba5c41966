"""The reliability checks detect a product that is broken on purpose, inside its process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from chaos.broken import (
    DROPS_AFTER_NUMBERING,
    DROPS_BEFORE_NUMBERING,
    IGNORES_PU,
    NEITHER_REPAIRS_NOR_REPORTS,
    on_path,
)
from chaos.frame import Case, Run
from chaos.process import within
from chaos.registry import CASES
from chaos.runner import Outcome, run_case
from chaos.upstream import Upstream

DROPPED = 8  # of fewer, the exchange may send all levels again before a book is published

pytestmark = pytest.mark.process


def with_fault(folder: Path, *faults: str) -> Outcome:
    return run_case(CASES["nothing is done"], 1, short=True, **on_path(folder / "broken", *faults))


def test_an_event_that_is_dropped_before_it_is_numbered_is_found_by_the_exchanges_ids(
    tmp_path: Path,
) -> None:
    outcome = with_fault(tmp_path, DROPS_BEFORE_NUMBERING)
    assert outcome.verdict == "FAIL", outcome.figures
    assert "missing=" in outcome.reason


def test_an_event_that_is_dropped_after_it_was_numbered_is_flagged(
    tmp_path: Path,
) -> None:
    outcome = with_fault(tmp_path, DROPS_AFTER_NUMBERING)
    assert outcome.verdict == "PASS", outcome.reason
    assert " 0 unflagged" in outcome.figures
    assert " 0 flagged" not in outcome.figures


def test_a_client_that_neither_repairs_nor_reports_is_detected(tmp_path: Path) -> None:
    outcome = with_fault(tmp_path, DROPS_AFTER_NUMBERING, NEITHER_REPAIRS_NOR_REPORTS)
    assert outcome.verdict == "FAIL", outcome.figures
    assert "missing=" in outcome.reason


def depth_events_left_out(run: Run) -> None:
    upstream = Upstream(run)
    upstream.settle()  # what is left out before there is a book is missing in none
    ids = upstream.events("drop", "book", count=DROPPED)
    within(30, lambda: sum(upstream.fired(*ids)) == DROPPED * len(ids), "depth events are left out")
    for one in upstream.feeds:
        topic = f"book.{one.name}"
        before = sum(line.get("topic") == topic for line in upstream.recorder.lines)
        within(
            60,
            lambda t=topic, b=before: sum(
                line.get("topic") == t for line in upstream.recorder.lines
            ) > b + 20,
            "books go on",
        )  # fmt: skip
    upstream.end()


LEFT_OUT = Case("depth left out", "", "", 120, depth_events_left_out, short=True, known="")


def test_a_book_that_continues_across_a_gap_is_found(tmp_path: Path) -> None:
    outcome = run_case(LEFT_OUT, 1, short=True, **on_path(tmp_path / "broken", IGNORES_PU))
    assert outcome.verdict == "FAIL", outcome.figures
    assert "missing=" in outcome.reason
    assert " wrong=" in outcome.reason
    whole = run_case(LEFT_OUT, 1, short=True)
    assert whole.verdict == "PASS", whole.reason


@pytest.mark.process
def test_a_fault_whose_target_is_missing_ends_the_process(tmp_path: Path) -> None:
    environment = {**os.environ, **on_path(tmp_path, "import feedd.no_such_module")}
    done = subprocess.run(
        [sys.executable, "-c", "print('goes on')"], env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "goes on" not in done.stdout
    assert "the fault can't be applied" in done.stderr
