"""A histogram of latencies: bounded memory, a dozen machine operations a sample.

Buckets grow with the value, eight to each power of two, so that a percentile is true to
within 12.5 %, from 1 µs to an hour. It stands on the hot path, where a list would grow.
"""

from __future__ import annotations

from feedd.model import Latency

_SUB_BITS = 3
_SUB = 1 << _SUB_BITS
_TOP_US = 3_600_000_000


def _bucket(value_us: int) -> int:
    if value_us < _SUB:
        return value_us
    shift = value_us.bit_length() - _SUB_BITS - 1
    return ((shift + 1) << _SUB_BITS) + ((value_us >> shift) & (_SUB - 1))


def _value(bucket: int) -> float:
    """Return the middle of a bucket, in µs."""
    if bucket < _SUB:
        return float(bucket)
    shift = (bucket >> _SUB_BITS) - 1
    return (_SUB + (bucket & (_SUB - 1)) + 0.5) * (1 << shift)


class Histogram:
    """Counts of latencies in µs since the last `take`."""

    __slots__ = ("_counts", "_max", "_total")

    def __init__(self) -> None:
        self._counts = [0] * (_bucket(_TOP_US) + 1)
        self._total = 0
        self._max = 0

    def add(self, latency_ns: int) -> None:
        """Count one latency; below zero, as between two clocks, it counts as zero."""
        value_us = latency_ns // 1000
        if value_us < 0:
            value_us = 0
        elif value_us > _TOP_US:
            value_us = _TOP_US
        self._counts[_bucket(value_us)] += 1
        self._total += 1
        if value_us > self._max:  # noqa: PLR1730  a call of max() costs more than the rest
            self._max = value_us

    def take(self) -> Latency:
        """Return the percentiles and begin anew."""
        if not self._total:
            return Latency(None, None, None)
        result = Latency(self._percentile(0.50), self._percentile(0.99), float(self._max))
        self._counts = [0] * len(self._counts)
        self._total = self._max = 0
        return result

    def _percentile(self, fraction: float) -> float:
        left = fraction * self._total
        for bucket, count in enumerate(self._counts):
            left -= count
            if count and left <= 0:
                return min(_value(bucket), float(self._max))
        return float(self._max)
