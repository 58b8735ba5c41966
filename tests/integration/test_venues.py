"""Every venue that has a `played.py`, on its recording: all events, and every kind of fault."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA, skip_outside_ci
from venue_setup import (
    WHOLE,
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

from feedd.embedded.played.recording import PlayedRecording
from feedd.errors import ConfigError
from feedd.venues.registry import FOLDER_OF, NATIVE

REPORTED_S = 2.5
BACK_S = 3.0
CHANNELS = ("ticker", "quote", "trade", "book")


def cases() -> list[Any]:
    found = []
    for path in recordings():
        try:
            recording = recording_of(path)
        except ConfigError:
            continue  # no venue plays it
        if recording.name not in FOLDER_OF:
            continue  # and none reads it: ccxt's own parsers
        kinds = ["ccxt", *(["native"] if recording.name in NATIVE else [])]
        found += [
            pytest.param(path, kind, id=f"{path.name.partition('.')[0]}-{kind}") for kind in kinds
        ]
    return found


@pytest.fixture(scope="module", autouse=True)
def _data() -> None:
    if not (DATA / "venues").is_dir():
        skip_outside_ci(f"{DATA / 'venues'} is missing; set FEEDD_DATA to the folder of recordings")


def richest(recording: PlayedRecording, at_most: int) -> list[str]:
    """Return the symbols with the most events of a channel, those of all channels first."""
    found: dict[str, None] = {}
    for channel in ("book", "trade", "ticker", "quote"):

        def count(symbol: str, channel: str = channel) -> int:
            return recording.counts.get((recording.market(symbol).id, channel), 0)  # type: ignore[arg-type]

        best = max(recording.markets, key=count)
        if count(best):
            found[best] = None
    return list(found)[:at_most]


def recording_run(recording: PlayedRecording, kind: str) -> RecordingRun:
    """Return what the tables of venues say of a test."""
    channels = {symbol: served_channels(recording, symbol) for symbol in richest(recording, 2)}
    name = recording.path.name.partition(".jsonl")[0].removesuffix(".gz")
    return RecordingRun(recording.name, kind, name, recording.first_ns, channels)


@pytest.mark.parametrize(("path", "kind"), cases())
def test_every_event_is_published_once_in_order_with_equal_values(path: Path, kind: str) -> None:
    recording = recording_of(path)

    async def run() -> list[str]:
        feeds = [one_whole(kind, recording, symbol) for symbol in richest(recording, 3)]
        return [fault for faults in await asyncio.gather(*feeds) for fault in faults]

    with documented(recording_run(recording, kind), "events"):
        assert "\n".join(asyncio.run(run())) == ""


async def one_whole(kind: str, recording: PlayedRecording, symbol: str) -> list[str]:
    channels = served_channels(recording, symbol)
    async with played_feed(kind, recording, symbol, channels) as feed:
        await feed.begin()
        for channel in CHANNELS:
            feed.steps.grant(channel, WHOLE)
        await feed.quiet(0.3)
        return [f"{symbol} {fault}" for channel in channels for fault in differences(feed, channel)]


def differences(feed: PlayedFeed, channel: str) -> list[str]:
    """Return how what was published differs from the recording."""
    expected, published = feed.expected, feed.of(channel)
    want: list[Any]
    got: list[Any]
    if channel == "trade":
        want = list(dict.fromkeys(map(trade_values, expected.events["trade"])))
        got = list(map(trade_values, published))
    elif channel == "ticker":
        want = list(map(ticker_values, expected.events["ticker"]))
        got = list(map(ticker_values, published))
    elif channel == "quote":
        want = expected.quotes(feed.source.quote_from)
        got = [(one.bid, one.bid_size, one.ask, one.ask_size) for one in published]
        want, got = unrepeated(want), unrepeated(got)
    else:
        want = [levels for _, levels, _ in unrepeated(expected.books)]
        got = [shown(one) for one in published]
        if all(one.id is None and one.timestamp is None for one in published):
            want = unrepeated(want)  # two equal ones can't be told apart
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


@pytest.mark.parametrize(("path", "kind"), cases())
def test_a_fault_in_any_channel_is_reported_or_harmless(path: Path, kind: str) -> None:
    recording = recording_of(path)

    async def run() -> list[str]:
        return [
            fault
            for faults in await asyncio.gather(
                *(one_with_faults(kind, recording, symbol) for symbol in richest(recording, 2))
            )
            for fault in faults
        ]

    with documented(recording_run(recording, kind), "faults"):
        assert "\n".join(asyncio.run(run())) == ""


async def one_with_faults(kind: str, recording: PlayedRecording, symbol: str) -> list[str]:
    channels = served_channels(recording, symbol)
    wrong: list[str] = []
    async with played_feed(kind, recording, symbol, channels) as feed:
        await feed.begin()
        carriers = list(dict.fromkeys(feed.carrier(channel) for channel in channels))
        for fault in ("drop", "duplicate", "reorder", "alter", "reset", "refuse"):
            for channel in carriers:
                wrong += await one_fault(feed, channel, fault)
        for channel in CHANNELS:
            feed.steps.grant(channel, WHOLE)
        await feed.quiet(0.3)
        if "trade" in channels:
            ids = [one.id for one in feed.of("trade") if one.id is not None]
            if len(ids) != len(set(ids)):
                wrong.append(f"trade: {len(ids) - len(set(ids))} were published twice")
    return [f"{symbol} {one}" for one in wrong]


async def one_fault(feed: PlayedFeed, channel: str, fault: str) -> list[str]:
    """Apply a fault to the next frame of a channel; return what went wrong."""
    steps, total = feed.steps, frames_of(feed, channel)
    if total - steps.sent[channel] < 4:
        return []  # the recording has no more
    checked = feed.source.checked.get(channel, "none")
    begun_s, before, fired = time.monotonic(), len(feed.ticks), feed.fired()
    sees = {"drop": checked in {"sequence", "checksum"}, "alter": checked == "checksum"}
    if fault == "refuse":
        feed.fault("refuse", channel, count=1)
        feed.fault("reset", channel)
    else:
        feed.fault(fault, channel)
    steps.grant(channel)
    await asyncio.sleep(0.02)
    while feed.fired() == fired and total - steps.sent[channel] > 3:
        steps.grant(channel)  # the frame had nothing that could be altered
        await asyncio.sleep(0.02)
    begun_at = steps.sent[channel]
    for _ in range(2):  # the frames after it show the loss
        steps.grant(channel)
        await asyncio.sleep(0.02)
    wrong = []
    if fault in {"reset", "refuse"} or sees.get(fault, False):
        seen = await feed.until(
            lambda: bool(feed.troubles(channel, begun_s)) or _repaired(feed, channel, begun_at),
            REPORTED_S,
        )
        if not seen:
            wrong.append(f"{channel} {fault}: not reported in {REPORTED_S} s")
    if (
        fault == "refuse"
        and feed.state(channel) == "live"
        and not published_since(feed, channel, begun_s)
    ):
        wrong.append(f"{channel} refuse: is live")
    if channel == "book":
        wrong += await book_back(feed, fault, checked, before)
    else:
        await feed.until(lambda: feed.state(channel) == "live", BACK_S)
        await feed.quiet()
    return wrong


async def book_back(feed: PlayedFeed, fault: str, checked: str, before: int) -> list[str]:
    """Wait until the book is the true one; return what was wrong meanwhile."""
    wrong, steps = [], feed.steps
    blind = checked == "none" or (checked in {"sequence", "whole"} and fault == "alter")

    def is_back() -> bool:
        books = feed.of("book")
        true = feed.expected.books[frames_sent(feed)]
        return feed.state("book") == "live" and shown(books[-1]) == true[1]

    back = await feed.until(is_back, 0.5)
    if not back and not blind:
        back = await feed.until(is_back, BACK_S - 0.5)
        if not back and steps.sent["book"] < frames_of(feed, "book"):
            steps.grant("book")  # a snapshot may need an update after it
            back = await feed.until(is_back, 0.5)
        if not back:
            state = feed.statuses[-1][1].channels["book"]
            wrong.append(f"book {fault}: not back in {BACK_S} s: {state.state} {state.reason}")
    if not blind:
        true_books = [levels for _, levels, _ in feed.expected.books]
        books = [tick for _, tick in feed.ticks[before:] if tick.channel == "book"]
        false = [book for book in books if shown(book) not in true_books]
        if false:
            wrong.append(f"book {fault}: {len(false)} wrong books were published")
    elif fault == "alter":
        # What nobody can see lasts until the next snapshot.
        feed.source.renew("book", "the test altered a frame")
        await feed.until(is_back, BACK_S)
    return wrong


def published_since(feed: PlayedFeed, channel: str, since_s: float) -> bool:
    return any(at_s > since_s and tick.channel == channel for at_s, tick in feed.ticks)


def frames_sent(feed: PlayedFeed) -> int:
    """Return the index of the newest update that was played."""
    return feed.steps.sent["book"] - 1


def frames_of(feed: PlayedFeed, channel: str) -> int:
    """Return how many frames of a stream the recording has."""
    name = feed.stream(channel)
    (recording,) = {id(one): one for one in feed.market._recordings.values()}.values()
    return sum(
        any(
            feed.market.stream_name(e.__struct_config__.tag, e.market) == name for e in batch.events
        )
        for batch in recording.batches(feed.expected.market.id)
    )


def _repaired(feed: PlayedFeed, channel: str, sent: int) -> bool:
    """Return whether all that was sent is published, a requested trade too."""
    if channel != "trade":
        return False
    ids = {str(one.id) for one in feed.of("trade")}
    return all(one.id in ids for one in feed.expected.events["trade"][:sent])
