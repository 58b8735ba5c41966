"""`python -m chaos [CASE …]`: all cases, or those whose name contains a word; writes the report."""

from __future__ import annotations

import os
import signal
import sys
import time

from conftest import REPOSITORY

from chaos.registry import CASES
from chaos.report import Report
from chaos.runner import run_case

REPORT = REPOSITORY / "docs" / "reliability.md"


def main(words: list[str]) -> int:
    """Run cases one after the other; return 1 where one failed or missed its target."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background of a shell
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    seed = int(os.environ.get("SEED") or time.time_ns() // 10**6 % 10**6)
    cases = [c for c in CASES.values() if not words or any(word in c.name for word in words)]
    print(
        f"seed {seed}: SEED={seed} make chaos does the same again; {len(cases)} cases", flush=True
    )
    report = Report(seed)
    for case in cases:
        print(f"{case.name}: {case.what} …", flush=True)
        outcome = run_case(case, seed, short=False)
        report.add(case, outcome)
        print(f"    {outcome.verdict} in {outcome.took_s:.0f} s: {outcome.figures}", flush=True)
        if outcome.reason:
            print(f"    {outcome.reason}", flush=True)
    if words:
        print("no report is written of a part of the cases")
    else:
        REPORT.write_text(report.text())
        print(f"written: {REPORT}")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
