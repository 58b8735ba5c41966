"""`docs/reliability.md`, written by the run that it reports."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime

from chaos.frame import Case
from chaos.runner import Outcome

HEAD = """# What was done to it, and what came of it

`make chaos` starts real processes on the embedded exchange, does to them what is written below,
has the exchange close, lie and refuse, and holds what a subscriber saw against what the exchange
sent: each event was seen once and in order, or lies in a range that the stream said was missing. It
wrote this file; a case that misses its target says so here.

Seed {seed} (`SEED={seed} make chaos` does the same again; the timing is the machine's own), {date},
{cores} cores, load {load}, {system}, {minutes} min. {count}

| case | what is done | target | got | |
|---|---|---|---|---|
"""
FOOT = """
"0 unflagged" is the verdict of `feedd audit` ([audit.md](audit.md)) on what `feedd tail --json`
recorded: no event that the exchange made, and be it sent to nobody, is missing outside of what the
stream told of; none came twice, out of order, altered or from nowhere; each book is what its
updates make it; each feed said in time that it was not live, and was again in time. "Flagged" are
those in a range that was told. The exchange's faults are described in [faults.md](faults.md).

Not covered: a subscriber at a Unix socket may subscribe without bound (processes of the same user
only), and many subscribers within their quota take memory each.
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
        return int(any(outcome.verdict == "not" for _, outcome in self._rows))

    def text(self) -> str:
        verdicts = [outcome.verdict for _, outcome in self._rows]
        counts = [(len(verdicts), "cases")]
        counts += [(verdicts.count(verdict), verdict) for verdict in ("PASS", "not", "skipped")]
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
