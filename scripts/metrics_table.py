"""Write the tables of metrics into docs/metrics.md, between their marks.

`--check` writes nothing and fails where the document is not up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from feedd.gateway.metrics import definitions, gap_reasons

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"


def metrics_table() -> str:
    """Return the table of all metrics."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for one in definitions.ALL:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append(f"| `{one.full_name}` | {one.type} | {labels} | {one.help} |")
    return "\n".join(rows) + "\n"


def reasons_table() -> str:
    """Return the table of the classes of reasons."""
    rows = ["| `reason` | what happened |", "|---|---|"]
    rows += [f"| `{name}` | {meaning} |" for name, meaning in gap_reasons.MEANINGS.items()]
    return "\n".join(rows) + "\n"


def updated(text: str) -> str:
    """Return the document with today's tables."""
    for name, table in (("metrics", metrics_table()), ("reasons", reasons_table())):
        begin, end = (
            f"<!-- {name}: written by scripts/metrics_table.py -->\n",
            f"<!-- end of {name} -->",
        )
        pattern = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
        text = pattern.sub(lambda marks, table=table: marks[1] + table + marks[2], text)
    return text


def main() -> int:
    """Write or check the document."""
    before = DOCUMENT.read_text()
    after = updated(before)
    if "--check" in sys.argv[1:]:
        if before != after:
            print("docs/metrics.md: run .venv/bin/python -m scripts.metrics_table")
        return int(before != after)
    DOCUMENT.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
