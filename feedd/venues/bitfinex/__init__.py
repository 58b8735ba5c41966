"""Bitfinex v2."""
