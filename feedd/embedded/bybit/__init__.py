"""Bybit v5 linear: what it says, and what a connection to it may do."""
