"""The tables of venues in the documents are those that the folders and the test results give."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from venues_tested import WRITE, RecordingRun, documented

from feedd.venues.registry import VENUES, venue
from scripts.venues_table import (
    BEGIN,
    END,
    EVENTS,
    FAULTS,
    README,
    SYMBOLS,
    books,
    read_tested,
    rows,
    tables,
    with_table,
)

MAY_2022_NS = 1_652_400_000 * 10**9


@pytest.mark.parametrize(("path", "name"), tables(read_tested()))
def test_the_table_of_a_document_is_up_to_date(path: Path, name: str) -> None:
    text, table = path.read_text(), tables(read_tested())[path, name]
    assert text.count(BEGIN.format(name)) == text.count(END.format(name)) == 1
    assert with_table(text, name, table) == text, "run .venv/bin/python -m scripts.venues_table"


def test_every_book_has_a_sentence_on_how_it_is_verified() -> None:
    found = dict(books())
    checked = [
        folder
        for folder, (exchange, *_) in VENUES.items()
        if any(venue(exchange, symbol).book is not None for symbol in SYMBOLS.values())
    ]
    assert len(found) == len(checked)
    assert found["Kraken"] == (
        "a snapshot and changes, each with a checksum of the best ten levels"
    )
    assert all(found.values())


RUN = {
    "recording": "okx", "source": "ccxt", "date": "2022-05-13", "channels": ["trade", "book"],
    "passed": [EVENTS, FAULTS],
}  # fmt: skip


def test_every_folder_has_a_row_and_states_what_it_is_tested_on() -> None:
    tested = {"okx": {"linear": [RUN], "inverse": [RUN], "spot": [{**RUN, "passed": [FAULTS]}]}}
    found = list(rows(tested))
    assert {row.exchanges[0] for row in found} >= {names[0] for names in VENUES.values()}
    texts = {(row.exchanges[0], row.markets): row.tested for row in found if row.tested}
    text = "okx, 2022-05-13, linear and inverse: trade, book"
    assert texts == {("okx", ("linear", "inverse")): (text,)}
    assert text in tables(tested)[README, "venues"]
    tested["okx"]["spot"] = [{**RUN, "passed": [EVENTS]}]
    texts = {row.exchanges[0]: row.tested for row in rows(tested, ("book",)) if row.tested}
    assert texts == {"okx": (text,)}  # of the same recording
    tested["okx"]["spot"] = [{**RUN, "recording": "new", "passed": [EVENTS]}]
    texts = {row.exchanges[0]: row.tested for row in rows(tested, ("book",)) if row.tested}
    assert texts["okx"][0] == "new, 2022-05-13, spot: trade, book (without faults)"


def test_what_passes_is_noted_by_type_of_market_and_what_fails_is_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WRITE, "1")
    path = tmp_path / "tested.json"
    path.write_text("{}")
    channels = {"BTC/USDT": ("book", "trade"), "ETH/USDT": ("ticker",), "BTC/USD:BTC": ("book",)}
    recording = RecordingRun("okx", "ccxt", "okx", MAY_2022_NS, channels)
    for part in (EVENTS, FAULTS):
        with documented(recording, part, path):
            pass
    spot = {**RUN, "channels": ["ticker", "trade", "book"]}
    inverse = {**RUN, "channels": ["book"]}
    assert json.loads(path.read_text()) == {"okx": {"inverse": [inverse], "spot": [spot]}}
    with suppress(AssertionError), documented(recording, "faults", path):
        raise AssertionError
    failed = json.loads(path.read_text())["okx"]["spot"]
    assert failed == [{**spot, "passed": ["events"]}]
    native = recording._replace(source="native")
    with documented(native, "faults", path):
        pass
    assert len(json.loads(path.read_text())["okx"]["spot"]) == 2
    monkeypatch.delenv(WRITE)
    with documented(recording._replace(exchange="gate"), "events", path):
        pass
    assert "gate" not in path.read_text()
