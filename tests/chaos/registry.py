"""All cases, in the order of the report. A file by theme is named here."""

from __future__ import annotations

from chaos import exchange, machine, mutated, processes, subscribers
from chaos.frame import CASES

THEMES = (processes, subscribers, exchange, machine, mutated)

__all__ = ["CASES", "THEMES"]
