"""One case, within its time, and what came of it."""

from __future__ import annotations

import signal
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from chaos.frame import Case, Run, Skipped

CLOSE_S = 30  # for what belongs to a case to end
Verdict = Literal["PASS", "FAIL", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """`reason` is why it is not PASS."""

    verdict: Verdict
    figures: str
    reason: str
    took_s: float


def seed_of(case: Case, seed: int) -> int:
    """Return a case's own seed, the same whichever others run."""
    return zlib.crc32(f"{seed} {case.name}".encode()) % 10**6


def run_case(case: Case, seed: int, *, short: bool, **environment: str) -> Outcome:
    """Run a case, its processes with more in their environment; what it raises is its outcome."""
    began_s = time.monotonic()
    run = Run(seed_of(case, seed), short, environment)
    reason, verdict = "", "PASS"
    try:
        with _limited(case.limit_s, "the case"):
            case.run(run)
    except Skipped as missing:
        verdict, reason = "skipped", str(missing)
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  it is the finding
        verdict, reason = "FAIL", _one_line(error)
    except BaseException:  # Ctrl-C
        run.close()
        raise
    try:
        with _limited(CLOSE_S, "its end"):
            run.close()
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001
        verdict, reason = "FAIL", f"{reason} {_one_line(error)}".strip()
    missed = [figure.text for figure in run.figures if not figure.met]
    if missed and verdict == "PASS":
        verdict, reason = "FAIL", f"{'; '.join(missed)}. {case.known}".rstrip(". ")
    figures = "; ".join(figure.text for figure in run.figures)
    return Outcome(verdict, figures, reason, time.monotonic() - began_s)


@contextmanager
def _limited(seconds: float, what: str) -> Iterator[None]:
    def over(*_: Any) -> None:
        raise TimeoutError(f"{what} took longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _one_line(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) < 300 else f"{text[:297]}…"
