"""Bars and lines as SVG, without a library."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from bench.figures import short

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 860
LABELS = 340  # px beside the bars
BAR = 18
STEP = 26
OURS, OTHERS, LIMITS = "#1f77b4", "#9aa5b1", "#d6dbe0"
COLOURS = (OURS, "#d62728", "#2ca02c", "#ff7f0e")
FONT = "font-family='sans-serif' font-size='12' fill='#222'"


class Bar(NamedTuple):
    """One row of a chart."""

    label: str
    value: float
    colour: str
    note: str = ""  # beside the value


def bars(charts: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Return charts of horizontal bars below each other, each on a scale of its own from 0."""
    parts: list[str] = []
    y = 10.0
    for title, rows in charts:
        parts.append(_text(10, y + 14, title, bold=True))
        y += 28
        greatest = max((row.value for row in rows), default=1.0) or 1.0
        for row in rows:
            length = (WIDTH - LABELS - 170) * row.value / greatest
            parts.append(_text(LABELS - 8, y + 13, row.label, anchor="end"))
            parts.append(
                f"<rect x='{LABELS}' y='{y:.1f}' width='{max(1.0, length):.1f}' height='{BAR}' "
                f"fill='{row.colour}'/>"
            )
            parts.append(
                _text(LABELS + length + 6, y + 13, f"{short(row.value)} {row.note}".strip())
            )
            y += STEP
        y += 14
    return _svg(parts, y)


def lines(
    charts: Sequence[tuple[str, Sequence[tuple[str, Sequence[tuple[float, float]]]]]],
) -> str:
    """Return charts below each other: a title, and a line of points for each name; x from 0."""
    parts: list[str] = []
    left, right, height = 70.0, WIDTH - 120.0, 150.0
    y = 10.0
    for title, series in charts:
        points = [point for _, line in series for point in line]
        if not points:
            continue
        parts.append(_text(10, y + 14, title, bold=True))
        top = y + 30
        greatest_x = max(x for x, _ in points)
        ticks = _ticks(max(value for _, value in points))
        greatest_y = ticks[-1]

        def place(x: float, value: float, top: float = top, most: float = greatest_y,
                  widest: float = greatest_x) -> tuple[float, float]:  # fmt: skip
            return left + (right - left) * x / widest, top + height * (1 - value / most)

        for tick in ticks:
            _, at = place(0, tick)
            parts.append(f"<path d='M{left} {at:.1f}H{right}' stroke='#ddd'/>")
            parts.append(_text(left - 6, at + 4, short(tick), anchor="end"))
        parts.extend(
            _text(place(x, 0)[0], top + height + 16, short(x), anchor="middle")
            for x in sorted({x for x, _ in points})
        )
        for number, (name, line) in enumerate(series):
            colour = COLOURS[number % len(COLOURS)]
            spots = [place(x, value) for x, value in line]
            if not spots:
                continue
            path = " ".join(f"{x:.1f},{at:.1f}" for x, at in spots)
            parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}'/>")
            parts.extend(f"<circle cx='{x:.1f}' cy='{at:.1f}' r='3' fill='{colour}'/>"
                         for x, at in spots)  # fmt: skip
            parts.append(_text(right + 10, top + 12 + 18 * number, name, colour=colour))
        y = top + height + 34
    return _svg(parts, y)


def _ticks(greatest: float) -> list[float]:
    """Return round values from 0 to one that is not below the greatest."""
    raw = (greatest or 1.0) / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * by for by in (1, 2, 2.5, 5, 10) if unit * by >= raw)
    return [step * number for number in range(math.ceil(greatest / step - 1e-9) + 1 or 2)]


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, colour: str = ""
) -> str:
    weight = " font-weight='bold'" if bold else ""
    font = FONT.replace("#222", colour) if colour else FONT
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {font} text-anchor='{anchor}'{weight}>{escape(text)}</text>"
    )


def _svg(parts: Sequence[str], height: float) -> str:
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height:.0f}' "
        f"viewBox='0 0 {WIDTH} {height:.0f}'>"
    )
    back = f"<rect width='{WIDTH}' height='{height:.0f}' fill='white'/>"
    return "\n".join([head, back, *parts, "</svg>", ""])
