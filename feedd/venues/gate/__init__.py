"""Gate: spot, and the futures that are settled in USDT or BTC."""
