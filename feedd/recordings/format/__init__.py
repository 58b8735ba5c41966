"""Recordings: what a subscriber saw, kept in files that know when they are damaged."""
