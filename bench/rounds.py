"""All handlers on the same load, round by round: A B C A B C …, so that a disturbance hits all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.handlers import asyncio_handler, handlers, proxied
from bench.one_handler import Measured, Sender, blast, folder, pace
from bench.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.handlers import Handler


def blasts(peers: Path, rounds: int, count: int) -> list[list[Measured]]:
    """Return each round's measures: so many quotes, as fast as each handler takes them."""
    with folder() as own, Processes(own) as at:
        sender = Sender(at)
        with_loops = [*handlers(), asyncio_handler()]
        return [
            _round(f"blast {number + 1}/{rounds}", with_loops,
                   lambda handler: blast(handler, sender, at, peers, count))
            for number in range(rounds)
        ]  # fmt: skip


def paces(peers: Path, rounds: int, seconds: float) -> list[list[Measured]]:
    """Return each round's measures: a slice of the recording as it came, the next one each round.

    The slices together are `seconds` long.
    """
    with folder() as own, Processes(own) as at:
        sender = Sender(at)
        every = [*handlers(), *proxied(), asyncio_handler()]
        found = []
        for number in range(rounds):
            part = seconds * number / rounds, seconds * (number + 1) / rounds
            found.append(
                _round(f"pace {number + 1}/{rounds}", every,
                       lambda handler, part=part: pace(handler, sender, at, peers, part))
            )  # fmt: skip
        return found


def _round(
    title: str, every: list[Handler], measure: Callable[[Handler], Measured]
) -> list[Measured]:
    found = []
    for handler in every:
        try:
            one = measure(handler)
        except BenchError as error:
            print(f"  {title}  {handler.name}: left out: {error}", flush=True)
            continue
        p99 = one.latency_us.get("p99")
        print(
            f"  {title}  {one.handler:<22} {one.cpu_us:7.2f} µs/msg  "
            f"{one.delivered:8.2%} delivered"
            + (f"  {one.per_s:10,.0f} msg/s" if one.per_s else "")
            + (f"  p50 {one.latency_us['p50']:,.0f} µs, p99 {p99:,.0f} µs" if p99 else ""),
            flush=True,
        )
        found.append(one)
    return found
