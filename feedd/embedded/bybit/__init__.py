"""Bybit v5 linear: its messages, and the rules of its connections."""
