"""The product's own auditor, `feedd audit`, on what the exchange sent and a recorder saw."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import PYTHON, clean_environment

# On a busy machine a state may be this late; only that it is reported counts.
LENIENT = ("--closed-s", "20", "--silences", "6", "--live-s", "120", "--stale-s", "20")
SHOWN = 4


@dataclass(frozen=True)
class Findings:
    """Of all topics: `breaches` is of any kind, `flagged` and `seen` are events of the exchange."""

    seen: int
    flagged: int
    breaches: int
    words: str  # the kinds of breach, and the first of them


def audit(truth: Path, seen: Path, folder: Path, *, lenient: bool) -> Findings:
    """Return the audit's result; raise AssertionError if it cannot judge."""
    done = subprocess.run(
        [PYTHON, "-m", "feedd", "audit", str(truth), str(seen), "--json",
         *(LENIENT if lenient else ())],
        cwd=folder, capture_output=True, text=True, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(report["breaches"]), report
    events = [counts for name, counts in report["topics"].items() if not name.startswith("status.")]
    kinds = ("missing", "twice", "out_of_order", "unknown", "wrong", "late", "never")
    sums = {kind: sum(counts[kind] for counts in report["topics"].values()) for kind in kinds}
    first = [f"{one['topic']} {one['ns']} {one['what']}" for one in report["first"][:SHOWN]]
    return Findings(
        seen=sum(counts["seen"] for counts in events),
        flagged=sum(counts["flagged"] for counts in events),
        breaches=report["breaches"],
        words="; ".join([" ".join(f"{kind}={n}" for kind, n in sums.items() if n), *first]),
    )
