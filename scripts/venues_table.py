"""Write the tables of venues into README.md and docs/channels.md, between their marks.

They follow from the folders in feedd/venues and from docs/venues-tested.json, which
`FEEDD_WRITE_TESTED=1 make test T=tests/integration/test_venues.py` writes. `--check` writes nothing
and fails where a document is not up to date.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.channels import CHANNEL_NAMES
from feedd.errors import ConfigError
from feedd.sources.ccxt.exchange_class import has
from feedd.sources.ccxt.plan import lacking
from feedd.venues.checks import checks, quote_origin
from feedd.venues.market_type import MARKET_TYPES, MarketType
from feedd.venues.native import native_market
from feedd.venues.registry import ONLY, VENUES, venue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from feedd.venues.contract import Venue

REPOSITORY = Path(__file__).resolve().parents[1]
TESTED = REPOSITORY / "docs" / "venues-tested.json"
README, CHANNELS = REPOSITORY / "README.md", REPOSITORY / "docs" / "channels.md"
EVENTS, FAULTS = "events", "faults"  # the parts of the tests of a recording
IN_README = ("ticker", "quote", "trade", "book")
BEGIN, END = "<!-- {}: written by scripts/venues_table.py -->\n", "<!-- end of {} -->\n"
OTHERS = [
    "others",
    "ccxt's own book, with a checksum if ccxt checks one; rejected if crossed; compared with REST",
]
SYMBOLS: dict[MarketType, str] = {
    "spot": "BTC/USDT", "linear": "BTC/USDT:USDT", "inverse": "BTC/USD:BTC"
}  # fmt: skip
CCXT_TYPES: dict[MarketType, tuple[str, ...]] = {
    "spot": ("spot",), "linear": ("swap", "future"), "inverse": ("swap", "future")
}  # fmt: skip


Tested = dict[str, dict[str, list[dict[str, Any]]]]  # runs by exchange and type of market


class Row(NamedTuple):
    """Markets of one venue that are alike; `checked` is by channel, without those it lacks."""

    exchanges: tuple[str, ...]
    markets: tuple[MarketType, ...]
    checked: dict[str, str]
    native: bool
    tested: tuple[str, ...]


def rows(tested: Tested, channels: Sequence[str] = CHANNEL_NAMES) -> Iterator[Row]:
    """Yield the venues' markets, those that are alike in the given channels together."""
    for exchanges in VENUES.values():
        alike: dict[str, Row] = {}
        for market in MARKET_TYPES:
            names = tuple(name for name in exchanges if _serves(name, market))
            if not names:
                continue
            checked = _checked(names[0], SYMBOLS[market])
            checked = {name: checked[name] for name in channels if name in checked}
            native = any(_is_native(name, SYMBOLS[market]) for name in names)
            row = alike.setdefault(str((checked, native)), Row((), (), checked, native, ()))
            alike[str((checked, native))] = row._replace(
                exchanges=tuple(dict.fromkeys((*row.exchanges, *names))),
                markets=(*row.markets, market),
            )
        for row in alike.values():
            yield row._replace(tested=_tested_texts(row, tested))


def _tested_texts(row: Row, tested: Tested) -> tuple[str, ...]:
    """Return a text for each recording that passed, with its markets and channels."""
    found: dict[tuple[str, str], tuple[dict[str, None], set[str]]] = {}
    for exchange in row.exchanges:
        for market in row.markets:
            for run in tested.get(exchange, {}).get(market, []):
                if EVENTS in run["passed"]:
                    name = f"{run['recording']}, {run['date']}"
                    without = "" if FAULTS in run["passed"] else " (without faults)"
                    markets, channels = found.setdefault((name, without), ({}, set()))
                    markets[market] = None
                    channels.update(run["channels"])
    return tuple(
        f"{name}, {' and '.join(markets)}: "
        + ", ".join(channel for channel in CHANNEL_NAMES if channel in channels)
        + without
        for (name, without), (markets, channels) in found.items()
        if without == "" or (name, "") not in found  # of the other source
    )


def _serves(exchange: str, market: MarketType) -> bool:
    if ONLY.get(exchange, market) != market:
        return False
    described = venue(exchange, SYMBOLS[market])
    if not described.checked or (described.limits and market not in described.limits):
        return False
    return any(has(exchange).get(name) for name in CCXT_TYPES[market])


def _checked(exchange: str, symbol: str) -> dict[str, str]:
    described = venue(exchange, symbol)
    _, served = lacking(has(exchange), symbol, (), described)
    found = checks(described)
    return {name: _cell(name, found.get(name, "none"), described) for name in served}


def _cell(channel: str, checked: str, described: Venue) -> str:
    origin = quote_origin(described)
    notes = [origin] if channel == "quote" and origin != "quote" else []
    notes += ["with a key"] if channel in described.needs_key else []
    return f"`{checked}`" + (f" ({', '.join(notes)})" if notes else "")


def _is_native(exchange: str, symbol: str) -> bool:
    try:
        native_market(exchange, symbol)
    except ConfigError:
        return False
    return True


def books() -> list[list[str]]:
    """Return each venue and how its book is verified: what the docstring of `book.py` begins with.

    `Kraken's depth: a snapshot and changes, each with a checksum of the best ten levels.`
    """
    found = []
    for folder in VENUES:
        path = f"feedd.venues.{folder}.book"
        if find_spec(path) is None:  # one of the others
            continue
        module = import_module(path)
        first = str(module.__doc__).partition("\n\n")[0].replace("\n", " ")
        match = re.fullmatch(r"(.+?)'s? \w+: (.+)\.", first)  # Kraken's, Kraken Futures'
        if match is None:
            raise ValueError(f"{module.__name__} does not begin with `Venue's depth: how.`")
        found.append([match[1], match[2]])
    return sorted(found)


def tables(tested: Tested) -> dict[tuple[Path, str], str]:
    """Return each document's tables, by their names."""
    short = [
        [*_names(row), *(row.checked.get(channel, "") for channel in IN_README),
         "yes" if row.native else "", "; ".join(row.tested)]
        for row in rows(tested, IN_README)
    ]  # fmt: skip
    whole = [
        [*_names(row), *(row.checked.get(channel, "") for channel in CHANNEL_NAMES)]
        for row in rows(tested)
    ]
    unknown = ["others", "", *("`none`" for _ in CHANNEL_NAMES)]
    return {
        (README, "venues"): _table(
            ["exchange", "markets", *IN_README, "native", "tested on"], short
        ),
        (CHANNELS, "venues"): _table(["exchange", "markets", *CHANNEL_NAMES], [*whole, unknown]),
        (CHANNELS, "books"): _table(["exchange", "how the book is verified"], [*books(), OTHERS]),
    }


def _names(row: Row) -> tuple[str, str]:
    return ", ".join(f"`{name}`" for name in row.exchanges), ", ".join(row.markets)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows_ = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows_).replace("|  |", "| |") + "\n"


def with_table(text: str, name: str, table: str) -> str:
    """Return a document with one of its tables replaced."""
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def read_tested() -> Tested:
    """Return the test results: by exchange and type of market, the runs on recordings."""
    return json.loads(TESTED.read_text())  # type: ignore[no-any-return]


def main() -> int:
    """Write the tables, or check them."""
    stale = []
    for (path, name), table in tables(read_tested()).items():
        text = path.read_text()
        if (new := with_table(text, name, table)) != text:
            stale.append(f"{path.relative_to(REPOSITORY)}, {name}")
            if "--check" not in sys.argv:
                path.write_text(new)
    for one in stale:
        print(f"{one}: {'stale' if '--check' in sys.argv else 'written'}")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
