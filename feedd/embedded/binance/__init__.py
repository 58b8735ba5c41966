"""Binance USD-M and Binance spot: what they say, and what a connection to them may do."""
