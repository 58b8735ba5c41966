"""Histograms of latencies: bounded memory, a dozen machine operations a sample.

Buckets grow with the value, eight to each power of two, so that a percentile is true to
within 12.5 %, from 1 µs to an hour. A list would grow on the hot path. Between two clocks, or over
a step of one, a latency may be below zero: it counts as it is, never as 0.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import mul

from feedd.model import LATENCY_BOUNDS_US, Latency, LatencyCounts

_SUB_BITS = 3
_SUB = 1 << _SUB_BITS
_TOP_US = 3_600_000_000
_NOTHING = -_TOP_US - 1  # below every latency


_BUCKETS = _SUB * (_TOP_US.bit_length() - _SUB_BITS + 1)


def _value(bucket: int) -> float:
    """Return the middle of a bucket, in µs."""
    if bucket < _SUB:
        return float(bucket)
    shift = (bucket >> _SUB_BITS) - 1
    return (_SUB + (bucket & (_SUB - 1)) + 0.5) * (1 << shift)


def _bucket(value_us: int) -> int:
    """Return the bucket of a value from 0 to _TOP_US; `Histogram.add` computes it in line."""
    if value_us < _SUB:
        return value_us
    if value_us >= _TOP_US:
        return _BUCKETS - 1
    shift = value_us.bit_length() - _SUB_BITS - 1
    return (shift << _SUB_BITS) + (value_us >> shift)


_VALUES = tuple(_value(bucket) for bucket in range(_BUCKETS))
# Between these buckets lie the counts of a status: the first bucket beyond each bound, by its
# middle.
_ENDS = tuple(bisect_right(_VALUES, bound_us) for bound_us in LATENCY_BOUNDS_US)


class Histogram:
    """Counts of latencies in µs since the last `take`."""

    __slots__ = ("_below", "_counts", "_max")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._below: list[int] | None = None  # below zero, by the bucket of the absolute value
        self._max = _NOTHING

    def add(self, latency_ns: int) -> None:
        """Count one latency."""
        value_us = latency_ns // 1000
        if value_us < _SUB:
            if value_us < 0:
                self._add_below_zero(value_us)
                return
            bucket = value_us
        elif value_us < _TOP_US:
            shift = value_us.bit_length() - _SUB_BITS - 1
            bucket = (shift << _SUB_BITS) + (value_us >> shift)
        else:
            value_us, bucket = _TOP_US, _BUCKETS - 1
        self._counts[bucket] += 1
        if value_us > self._max:  # noqa: PLR1730  a call of max() costs more than the rest
            self._max = value_us

    def _add_below_zero(self, value_us: int) -> None:
        if self._below is None:
            self._below = [0] * _BUCKETS
        value_us = max(value_us, -_TOP_US)
        self._below[_bucket(-value_us)] += 1
        self._max = max(self._max, value_us)

    @property
    def total(self) -> int:
        """Number of latencies counted."""
        return sum(self._counts) + sum(self._below or ())

    def absorb(self, other: Histogram) -> None:
        """Add the counts of another histogram."""
        self._counts = [mine + its for mine, its in zip(self._counts, other._counts, strict=True)]
        if other._below is not None:
            below = self._below or [0] * _BUCKETS
            self._below = [mine + its for mine, its in zip(below, other._below, strict=True)]
        self._max = max(self._max, other._max)

    def clear(self) -> None:
        """Reset all counts."""
        self._counts = [0] * len(self._counts)
        self._below = None
        self._max = _NOTHING

    def percentiles(self) -> Latency:
        """Return the percentiles; each is None if nothing was counted."""
        total = self.total
        if not total:
            return Latency(None, None, None)
        return Latency(
            self._percentile(0.50 * total), self._percentile(0.99 * total), float(self._max)
        )

    @property
    def sum_us(self) -> float:
        """Sum of the latencies, from the middles of the buckets."""
        above: float = sum(map(mul, self._counts, _VALUES))
        below: float = sum(map(mul, self._below or (), _VALUES))
        return above - below

    def by_bounds(self) -> list[int]:
        """Return the number of latencies at each of LATENCY_BOUNDS_US, and above the last."""
        counts = self._counts
        found = [
            sum(counts[begin:end])
            for begin, end in zip((0, *_ENDS), (*_ENDS, _BUCKETS), strict=True)
        ]
        found[0] += sum(self._below or ())
        return found

    def take(self) -> Latency:
        """Return the percentiles and reset all counts."""
        result = self.percentiles()
        self.clear()
        return result

    def _percentile(self, left: float) -> float:
        """Return the middle of the bucket that holds the latency of rank `left`."""
        below = self._below or ()
        for bucket in range(len(below) - 1, -1, -1):  # the farthest below zero first
            left -= below[bucket]
            if below[bucket] and left <= 0:
                return min(-_value(bucket), float(self._max))
        for bucket, count in enumerate(self._counts):
            left -= count
            if count and left <= 0:
                return min(_value(bucket), float(self._max))
        return float(self._max)


class Unmeasured(Histogram):
    """Histogram of latencies that nobody can know; it stays empty."""

    __slots__ = ()

    def add(self, latency_ns: int) -> None:
        """Count nothing."""


class SessionCounts:
    """Latencies since the session began, as statuses publish them."""

    __slots__ = ("_counts", "_sum_us")

    def __init__(self) -> None:
        self._counts = [0] * (len(LATENCY_BOUNDS_US) + 1)
        self._sum_us = 0.0

    def absorb(self, histogram: Histogram) -> None:
        """Add the counts since the last call."""
        new = histogram.by_bounds()
        if any(new):
            self._counts = [mine + its for mine, its in zip(self._counts, new, strict=True)]
            self._sum_us += histogram.sum_us

    def published(self) -> LatencyCounts:
        """Return the counts for a status."""
        return LatencyCounts(self._counts, int(self._sum_us))


class Recent:
    """Latencies of a sliding window: of one span at least and two at most.

    Times are in seconds of the caller's monotonic clock.
    """

    def __init__(self, span_s: float, now_s: float) -> None:
        self._span_s = span_s
        self._old, self._new = Histogram(), Histogram()
        self._old_from_s = self._new_from_s = now_s

    def absorb(self, histogram: Histogram, now_s: float) -> None:
        """Add the counts since the last call."""
        if now_s - self._new_from_s >= self._span_s:
            self._old, self._new = self._new, self._old
            self._new.clear()
            self._old_from_s, self._new_from_s = self._new_from_s, now_s
        self._new.absorb(histogram)

    def rate(self, now_s: float) -> float:
        """Return the number of samples per second."""
        passed_s = now_s - self._old_from_s
        return (self._old.total + self._new.total) / passed_s if passed_s > 0 else 0.0

    def percentiles(self) -> Latency:
        """Return the percentiles."""
        both = Histogram()
        both.absorb(self._old)
        both.absorb(self._new)
        return both.percentiles()
