"""Merge the events of several connections into one stream. Pure: no socket, loop or clock."""
