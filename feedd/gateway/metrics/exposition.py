"""Exposition of families as text of Prometheus or OpenMetrics, byte for byte as prometheus_client.

prometheus_client takes 100 to 150 ms for the 20,000 samples of 200 feeds; this takes 20 to 30 ms,
because the families have the text of their labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.gateway.metrics.families import Family

EXACT = 1_000_000  # below, floatToGoString writes a whole number in full
TEXT, OPENMETRICS = CONTENT_TYPE_PLAIN_0_0_4, CONTENT_TYPE_LATEST


def content_type(accept: str) -> str:
    """Return TEXT or OPENMETRICS, whichever an Accept header asks for."""
    _, chosen = choose_encoder(accept)
    return OPENMETRICS if chosen.startswith("application/openmetrics-text") else TEXT


def exposition(families: Iterable[Family], form: str) -> Iterator[bytes]:
    """Yield the text, one family at a time; `form` is TEXT or OPENMETRICS."""
    for family in families:
        lines = [_head(family, openmetrics=form == OPENMETRICS)]
        lines += [f"{name}{labels} {_number(value)}\n" for name, labels, value in family.lines()]
        yield "".join(lines).encode(errors="replace")
    if form == OPENMETRICS:
        yield b"# EOF\n"


def _head(family: Family, *, openmetrics: bool) -> str:
    definition = family.definition
    name = definition.name if openmetrics else definition.full_name
    unit = f"# UNIT {name} {definition.unit}\n" if openmetrics and definition.unit else ""
    return f"# HELP {name} {definition.help}\n# TYPE {name} {definition.type}\n{unit}"


def _number(value: float) -> str:
    if type(value) is int and -EXACT < value < EXACT:
        return f"{value}.0"
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]
