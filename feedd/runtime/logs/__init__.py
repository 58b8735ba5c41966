"""Structured logs that never make a process wait; `setup` puts them together."""
