"""Write a chaos run's results to `docs/reliability.md`."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime

from chaos.frame import Case
from chaos.runner import Outcome

HEAD = """# Reliability tests

`make chaos` starts real processes on the embedded exchange, injects the faults below into
processes, machine and exchange, and compares what a subscriber received with what the exchange
sent: every event was received once and in order, or lies in a range that the stream reported as
missing. `make chaos` writes this file, including the cases that miss their target.

Seed {seed} (`SEED={seed} make chaos` repeats the run; timing depends on the machine), {date},
{cores} cores, load {load}, {system}, {minutes} min. {count}

| case | fault | target | result | |
|---|---|---|---|---|
"""
FOOT = """
"0 unflagged" is the verdict of `feedd audit` ([audit.md](audit.md)) on the recording of `feedd
tail --json`: no event that the exchange generated, sent or not, is missing outside a range that
the stream reported; none was duplicated, out of order, altered or invented; each book equals the
sum of its updates; each feed reported in time that it was not live, and was live again in time.
"Flagged" events lie in a reported range. The exchange's faults are described in
[faults.md](faults.md).

Not covered: a subscriber at a Unix socket may subscribe without limit (processes of the same user
only), and many subscribers within their quota use memory each.
"""


class Report:
    """The rows of a run, in the order of the cases."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._began_s = time.monotonic()
        self._load = os.getloadavg()[1]
        self._rows: list[tuple[Case, Outcome]] = []

    def add(self, case: Case, outcome: Outcome) -> None:
        self._rows.append((case, outcome))

    @property
    def exit_code(self) -> int:
        return int(any(outcome.verdict == "FAIL" for _, outcome in self._rows))

    def text(self) -> str:
        verdicts = [outcome.verdict for _, outcome in self._rows]
        counts = [(len(verdicts), "cases")]
        counts += [(verdicts.count(verdict), verdict) for verdict in ("PASS", "FAIL", "skipped")]
        head = HEAD.format(
            seed=self._seed, date=datetime.now(UTC).date().isoformat(), cores=os.cpu_count(),
            system=f"{platform.system()}, Python {platform.python_version()}",
            load=f"{self._load:.0f} before and {os.getloadavg()[1]:.0f} at the end",
            minutes=round((time.monotonic() - self._began_s) / 60),
            count=f"{', '.join(f'{count} {what}' for count, what in counts if count)}.",
        )  # fmt: skip
        return head + "".join(_row(case, outcome) for case, outcome in self._rows) + FOOT


def _row(case: Case, outcome: Outcome) -> str:
    verdict = outcome.verdict if not outcome.reason else f"{outcome.verdict}: {outcome.reason}"
    cells = (case.name, case.what, case.target, outcome.figures, verdict)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"
