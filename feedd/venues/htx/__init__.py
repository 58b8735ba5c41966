"""HTX: spot, and swaps and futures that are settled in USDT or in the base currency."""
