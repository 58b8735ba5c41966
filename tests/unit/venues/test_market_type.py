"""Market types of unified symbols."""

from feedd.venues.market_type import market_type


def test_a_unified_symbol_names_its_market_type() -> None:
    assert [market_type(s) for s in ("A/B", "A/B:B", "A/B:A", "A/B:B-260327")] == [
        "spot", "linear", "inverse", "linear",
    ]  # fmt: skip
