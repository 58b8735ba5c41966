"""An audit's findings as one table and the first breaches. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from feedd.audit.audit import total

if TYPE_CHECKING:
    from feedd.audit.findings import Counts, Finding

SHOWN = 20  # breaches
HEADS = (
    "topic", "truth", "seen", "flagged", "missing", "twice", "out of order", "unknown", "wrong",
    "late", "never",
)  # fmt: skip


def table(findings: list[Finding]) -> str:
    """Return the table, followed by the first breaches."""
    whole = total(findings)
    rows: list[tuple[str, ...]] = [HEADS]
    rows += [_row(one.topic, one.counts) for one in findings]
    rows.append(_row("all", whole))
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    lines = ["  ".join(_cell(row, at, widths[at]) for at in range(len(HEADS))) for row in rows]
    breaches = [breach for one in findings for breach in one.first]
    text = [line.rstrip() for line in lines]
    if not whole.breaches:
        return "\n".join([*text, "", "no breach: every event was seen or flagged as missing"])
    text += ["", f"{whole.breaches:,} breaches; the first ones:"]
    text += [f"{one.ns}  {one.topic}  {one.what}" for one in breaches[:SHOWN]]
    return "\n".join(text)


def as_dict(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings as JSON-serializable data."""
    return {
        "breaches": total(findings).breaches,
        "topics": {one.topic: asdict(one.counts) for one in findings},
        "first": [one._asdict() for finding in findings for one in finding.first],
    }


def _row(topic: str, counts: Counts) -> tuple[str, ...]:
    return (topic, *(f"{count:,}" for count in asdict(counts).values()))


def _cell(row: tuple[str, ...], at: int, width: int) -> str:
    return row[at].ljust(width) if at == 0 else row[at].rjust(width)
