"""docs/metrics.md has the metrics of the code."""

from feedd.gateway.metrics import gap_reasons
from scripts.metrics_table import DOCUMENT, updated


def test_the_tables_of_the_document_are_up_to_date() -> None:
    text = DOCUMENT.read_text()
    assert updated(text) == text, "run .venv/bin/python -m scripts.metrics_table"
    assert "| `feedd_gaps_total` | counter |" in text


def test_every_class_of_reasons_has_a_meaning() -> None:
    assert tuple(gap_reasons.MEANINGS) == gap_reasons.UPSTREAM_CLASSES
