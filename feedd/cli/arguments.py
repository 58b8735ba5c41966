"""What several commands take as an argument."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def above_zero(below: float) -> Callable[[str], float]:
    """Return what reads a number above 0 and below a limit, for `add_argument(type=…)`."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < below:
            raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and below {below:,g}")
        return value

    return number
