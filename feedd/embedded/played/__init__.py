"""Recordings of any venue that has a `played.py`, played over real sockets."""
