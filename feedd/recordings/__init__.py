"""Recordings: their format, and everything that writes, reads or converts them."""
