"""docs/tables.md: its tables of columns are the code's, and its snippets run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from table_samples import every_channel, feedd

from feedd.recordings.tables.columns import CHANNELS, COMMON, GAPS, OTHER, Column

TEXT = (REPOSITORY / "docs" / "tables.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\|$", re.MULTILINE)


def documented(start: str) -> list[tuple[str, str, str]]:
    """Return the rows of the first table behind a text."""
    behind = TEXT[TEXT.index(start) + len(start) :].lstrip("\n")
    return ROW.findall(behind[: behind.index("\n\n")] + "\n")


def rows(columns: tuple[Column, ...]) -> list[tuple[str, str, str]]:
    return [(column.name, column.type, column.unit or "") for column in columns]


def test_the_columns_of_every_table_are_documented_with_their_units() -> None:
    head = documented("Every channel's table begins with\n")
    end = documented("and ends with\n")
    assert [name for name, _, _ in head] == list(COMMON)
    for name, table in CHANNELS.items():
        assert head + documented(f"**{name}**\n") + end == rows(table.columns)
    assert documented("**gaps**\n") == rows(GAPS.columns)
    assert documented("**other**\n") == rows(OTHER.columns)


def test_the_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every_channel(tmp_path / "one.feedd")
    feedd("export", tmp_path / "one.feedd", "--format", "parquet", "--out", tmp_path / "tables")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    snippets = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(snippets) == 3
    for snippet in snippets:
        exec(compile(snippet, "docs/tables.md", "exec"), names)
    assert names["minutes"]["size"].to_list() == [3.0]
    assert str(names["trades"]["received"][0]) == "2024-08-08 23:54:16.000000001+00:00"
    assert names["lag_ms"].fetchall()[0][0] == "BTC/USDT:USDT"
