"""Structured logs that never block a process; `setup` assembles them."""
