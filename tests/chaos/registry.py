"""All cases, in the order of the report. A file by theme is named here."""

from __future__ import annotations

from chaos import exchange, frame, machine, mutated, processes, subscribers

THEMES = (processes, subscribers, exchange, machine, mutated)
CASES = {
    case.name: case
    for theme in THEMES
    for case in frame.CASES.values()
    if case.run.__module__ == theme.__name__
}
