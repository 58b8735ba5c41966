"""Binance USD-M and Binance spot: their messages, and the rules of their connections."""
