"""The cases: what happens in each. docs/conformance.md lists what each requires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.conformance.case_run import CaseFeed, CaseRun

QUIET_S = 4.0  # longer than it takes to report a feed as stale
HISTORY_S = 1.5  # longer than a client waits for a repair
EXACT_DOUBLES = 2**53  # a float64 has no larger odd numbers


def in_order(case: CaseRun) -> None:
    """Two topics are published; nothing is lost."""
    feed = _joined(case, "quote", "trade")
    for _ in range(_some(case)):
        feed.tick(channel=case.random.choice(["quote", "trade"]))


def gap_repaired(case: CaseRun) -> None:
    """Ticks are lost in transit, and the history has them."""
    feed = _joined(case)
    for _ in range(3):
        _run(case, feed)
        for _ in range(case.random.randint(1, 5)):
            feed.tick(sent=False)
    feed.tick()


def gap_lost(case: CaseRun) -> None:
    """Ticks are lost in transit, and the history does not have them."""
    feed = _joined(case)
    for _ in range(2):
        _run(case, feed)
        for _ in range(case.random.randint(1, 5)):
            feed.tick(sent=False, kept=False)
    feed.tick()


def gap_in_part(case: CaseRun) -> None:
    """Ticks are lost in transit, and the history has only some of them."""
    feed = _joined(case)
    _run(case, feed)
    for kept in (False, True, True, False, True):
        for _ in range(case.random.randint(1, 3)):
            feed.tick(sent=False, kept=kept)
    feed.tick()


def duplicates(case: CaseRun) -> None:
    """Ticks arrive twice, immediately and later."""
    feed = _joined(case)
    sent = []
    for _ in range(_some(case)):
        sent.append(feed.tick())
        feed.again(sent[-1])
    for frames in case.random.sample(sent, 3):
        feed.again(frames)
    feed.tick()


def reordered(case: CaseRun) -> None:
    """Ticks overtake each other."""
    feed = _joined(case)
    _run(case, feed)
    for _ in range(3):
        late = [feed.tick(sent=False) for _ in range(case.random.randint(2, 4))]
        case.random.shuffle(late)
        for frames in late:
            feed.again(frames)
    feed.tick()


def new_session(case: CaseRun) -> None:
    """The worker restarts; two topics are published before and after."""
    feed = _joined(case, "quote", "trade")
    _run(case, feed, "quote", "trade")
    case.settle()
    feed.restart()
    _run(case, feed, "trade", "quote")


def new_session_after_known_tail(case: CaseRun) -> None:
    """The old session's last ticks are lost; its last heartbeat announced them."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.tick(sent=False, kept=False)
    feed.tick(sent=False, kept=False)
    feed.heartbeat()
    feed.restart()
    _run(case, feed)


def new_session_after_unknown_tail(case: CaseRun) -> None:
    """The old session's last ticks are lost, and nothing announced them."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.tick(sent=False, kept=False, reported=False)
    feed.restart()
    _run(case, feed)


def new_session_begins_with_a_loss(case: CaseRun) -> None:
    """The first ticks of the new session are lost; the history has the second half of them."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.restart()
    for kept in (False, True):
        for _ in range(case.random.randint(1, 3)):
            feed.tick(sent=False, kept=kept)
    _run(case, feed)


def old_session(case: CaseRun) -> None:
    """Messages of the old session arrive after the new session has begun."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    late = [feed.tick(sent=False, kept=False, reported=False) for _ in range(2)]
    late.append(feed.heartbeat(sent=False, kept=False))
    feed.restart()
    _run(case, feed)
    case.settle()
    for frames in late:
        feed.again(frames)
    _run(case, feed)


def tail_repaired(case: CaseRun) -> None:
    """The newest ticks are lost: only `next_seq` shows it, and the history has them."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.tick(sent=False)
    feed.tick(sent=False)
    feed.heartbeat()


def tail_lost(case: CaseRun) -> None:
    """The newest ticks are lost: only `next_seq` shows it, and the history does not have them."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.tick(sent=False, kept=False)
    feed.tick(sent=False, kept=False)
    feed.heartbeat()


def stopped(case: CaseRun) -> None:
    """The feed stops cleanly, then sends nothing; that is not stale."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.stop()
    case.settle()
    case.wait(QUIET_S)


def stopped_with_lost_tail(case: CaseRun) -> None:
    """The last ticks before a clean stop are lost, and the history has them."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.tick(sent=False)
    feed.tick(sent=False)
    feed.stop()


def stale(case: CaseRun) -> None:
    """The heartbeats stop, and resume."""
    feed = _joined(case)
    _run(case, feed)
    case.settle()
    feed.stop_heartbeats()
    case.settle()
    feed.resume()
    _run(case, feed)


def upstream_gap(case: CaseRun) -> None:
    """The feed reports gaps on the exchange's side, with and without ids."""
    feed = _joined(case)
    _run(case, feed)
    feed.upstream_gap("quote", case.random.randint(1, 1000), case.random.randint(2000, 9000))
    _run(case, feed)
    feed.upstream_gap("quote", None, None)
    _run(case, feed)


