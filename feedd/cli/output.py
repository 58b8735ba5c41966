"""Standard output of the commands."""

from __future__ import annotations


def print_now(text: str) -> None:
    """Print a line without delay, also into a pipe."""
    print(text, flush=True)
