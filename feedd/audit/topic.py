"""Audit of one topic: its messages against the truth and against its sequence numbers. Pure.

In a recording of the client library, each seq must be seen or lie in a Gap that was reported before
the next event. In a plain subscriber's, the sequence numbers themselves are the flag.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from feedd.audit.books import BookCheck
from feedd.audit.findings import Finding
from feedd.audit.flags import UnseenEvents
from feedd.channels import CHANNELS
from feedd.clock import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from feedd.audit.findings import Limits
    from feedd.audit.flags import Flags
    from feedd.audit.truth import Store
    from feedd.venues.truth import BookUpdate

MOST_SEQ = 1 << 53


class TopicAudit:
    """Takes one topic's lines in recorded order; `finish` checks what only the whole shows.

    `stores` are the streams of the truth that the topic may come from; without any, only its
    sequence numbers are checked. `load` returns the line of an event, `load_book` a book's update.
    `reported_sessions` are those that the client library reported for the feed.
    """

    def __init__(
        self,
        topic: str,
        stores: Iterable[Store],
        load: Callable[[Store, int], dict[str, Any]],
        load_book: Callable[[Store, int], BookUpdate],
        limits: Limits,
        *,
        by_client: bool,
        reported_sessions: set[int],
    ) -> None:
        self.finding = Finding(topic)
        self.channel = topic.partition(".")[0]
        self._stores = [one for one in stores if len(one)]
        self._load, self._load_book = load, load_book
        self._limits = limits
        self._by_client = by_client
        self._reported_sessions = reported_sessions
        # By sequence numbers
        self._session: int | None = None
        self._next: int | None = None  # the seq expected; None: any
        self._ticks = 0  # of the session
        self._only_snapshot = True  # of the session, nothing else arrived
        self._gaps: list[tuple[int, int, int]] = []  # reported: session, first, last
        self._claims: deque[tuple[int, int]] = deque()  # heartbeats' times and next seqs
        self._published_ns = 0  # of the last message in order
        # By the truth
        self._store: Store | None = None
        self._at = self._first_at = -1  # places of the last event and of the first
        self._at_ns = 0  # when the last one was published
        self._hidden = 0  # messages known to be lost since then
        self._turned = False  # a new session began since then
        self._holes: list[UnseenEvents] = []
        self._was_seen = bytearray()
        self._book: BookCheck | None = None
        self._base: Hashable = None  # the last key, where keys repeat
        self._repeats = 0

    # --- what was recorded --------------------------------------------------------------------

    def gap(self, session: int, first: int, last: int) -> None:
        """Take a Gap that the client library reported."""
        self._gaps.append((session, first, last))

    def claim(self, session: int, next_seq: int, ns: int, *, is_snapshot: bool) -> None:
        """Take the `next_seq` of a heartbeat."""
        if self._session is None or session > self._session:
            self._begin_session(session, ns)
        if session != self._session:
            return
        if self._next is None and not is_snapshot:
            self._next = next_seq
        self._only_snapshot = self._only_snapshot and is_snapshot
        self._claims.append((ns, next_seq))
        settled_ns = ns - int(self._limits.repair_s * NS_PER_S)
        while len(self._claims) > 1 and self._claims[1][0] <= settled_ns:
            self._claims.popleft()

    def tick(self, ns: int, payload: dict[str, Any]) -> None:
        """Take a message; raise one of MALFORMED for one that does not fit the channel."""
        counts = self.finding.counts
        counts.seen += 1
        session, seq, published_ns = payload["session"], payload["seq"], payload["published_ns"]
        if not type(session) is type(seq) is type(published_ns) is int or not 0 <= seq < MOST_SEQ:
            raise TypeError("`session`, `seq` or `published_ns` is not a valid number")
        if self._session is None or session > self._session:
            self._begin_session(session, ns)
        elif session < self._session:
            counts.out_of_order += 1
            self.finding.breach(ns, f"session {session} comes after session {self._session}")
            return
        is_snapshot = payload.get("client.origin") == "snapshot"
        if self._next is None or (
            not self._ticks and not self._turned and (is_snapshot or seq < self._next)
        ):
            self._next = seq  # a heartbeat may precede it; nothing is required yet
        self._only_snapshot = self._only_snapshot and is_snapshot
        if seq < self._next:
            self._judge_passed_seq(ns, seq, payload)
            return
        if seq > self._next:
            self._missing_seqs(seq, ns)
        self._ticks += 1
        self._next = seq + 1
        self._published_ns = published_ns
        if self._stores:
            self._match(ns, payload)

    def finish(self, end_ns: int, flags: Flags, live_ns: tuple[int, int] | None) -> Finding:
        """Judge the holes and the end; return the finding.

        `live_ns` is the period at the end in which the feed was live and its events had time to
        arrive; None if unknown.
        """
        counts = self.finding.counts
        self._tail(end_ns, end_ns - int(self._limits.repair_s * NS_PER_S))
        store = self._store
        if store is None:
            if live_ns is not None:
                self._never_seen(*live_ns)
            counts.truth = counts.truth or counts.seen
            return self.finding
        for hole in self._holes:
            self._judge(hole, flags, store)
        if live_ns is not None:
            self._judge_end(store, flags, *live_ns)
        matched = sum(self._was_seen)
        counts.flagged = max(0, counts.flagged)
        counts.truth = matched + counts.flagged + counts.missing
        return self.finding

    # --- by sequence numbers ------------------------------------------------------------------

    def _judge_passed_seq(self, ns: int, seq: int, payload: dict[str, Any]) -> None:
        """Judge a message whose seq has passed."""
        counts, last = self.finding.counts, (self._next or 0) - 1
        twice = seq == last
        if self._store is not None:
            key = self._store.published(self.channel, payload).key
            index = self._store.index(key, self._at, payload["published_ns"])
            twice = index is not None and bool(self._was_seen[index])
        if twice:
            counts.twice += 1
            self.finding.breach(
                ns, f"twice: seq {seq} of session {self._session}, id {payload['id']}"
            )
        else:
            counts.out_of_order += 1
            self.finding.breach(ns, f"out of order: seq {seq} comes after seq {last}")

    def _missing_seqs(self, end: int, ns: int) -> None:
        """Judge the seqs from the one expected up to `end`, which were not seen."""
        first = at = self._next or 0
        count = reported = end - first
        if self._by_client:
            reported = 0
            for session, low, high in sorted(self._gaps):
                if session == self._session and high >= at and low < end:
                    reported += min(high + 1, end) - max(low, at)
                    at = max(at, high + 1)
            self._gaps = [
                (session, low, high)
                for session, low, high in self._gaps
                if session > (self._session or 0) or (session == self._session and high >= end)
            ]
        self._hidden += count
        if not self._stores:
            self.finding.counts.flagged += reported
        if reported < count:
            self.finding.counts.missing += count - reported
            self.finding.breach(
                ns,
                f"missing: of seq {first} to {end - 1} of session {self._session}, "
                f"{count - reported} were neither seen nor reported as a Gap",
            )
            if self._stores:
                self.finding.counts.flagged -= count - reported  # else it would be counted twice

    def _begin_session(self, session: int, ns: int) -> None:
        """Begin a session."""
        if self._session is not None:
            self._tail(ns, ns)
            joins = self._by_client and self._only_snapshot
            if self._by_client and not joins and session not in self._reported_sessions:
                self.finding.counts.missing += 1
                self.finding.breach(ns, f"missing: session {session} began without a NewSession")
            self._turned = True
            self._next = None if joins else 1
        self._session, self._ticks = session, 0
        self._only_snapshot = True
        self._claims.clear()

    def _tail(self, ns: int, until_ns: int) -> None:
        """Judge messages that heartbeats up to a time show as published and that were not seen."""
        claimed = max((next_seq for at, next_seq in self._claims if at <= until_ns), default=0)
        if self._next is not None and claimed > self._next:
            self._missing_seqs(claimed, ns)
            self._next = claimed

    # --- by the truth -------------------------------------------------------------------------

    def _match(self, ns: int, payload: dict[str, Any]) -> None:
        """Find an event in the truth and compare it."""
        counts = self.finding.counts
        event = self._stores[0].published(self.channel, payload)
        key = self._numbered(event.key) if CHANNELS[self.channel].key_repeats else event.key
        keys = (key, *event.aliases)
        places = (self._find(one, payload["published_ns"]) for one in keys)
        index = next((place for place in places if place is not None), None)
        if index is None or self._store is None:
            if self._repeats:
                counts.twice += 1
                self.finding.breach(ns, f"twice: {payload['side']} at {payload['timestamp']}")
            else:
                counts.unknown += 1
                self.finding.breach(ns, f"unknown: the exchange sent no event {_shown(event.key)}")
            return
        store, at = self._store, self._at
        if index == at and (self.channel == "ticker" or self._may_repeat() or event.again):
            self._at_ns, self._hidden = payload["published_ns"], 0
            if event.again:
                self._compare(ns, store, index, event.content, payload)
            return
        if self._was_seen[index] and self.channel != "ticker":
            counts.twice += 1
            self.finding.breach(ns, f"twice: {_shown(event.key)} at seq {payload['seq']}")
            return
        if index < at:
            counts.out_of_order += 1
            self.finding.breach(ns, f"out of order: {_shown(event.key)} at seq {payload['seq']}")
            self._was_seen[index] = 1
            return
        self._was_seen[index] = 1
        if at < 0:
            self._first_at = index
        elif index > at + 1:
            session = self._session if self._turned else None
            times = self._at_ns, payload["published_ns"]
            self._holes.append(UnseenEvents(at + 1, index - 1, self._hidden, *times, session))
        self._at, self._at_ns = index, payload["published_ns"]
        self._hidden, self._turned = 0, False
        self._compare(ns, store, index, event.content, payload)

    def _compare(
        self,
        ns: int,
        store: Store,
        index: int,
        content: tuple[Any, ...],
        payload: dict[str, Any],
    ) -> None:
        wrong = None
        if self._book is not None:
            wrong = self._book.check(index, payload)
        elif not store.equals(index, content):
            wrong = f"is {content}; the exchange sent {self._load(store, index)['data']}"
        if wrong is not None:
            self.finding.counts.wrong += 1
            self.finding.breach(ns, f"wrong content: id {payload['id']} {wrong}")

    def _may_repeat(self) -> bool:
        """Whether an event may repeat the last one: a state, at the start of a new session."""
        repeats = self._turned and CHANNELS[self.channel].is_state
        self._turned = self._turned and not repeats
        return repeats

    def _find(self, key: Hashable, by_ns: int) -> int | None:
        if self._store is not None:
            return self._store.index(key, self._at + 1, by_ns)
        for store in self._stores:
            index = store.index(key, 0, by_ns)
            if index is not None:
                self._store = store
                self._was_seen = bytearray(len(store))
                if self.channel == "book":
                    self._book = BookCheck(self._update)
                return index
        return None

    def _update(self, index: int) -> BookUpdate:
        if self._store is None:
            raise RuntimeError("no stream found yet")
        return self._load_book(self._store, index)

    def _numbered(self, key: Hashable) -> Hashable:
        """Return a key that repeats with the number of equal ones before it."""
        self._repeats = self._repeats + 1 if key == self._base else 0
        self._base = key
        return (*key[:-1], self._repeats) if isinstance(key, tuple) else key

    def _judge(self, hole: UnseenEvents, flags: Flags, store: Store) -> None:
        """Count the flagged and the missing events of a hole."""
        counts = self.finding.counts
        if hole.session is not None:
            hole = self._since_live(hole, flags, store)
        optional = sum(hole.first <= place <= hole.last for place in store.optional)
        required = hole.last - hole.first + 1 - optional
        unflagged = max(0, flags.uncovered(hole, self.channel, store) - hole.hidden)
        if unflagged and flags.excuse(hole, self.channel):
            unflagged = 0
        counts.flagged += required - unflagged
        if unflagged:
            counts.missing += unflagged
            first, last = (self._load(store, at) for at in (hole.first, hole.last))
            self.finding.breach(
                hole.before_ns,
                f"missing: {unflagged} of {required} events from id {first['id']} (sent at "
                f"{first['sent_ns']}) to id {last['id']} were neither seen nor flagged",
            )

    def _since_live(self, hole: UnseenEvents, flags: Flags, store: Store) -> UnseenEvents:
        """Count events sent before a new session subscribed as flagged; return the rest.

        A status is `live` as soon as a subscription is sent, and a subscriber may receive the
        feed's statuses before the topic: events sent meanwhile are not required either.
        """
        live_ns = flags.live_since(self.channel, hole.session or 0, hole.before_ns)
        required_ns = (
            hole.before_ns if live_ns is None else live_ns + int(self._limits.join_s * NS_PER_S)
        )
        first = hole.first
        while first <= hole.last and store.sent_ns[first] < required_ns:
            first += 1
        self.finding.counts.flagged += first - hole.first
        return hole._replace(first=first)

    def _judge_end(self, store: Store, flags: Flags, since_ns: int, until_ns: int) -> None:
        """Judge events sent after the last one seen, while the feed reported `live`."""
        first, end = self._at + 1, self._at + 1
        while end < len(store) and store.sent_ns[end] <= until_ns:
            end += 1
        while first < end and store.sent_ns[first] < since_ns:
            first += 1
        if first < end:
            self._judge(
                UnseenEvents(first, end - 1, self._hidden, self._at_ns, until_ns), flags, store
            )

    def _never_seen(self, since_ns: int, until_ns: int) -> None:
        """Judge a topic that a heartbeat names and that published nothing."""
        since_ns += int(self._limits.trailing_s * NS_PER_S)
        sent = sum(since_ns <= ns <= until_ns for store in self._stores for ns in store.sent_ns)
        if sent and not self.finding.counts.seen:
            self.finding.counts.missing += sent
            self.finding.breach(until_ns, f"missing: all of {sent} events, while the feed was live")


def _shown(key: Hashable) -> str:
    return str(key) if isinstance(key, tuple) else f"id {key}"
