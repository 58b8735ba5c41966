"""Tradable instruments: ids, and steps of prices and sizes.

Prices and sizes are whole numbers inside the exchange, in units of `10**-price_decimals` and
`10**-size_decimals`, so that no sum ever drifts; they become text and floats only at its edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Instrument:
    """A base currency traded for a quote currency: spot or a perpetual contract.

    `contract` is the worth of one contract in the quote currency, where sizes count contracts and
    the base currency settles them; 0: sizes are in the base currency.
    """

    base: str
    quote: str
    price_decimals: int
    size_decimals: int
    tick: int  # smallest step of a price, in its units
    contract: int = 0
    suffix: str = ""  # of the exchange's name, e.g. _PERP

    @property
    def id(self) -> str:
        """The exchange's name, e.g. BTCUSDT or BTCUSD_PERP."""
        return self.base + self.quote + self.suffix

    @property
    def settle(self) -> str:
        """The currency that a contract is settled in."""
        return self.base if self.contract else self.quote

    def price(self, units: int) -> str:
        """Format a price as the exchange does."""
        return decimal(units, self.price_decimals)

    def size(self, units: int) -> str:
        """Format a size as the exchange does."""
        return decimal(units, self.size_decimals)

    def worth(self, price: int, size: int) -> int:
        """Return what a trade is worth, in the units of `turnover`: in the settling currency."""
        if not self.contract:
            return price * size
        of_base = 10 ** (BASE_DECIMALS + self.price_decimals - self.size_decimals)
        return int(size * self.contract * of_base // price)

    def turnover(self, units: int) -> str:
        """Format a sum of `worth`."""
        decimals = self.price_decimals + self.size_decimals
        return decimal(units, BASE_DECIMALS if self.contract else decimals)

    def mean_price(self, turnover: int, volume: int) -> int:
        """Return the mean price of trades with this worth and these sizes."""
        if not self.contract:
            return turnover // volume
        return self.worth(turnover, volume)


BASE_DECIMALS = 8  # of a worth in the base currency


def decimal(units: int, decimals: int) -> str:
    """Format units of 10**-decimals: (6180020, 2) is `61800.20`."""
    if not decimals:
        return str(units)
    sign = "-" if units < 0 else ""
    whole, fraction = divmod(abs(units), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}"


def units(text: str, decimals: int) -> int:
    """Parse the output of `decimal`. Raises ValueError if further decimals aren't zeros."""
    whole, _, fraction = text.partition(".")
    kept, rest = fraction[:decimals], fraction[decimals:]
    if rest.strip("0"):
        raise ValueError(f"{text} has more than {decimals} decimals")
    sign = -1 if whole.startswith("-") else 1
    return sign * abs(int(whole)) * int(10**decimals) + sign * int(kept.ljust(decimals, "0") or 0)


# The generated markets' listings: base, first price, decimals of price and size, tick.
_LISTED = """
BTC 61800 2 3 10|ETH 2650 2 3 1|SOL 153 4 0 1|BNB 510 3 2 10|XRP 0.61 4 1 1|DOGE 0.104 6 0 10
ADA 0.34 5 0 10|AVAX 22 4 0 10|LINK 10.4 3 2 1|DOT 4.6 3 1 1|LTC 62 2 3 1|TRX 0.128 5 0 1
BCH 330 2 3 1|NEAR 4.1 4 0 10|UNI 6.1 4 0 10|ATOM 4.9 3 2 1|ETC 19 3 2 1|XLM 0.1 5 0 1
FIL 3.7 3 1 1|APT 6.2 4 1 1|ARB 0.57 4 1 1|OP 1.4 7 1 1000|SUI 0.95 6 1 100|INJ 19 3 1 1
AAVE 97 3 1 10|MKR 2000 2 3 10|ICP 7.7 3 0 1|HBAR 0.056 5 0 1|VET 0.024 6 0 10|ALGO 0.12 4 1 1
GRT 0.15 5 0 1|SAND 0.26 5 0 1|MANA 0.27 4 0 1|AXS 4.8 5 0 100|EOS 0.49 3 1 1|XTZ 0.67 3 1 1
THETA 1.2 4 1 1|RUNE 4.1 4 0 10|CRV 0.29 3 1 1|SNX 1.3 3 1 1|COMP 45 2 3 1|SUSHI 0.55 4 0 1
DASH 25 2 3 1|ZEC 37 2 3 1|KSM 20 3 1 10|ENJ 0.14 5 0 1|CHZ 0.055 5 0 1|DYDX 1 3 1 1
GALA 0.017 5 0 1|LDO 1.1 4 0 10|STX 1.5 4 0 1|TIA 5.6 4 0 1|SEI 0.27 4 0 1|WLD 1.5 4 0 1
"""
# Contracts that the base currency settles; their sizes are whole.
_INVERSE = """
BTC 61800 1 0 1|ETH 2650 2 0 1|SOL 153 3 0 1|BNB 510 2 0 1|XRP 0.61 4 0 1|DOGE 0.104 5 0 1
ADA 0.34 4 0 1|LINK 10.4 3 0 1|DOT 4.6 3 0 1|LTC 62 2 0 1|BCH 330 2 0 1|ETC 19 3 0 1
"""

Listing = dict[str, tuple[Instrument, int]]  # instruments and first prices, by id


def listed() -> Listing:
    """Return the instruments of a generated market that are quoted in USDT."""
    return _listing(
        _LISTED, lambda base, price, size, tick: Instrument(base, "USDT", price, size, tick)
    )


def listed_inverse(contract: Callable[[str], int], suffix: str = "") -> Listing:
    """Return inverse contracts of a generated market; `contract` takes the base currency."""
    return _listing(
        _INVERSE,
        lambda base, price, size, tick: Instrument(
            base, "USD", price, size, tick, contract(base), suffix
        ),
    )


def _listing(rows: str, make: Callable[[str, int, int, int], Instrument]) -> Listing:
    listing = {}
    for row in rows.replace("\n", "|").strip("|").split("|"):
        base, first, price_decimals, size_decimals, tick = row.split()
        instrument = make(base, int(price_decimals), int(size_decimals), int(tick))
        price = units(first, instrument.price_decimals)
        listing[instrument.id] = (instrument, price // instrument.tick * instrument.tick)
    return listing