def upstream_gap_before(case: CaseRun) -> None:
    """The last status before the client subscribed reports a gap: the snapshot has it."""
    feed = case.feed()
    feed.tick()
    feed.heartbeat(gap=_gap("quote"))
    feed.sends_heartbeats = False  # they would take its place in the snapshot
    case.join(feed.topic())
    feed.heartbeat()
    case.settle()
    _run(case, feed)


def upstream_gap_elsewhere(case: CaseRun) -> None:
    """The gap is of a channel to which the client has not subscribed."""
    feed = _joined(case, "quote")
    _run(case, feed)
    feed.heartbeat(gap=_gap("trade"))
    _run(case, feed)
    feed.upstream_gap("quote", 5, 9)
    _run(case, feed)


def heartbeats_lost(case: CaseRun) -> None:
    """Statuses are lost in transit; the history has some of them."""
    feed = _joined(case)
    _run(case, feed)
    for kept in (False, True):
        for _ in range(case.random.randint(1, 3)):
            feed.heartbeat(sent=False, kept=kept)
        _run(case, feed)
        feed.heartbeat()
    case.settle()
    case.wait(HISTORY_S)
    feed.tick()


def large_numbers(case: CaseRun) -> None:
    """Sessions, seqs and ids need more than 53 bits."""
    feed = case.feed(session=EXACT_DOUBLES + 1, first_seq=EXACT_DOUBLES - 1)
    feed.tick()
    feed.heartbeat()
    case.join(feed.topic())
    case.settle()
    for _ in range(_some(case)):
        feed.tick()
    feed.tick(sent=False)
    feed.tick(sent=False, kept=False)
    feed.tick()
    feed.upstream_gap("quote", 2**63 + 1, 2**63 + 3)
    case.settle()
    feed.restart()
    _run(case, feed)


def unknown_keys(case: CaseRun) -> None:
    """Payloads have unknown keys."""
    feed = _joined(case)
    for _ in range(_some(case)):
        feed.tick(venue_flag=case.random.randint(0, 9), nested={"deep": [1, {"er": None}]})
    feed.heartbeat(weather="fair", nested=[1.5, b"bytes"])
    feed.tick()


def unknown_topics(case: CaseRun) -> None:
    """Messages of unknown channels arrive, and bytes that are neither a topic nor a message."""
    feed = case.feed()
    weather = feed.topic("weather")
    case.join(feed.topic(), weather)
    feed.heartbeat()
    for _ in range(_some(case)):
        feed.tick()
        feed.unknown("weather")
        case.publish(f"{weather}.and.more", b"\xc1 no MessagePack")
        case.publish_bytes(weather.encode() + b"\xff\xfe", b"\xc1")
    feed.tick()


def prefix(case: CaseRun) -> None:
    """One symbol's name begins with another's; the client subscribes to the shorter one only."""
    short, long = case.feed("USD:USD"), case.feed("USD:USD-260327")
    case.join(short.topic())
    for feed in (short, long):
        feed.heartbeat()
    for _ in range(_some(case)):
        short.tick()
        long.tick(reported=False)
        long.tick(reported=False)


def late_join(case: CaseRun) -> None:
    """Messages were published before the client subscribed: it starts with the last one."""
    feed = case.feed()
    for _ in range(_some(case)):
        feed.tick(reported=False)
    feed.tick()
    feed.heartbeat()
    case.join(feed.topic())
    case.settle()
    _run(case, feed)


def _gap(channel: str) -> dict[str, Any]:
    return {"channel": channel, "from_id": 1, "to_id": 7, "reason": "played"}


def _joined(case: CaseRun, *channels: str) -> CaseFeed:
    """Return a feed to which the client has subscribed before its first tick."""
    feed = case.feed()
    case.join(*(feed.topic(channel) for channel in channels or ("quote",)))
    feed.heartbeat()
    return feed


def _run(case: CaseRun, feed: CaseFeed, *channels: str) -> None:
    for _ in range(case.random.randint(2, 6)):
        for channel in channels or ("quote",):
            feed.tick(channel=channel)


def _some(case: CaseRun) -> int:
    return case.random.randint(10, 30)


CASES: dict[str, Callable[[CaseRun], None]] = {
    case.__name__.replace("_", "-"): case
    for case in (
        in_order, gap_repaired, gap_lost, gap_in_part, duplicates, reordered, new_session,
        new_session_after_known_tail, new_session_after_unknown_tail,
        new_session_begins_with_a_loss, old_session, tail_repaired, tail_lost, stopped,
        stopped_with_lost_tail, stale, upstream_gap, upstream_gap_before, upstream_gap_elsewhere,
        heartbeats_lost, large_numbers, unknown_keys, unknown_topics, prefix, late_join,
    )
}  # fmt: skip
