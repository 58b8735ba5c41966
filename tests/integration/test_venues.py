"""Every venue that has a `played.py`, on its recording: all events, and every kind of fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import DATA, skip_outside_ci
from venue_faults import faults_of
from venue_setup import (
    PlayedFeed,
    played_feed,
    recording_of,
    recordings,
    served_channels,
    shown,
    ticker_values,
    trade_values,
    unrepeated,
)
from venues_tested import RecordingRun, documented

from feedd.embedded.played.recording import PlayedRecording, held_exchange
from feedd.venues.market_type import market_type
from feedd.venues.registry import FOLDER_OF, NATIVE

CHANNELS = ("book", "trade", "ticker", "quote")
AT_A_TIME = 8  # cases


class Case(NamedTuple):
    """A recording and the kind of source that serves it."""

    path: Path
    kind: str


def cases() -> list[Any]:
    found = []
    for path in recordings():
        exchange = held_exchange(path)
        # Without a folder of the venue, ccxt's own parsers read its messages.
        if exchange is None or exchange.exchange not in FOLDER_OF:
            continue
        kinds = ["ccxt", *(["native"] if exchange.exchange in NATIVE else [])]
        name = path.name.partition(".")[0]
        found += [pytest.param(Case(path, kind), id=f"{name}-{kind}") for kind in kinds]
    # Without the recordings there is one case, which `_data` skips, or fails in CI.
    return found or [pytest.param(Case(DATA / "venues", "native"), id="no recordings")]


@pytest.fixture(scope="module", autouse=True)
def _data() -> None:
    if not (DATA / "venues").is_dir():
        skip_outside_ci(f"{DATA / 'venues'} is missing; set FEEDD_DATA to the folder of recordings")


def richest(recording: PlayedRecording, at_most: int) -> list[str]:
    """Return the symbols with the most events: of each type of market, then of each channel."""

    def count(symbol: str, *channels: str) -> int:
        id_ = recording.market(symbol).id
        return sum(n for (of, its), n in recording.counts.items() if of == id_ and its in channels)

    def best(symbols: Iterable[str], *channels: str) -> str:
        return max(symbols, key=lambda symbol: count(symbol, *channels))

    by_type: dict[str, list[str]] = {}
    for symbol in recording.markets:
        by_type.setdefault(market_type(symbol), []).append(symbol)
    found = [best(symbols, *CHANNELS) for symbols in by_type.values()]
    found += [best(recording.markets, channel) for channel in CHANNELS]
    return list(dict.fromkeys(found))[: max(at_most, len(by_type))]


def recording_run(recording: PlayedRecording, kind: str) -> RecordingRun:
    """Return what the tables of venues say of a test."""
    channels = {symbol: served_channels(recording, symbol) for symbol in richest(recording, 2)}
    name = recording.path.name.partition(".jsonl")[0].removesuffix(".gz")
    return RecordingRun(recording.name, kind, name, recording.first_ns, channels)


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> dict[tuple[str, Case], list[str]]:
    """Run all chosen cases, several at a time: most of their time they wait."""
    chosen = {
        (item.originalname, item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    }

    async def run() -> dict[tuple[str, Case], list[str]]:
        at_a_time = asyncio.Semaphore(AT_A_TIME)

        async def one(name: str, case: Case) -> list[str]:
            async with at_a_time:
                return await RUNS[name](case)

        found = await asyncio.gather(*(one(*key) for key in sorted(chosen)))
        return dict(zip(sorted(chosen), found, strict=True))

    return asyncio.run(run())


@pytest.mark.parametrize("case", cases())
def test_every_event_is_published_once_in_order_with_equal_values(
    case: Case, outcomes: dict[tuple[str, Case], list[str]]
) -> None:
    found = outcomes["test_every_event_is_published_once_in_order_with_equal_values", case]
    with documented(recording_run(recording_of(case.path), case.kind), "events"):
        assert "\n".join(found) == ""


@pytest.mark.parametrize("case", cases())
def test_a_fault_in_any_channel_is_reported_or_harmless(
    case: Case, outcomes: dict[tuple[str, Case], list[str]]
) -> None:
    found = outcomes["test_a_fault_in_any_channel_is_reported_or_harmless", case]
    with documented(recording_run(recording_of(case.path), case.kind), "faults"):
        assert "\n".join(found) == ""


@pytest.mark.parametrize("case", [one for one in cases() if one.values[0].kind == "native"])
def test_one_of_two_native_connections_may_fail_without_a_gap(
    case: Case, outcomes: dict[tuple[str, Case], list[str]]
) -> None:
    name = "test_one_of_two_native_connections_may_fail_without_a_gap"
    assert "\n".join(outcomes[name, case]) == ""


async def failing(case: Case) -> list[str]:
    return await _of_each(case, 1, one_failing, connections=2)


async def whole(case: Case) -> list[str]:
    return await _of_each(case, 3, one_whole)


async def faulty(case: Case) -> list[str]:
    return await _of_each(case, 2, faults_of)


async def _of_each(
    case: Case, symbols: int, what: Callable[[PlayedFeed], Any], **options: Any
) -> list[str]:
    recording = recording_of(case.path)

    async def one(symbol: str) -> list[str]:
        channels = served_channels(recording, symbol)
        try:
            async with played_feed(case.kind, recording, symbol, channels, **options) as feed:
                return [f"{symbol} {fault}" for fault in await what(feed)]
        except Exception as error:  # noqa: BLE001  the others go on
            return [f"{symbol}: {type(error).__name__}: {error}"]

    found = await asyncio.gather(*map(one, richest(recording, symbols)))
    return [fault for faults in found for fault in faults]


async def one_whole(feed: PlayedFeed) -> list[str]:
    await feed.begin()
    await feed.played()
    return [fault for channel in feed.channels for fault in differences(feed, channel)]


async def one_failing(feed: PlayedFeed) -> list[str]:
    await feed.begin()
    (route,) = feed.source._routes
    assert await feed.until(lambda: len(route._connections) == 2)
    for _ in range(8):
        for channel in feed.channels:
            feed.steps.grant(channel)
        await asyncio.sleep(0.05)
    begun_s = time.monotonic()
    next(iter(route._connections)).give_up("the test ends it")
    await feed.played()
    await asyncio.sleep(1.5)  # longer than one connection waits for another
    troubles = [one for channel in feed.channels for one in feed.troubles(channel, begun_s)]
    return [
        *map(str, troubles),
        *(one for name in feed.channels for one in differences(feed, name)),
    ]


def differences(feed: PlayedFeed, channel: str) -> list[str]:
    """Return how what was published differs from the recording."""
    expected, published = feed.expected, feed.of(channel)
    want: list[Any]
    got: list[Any]
    if channel == "trade":
        want = list(dict.fromkeys(map(trade_values, expected.events["trade"])))
        got = list(map(trade_values, published))
    elif channel == "ticker":
        want = unrepeated(list(map(ticker_values, expected.events["ticker"])))
        got = unrepeated(list(map(ticker_values, published)))
    elif channel == "quote":
        want = expected.quotes(feed.source.quote_from)
        got = [(one.bid, one.bid_size, one.ask, one.ask_size) for one in published]
        want, got = unrepeated(want), unrepeated(got)
    else:
        want = [levels for _, levels, _ in unrepeated(expected.books)]
        got = [shown(one) for one in published]
        if feed.source.checked.get("book") == "checksum":
            # A venue may not send what changes no level of those that are subscribed to.
            want, got = unrepeated(want), unrepeated(got)
    if channel == "book" or (channel == "quote" and feed.source.quote_from == "book"):
        # A book that is requested begins with one of the first updates.
        wanted = [want[at:] for at in range(4) if got[:1] == want[at : at + 1]] or [want]
        want = got if got in wanted else wanted[0]
    if want == got:
        return []
    at = next(
        (i for i, pair in enumerate(zip(want, got, strict=False)) if pair[0] != pair[1]), None
    )
    where = f"{channel}: {len(want)} sent, {len(got)} published"
    if at is None:
        return [f"{where}; {feed.troubles(channel, 0)[:2]} rejected {feed.core.session.rejected}"]
    return [f"{where}; number {at}: {want[at]} became {got[at]}"]


RUNS = {
    "test_every_event_is_published_once_in_order_with_equal_values": whole,
    "test_a_fault_in_any_channel_is_reported_or_harmless": faulty,
    "test_one_of_two_native_connections_may_fail_without_a_gap": failing,
}
