"""Bitget v2."""
