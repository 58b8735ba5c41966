"""The short reliability cases: every loss is reported. `make chaos` runs all and checks targets."""

from __future__ import annotations

import random

import pytest
from chaos.frame import Case
from chaos.registry import CASES
from chaos.runner import CLOSE_S, run_case

pytestmark = pytest.mark.process

SHORT = [
    pytest.param(case, id=case.name, marks=pytest.mark.timeout(case.limit_s + 2 * CLOSE_S))
    for case in CASES.values() if case.short
]  # fmt: skip


@pytest.mark.parametrize("case", SHORT)
def test_every_loss_is_reported(case: Case) -> None:
    seed = random.randrange(10**6)
    outcome = run_case(case, seed, short=True)
    assert outcome.verdict != "FAIL", f"seed {seed}: {outcome.reason}; {outcome.figures}"
