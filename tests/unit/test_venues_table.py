"""The tables of venues in the documents are those that the folders and the test results give."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from venues_tested import WRITE, documented

from feedd.venues.registry import VENUES
from scripts.venues_table import BEGIN, END, README, read_tested, rows, tables, with_table

MAY_2022_NS = 1_652_400_000 * 10**9


@pytest.mark.parametrize("path", tables(read_tested()), ids=lambda path: path.name)
def test_the_table_of_a_document_is_up_to_date(path: Path) -> None:
    text = path.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert with_table(text, tables(read_tested())[path]) == text, (
        "run .venv/bin/python -m scripts.venues_table"
    )


def test_every_folder_has_a_row_and_states_what_it_is_tested_on() -> None:
    run = {"recording": "okx", "date": "2022-05-13", "channels": ["trade", "book"]}
    found = list(rows({"okx": {"linear": [run]}}))
    assert {row.exchanges[0] for row in found} >= {names[0] for names in VENUES.values()}
    tested = {(row.exchanges[0], row.markets): row.tested for row in found if row.tested}
    assert tested == {("okx", ("linear",)): ("okx, 2022-05-13: trade, book",)}
    assert "okx, 2022-05-13: trade, book" in tables({"okx": {"linear": [run]}})[README]


def test_what_passes_is_noted_by_type_of_market_and_what_fails_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WRITE, "1")
    path = tmp_path / "tested.json"
    path.write_text("{}")
    served = {"BTC/USDT": ("book", "trade"), "ETH/USDT": ("ticker",), "BTC/USD:BTC": ("book",)}
    with documented("okx", "okx", MAY_2022_NS, served, path):
        pass
    spot = {"recording": "okx", "date": "2022-05-13", "channels": ["ticker", "trade", "book"]}
    inverse = {**spot, "channels": ["book"]}
    assert json.loads(path.read_text()) == {"okx": {"inverse": [inverse], "spot": [spot]}}
    with suppress(AssertionError), documented("okx", "okx", MAY_2022_NS, {"A/B": ("book",)}, path):
        raise AssertionError
    assert json.loads(path.read_text()) == {"okx": {"inverse": [inverse]}}
    monkeypatch.delenv(WRITE)
    with documented("gate", "gate", MAY_2022_NS, served, path):
        pass
    assert "gate" not in path.read_text()
