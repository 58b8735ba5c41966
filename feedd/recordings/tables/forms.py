"""File formats of exported tables."""

from __future__ import annotations

from typing import Literal

Form = Literal["parquet", "csv", "jsonl"]
FORMS: tuple[Form, ...] = ("parquet", "csv", "jsonl")
