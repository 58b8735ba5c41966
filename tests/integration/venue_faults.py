"""Faults on a played feed, one kind after the other on each channel, and what went wrong."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from venue_setup import PlayedFeed, Top, shown

from feedd.embedded.played.altered import levels_to_alter

REPORTED_S = 2.5
BACK_S = 3.0
AGAIN_S = 20.0  # until a refused subscription is asked for again, with back-off
REFUSED_S = 0.2  # from a refusal to a state that shows it
COVERED = 10  # levels a side, which every checksum covers
SHOWN_S = 0.03  # from a frame to what is published of it
FRAMES_AFTER = 2  # a fault, which show it


async def faults_of(feed: PlayedFeed) -> list[str]:
    """Apply every kind of fault; return what went wrong."""
    await feed.begin()
    carriers = list(dict.fromkeys(feed.carrier(channel) for channel in feed.channels))
    wrong: list[str] = []
    for fault in ("drop", "duplicate", "reorder", "alter"):
        for channel in carriers:
            if feed.left(channel) > FRAMES_AFTER + 1:
                wrong += await _in_a_frame(feed, channel, fault)
    for refused in (False, True):
        wrong += await _reconnect(feed, carriers, refused=refused)
    await feed.played()
    return wrong + _twice(feed) + _backwards(feed)


async def _in_a_frame(feed: PlayedFeed, channel: str, fault: str) -> list[str]:
    """Apply a fault to the next frame of a channel."""
    checked = feed.source.checked.get(channel, "none")
    if channel == "book" and checked == "checksum":
        await _until_covered(feed)
    since_s, before = time.monotonic(), len(feed.ticks)
    feed.fault(fault, channel)
    fired = feed.fired()
    while feed.fired() == fired and feed.left(channel) > FRAMES_AFTER:
        feed.steps.grant(channel)  # a frame may have nothing that can be altered
        await asyncio.sleep(SHOWN_S)
    for _ in range(FRAMES_AFTER):
        feed.steps.grant(channel)
        await asyncio.sleep(SHOWN_S)
    wrong = []
    # Two changes may cancel each other: what a checksum shows is judged by the books.
    if (fault, checked) == ("drop", "sequence") and not await feed.until(
        lambda: bool(feed.troubles(channel, since_s)) or _repaired(feed, channel), REPORTED_S
    ):
        wrong.append(f"{channel} {fault}: not reported in {REPORTED_S} s")
    if channel == "book":
        blind = checked == "none" or (checked != "checksum" and fault == "alter")
        wrong += await _book(feed, fault, before, blind=blind)
    return wrong


async def _until_covered(feed: PlayedFeed) -> None:
    """Send frames until the next ones change levels that a checksum covers: the best."""
    tops = [(bids[:COVERED], asks[:COVERED]) for _, (bids, asks), _ in feed.expected.books]
    while feed.left("book") > FRAMES_AFTER + 1:
        at = feed.steps.sent["book"]
        if tops[at - 1] != tops[at] != tops[at + 1] and _first_in(feed, at, tops[at]):
            return
        feed.steps.grant("book")
        await feed.until(lambda sent=at: feed.steps.sent["book"] > sent)


def _first_in(feed: PlayedFeed, at: int, best: Top) -> bool:
    """Return whether the level that would be altered in a frame is one of the best."""
    event = feed.expected.events["book"][at]
    price = next((price for price, _ in levels_to_alter(event)), None)
    return price is not None and float(price) in {level[0] for side in best for level in side}


async def _reconnect(feed: PlayedFeed, carriers: list[str], *, refused: bool) -> list[str]:
    """Reset all connections, and refuse the subscriptions that follow."""
    name = "refuse" if refused else "reset"
    since_s, before = time.monotonic(), len(feed.ticks)
    if refused:
        for channel in carriers:
            feed.fault("refuse", channel, count=1)
    feed.fault("reset", "")
    for channel in carriers:
        feed.steps.grant(channel, 2)  # sent while nobody listens
    await feed.until(lambda: all(feed.troubles(one, since_s) for one in carriers), REPORTED_S)
    silent = [channel for channel in carriers if not feed.troubles(channel, since_s)]
    wrong = [f"{channel} {name}: not reported in {REPORTED_S} s" for channel in silent]
    refusals = len(carriers) if refused else 0
    if not await feed.until(lambda: feed.fired("refuse") >= refusals, AGAIN_S):
        wrong.append(f"{name}: not subscribed to again in {AGAIN_S} s")
    elif refused:
        await asyncio.sleep(REFUSED_S)
        live = [one for one in carriers if feed.state(one) == "live" and not feed.carries(one)]
        wrong += [f"{channel} refuse: is live" for channel in live]
    if not await feed.until(lambda: all(map(feed.carries, carriers)), AGAIN_S):
        away = [channel for channel in carriers if not feed.carries(channel)]
        wrong.append(f"{name}: {', '.join(away)} not subscribed to again in {AGAIN_S} s")
    if "book" in carriers:
        blind = feed.source.checked.get("book", "none") == "none"
        wrong += await _book(feed, name, before, blind=blind)
    return wrong


async def _book(feed: PlayedFeed, fault: str, before: int, *, blind: bool) -> list[str]:
    """Wait until the book is the true one; return what was wrong meanwhile."""
    wrong = []

    def is_back() -> bool:
        books, true = feed.of("book"), feed.expected.books[feed.steps.sent["book"] - 1]
        return feed.state("book") == "live" and shown(books[-1]) == true[1]

    if blind and fault in {"drop", "alter", "reorder"}:
        # What nobody can see lasts until the next snapshot.
        feed.source.renew("book", "the test takes what nothing shows")
        await feed.until(is_back, BACK_S)
        return []
    back = await feed.until(is_back, 1.0)
    within_s = AGAIN_S if fault == "refuse" else BACK_S
    if not back and feed.left("book"):
        feed.steps.grant("book")  # a book that is the same again is not published
        back = await feed.until(is_back, within_s - 1.0)
    if not back and feed.left("book"):
        state = feed.statuses[-1][1].channels["book"]
        wrong.append(f"book {fault}: not back in {within_s} s: {state.state}, {state.reason}")
    published = [shown(tick) for _, tick in feed.ticks[before:] if tick.channel == "book"]
    false = _false_books(published, [levels for _, levels, _ in feed.expected.books])
    if false:
        wrong.append(f"book {fault}: {false} wrong books were published")
    return wrong


def _false_books(published: list[Top], true: list[Top]) -> int:
    """Return how many books are no true one, or an earlier one than the book before."""
    false, at = 0, 0
    for book in published:
        place = next((index for index in range(at, len(true)) if true[index] == book), None)
        if place is None:
            false += 1
        else:
            at = place
    return false


def _twice(feed: PlayedFeed) -> list[str]:
    # One whose size a fault altered is another one than that of a later page.
    ids = [(one.id, one.size) for one in feed.of("trade") if one.id is not None]
    twice = len(ids) - len(set(ids))
    return [f"trade: {twice} were published twice"] if twice else []


def _backwards(feed: PlayedFeed) -> list[str]:
    """Return the channels whose state went back to an earlier one."""
    wrong = []
    for channel in ("ticker", "quote"):
        sent: list[Any] = [one.time_ms for one in feed.expected.events.get(channel, ())]
        unchecked = feed.source.checked.get(channel, "none") == "none"
        if unchecked or None in sent or sent != sorted(sent):
            continue
        times = [one.timestamp for one in feed.of(channel)]
        if None not in times and times != sorted(times):
            wrong.append(f"{channel}: an earlier one was published after a later one")
    return wrong


def _repaired(feed: PlayedFeed, channel: str) -> bool:
    """Return whether all that was sent is published, a requested trade too."""
    if channel != "trade":
        return False
    ids = {str(one.id) for one in feed.of("trade")}
    return all(one.id in ids for one in feed.sent_trades)
