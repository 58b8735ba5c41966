"""The audit of one recording: compare its lines with a truth log. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from feedd.audit.findings import Counts, Finding, Limits
from feedd.audit.flags import Flags, UpstreamFlag
from feedd.audit.lines import NOTICES, StatusFields
from feedd.audit.states import Timeline, judge_heartbeats, judge_marks
from feedd.audit.topic import TopicAudit
from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap
from feedd.clock import NS_PER_S
from feedd.topics import topic
from feedd.venues.market_ids import id_of

if TYPE_CHECKING:
    from feedd.audit.lines import Notice
    from feedd.audit.truth import Store, Truth
    from feedd.model import EventId
    from feedd.model import Gap as StatusGap
    from feedd.venues.truth import BookUpdate


class Audit:
    """One recording against one truth: `take` each line of it, then `finish`.

    `by_client`: the client library recorded it, not a plain subscriber. `prefixes` are the topic
    prefixes that were subscribed to.
    """

    def __init__(
        self, truth: Truth, prefixes: list[str], limits: Limits, *, by_client: bool
    ) -> None:
        self._truth = truth
        self._prefixes = tuple(prefixes)
        self._limits = limits
        self._by_client = by_client
        self._topics: dict[str, TopicAudit] = {}
        self._flags: dict[str, Flags] = {}  # by feed, `<exchange>.<symbol>.`
        self._lines: dict[str, Timeline] = {}
        self._reported_sessions: dict[str, set[int]] = {}
        # Upstream gaps and when they were reported, until their status arrives
        self._untimed: dict[str, list[tuple[int, UpstreamGap]]] = {}
        self.begin_ns = self.end_ns = 0

    # --- lines --------------------------------------------------------------------------------

    def take(self, line: dict[str, Any]) -> None:
        """Take a line; raise one of MALFORMED for a malformed one."""
        ns = line["ns"]
        if type(ns) is not int:
            raise TypeError("`ns` is not an integer")
        self.begin_ns = self.begin_ns or ns
        self.end_ns = max(self.end_ns, ns)
        if "topic" in line and "payload" in line:
            self._message(ns, line["topic"], line["payload"])
        elif "notice" in line:
            kind = NOTICES.get(line["notice"])
            if kind is not None:
                self._notice(ns, msgspec.convert(line, kind))

    def _message(self, ns: int, name: str, payload: dict[str, Any]) -> None:
        if not isinstance(name, str) or not isinstance(payload, dict):
            raise TypeError("`topic` is not text, or `payload` is not a map")
        one = self._topics.get(name) or self._open(name)
        one.tick(ns, payload)
        if one.channel == "status":
            self._status(ns, name, msgspec.convert(payload, StatusFields))

    def _status(self, ns: int, name: str, status: StatusFields) -> None:
        feed = name.partition(".")[2]
        is_snapshot = status.origin == "snapshot"
        flags, line = self._flags_of(feed), self._line(feed)
        for other, next_seq in status.next_seq.items():
            if other != name and other.startswith(self._prefixes):
                one = self._topics.get(other) or self._open(other)
                one.claim(status.session, next_seq, ns, is_snapshot=is_snapshot)
        flags.status(status)
        for channel, its in status.channels.items():
            line.limit(channel, status.published_ns, its.stale_after_s)
        book = status.channels.get("book")
        if "resync" in {status.state, book.state if book is not None else None}:
            flags.resync_ns.append(status.published_ns)
        if self._by_client:
            self._time_gaps(feed, status.gap, status.published_ns)
            if not is_snapshot:
                line.heartbeat(ns, int(self._limits.stale_s * NS_PER_S))
        else:
            line.change(status.published_ns, status.state)
            if status.gap is not None:
                self._gap(feed, status.gap, status.published_ns)

    def _notice(self, ns: int, notice: Notice) -> None:
        if isinstance(notice, Gap):
            one = self._topics.get(notice.topic) or self._open(notice.topic)
            one.gap(notice.session, notice.from_seq, notice.to_seq)
        elif not notice.feed:
            return  # of the stream itself
        elif isinstance(notice, UpstreamGap):
            self._untimed.setdefault(notice.feed, []).append((ns, notice))
        elif isinstance(notice, NewSession):
            self._reported_sessions.setdefault(notice.feed, set()).add(notice.new)
        elif isinstance(notice, StateChange):
            self._line(notice.feed).change(ns, notice.state)
        elif isinstance(notice, Stopped):
            self._line(notice.feed).change(ns, "stopped")

    def _time_gaps(self, feed: str, gap: StatusGap | None, published_ns: int) -> None:
        """Give the client library's gaps the time of the status that reported them."""
        reported = self._untimed.get(feed)
        if not reported or gap is None:
            return
        for one in reported:
            if _ids(one[1]) == _ids(gap):
                reported.remove(one)
                self._gap(feed, gap, published_ns)
                return

    def _gap(self, feed: str, gap: StatusGap | UpstreamGap, ns: int) -> None:
        flag = UpstreamFlag(ns, gap.from_id, gap.to_id)
        self._flags_of(feed).gaps.setdefault(gap.channel, []).append(flag)

    # --- the end ------------------------------------------------------------------------------

    def finish(self) -> list[Finding]:
        """Check what only a complete recording shows; return the findings by topic."""
        for feed, reported in self._untimed.items():
            for ns, gap in reported:
                self._gap(feed, gap, ns)
        marks = [(mark, self._truth.feeds_of(mark)) for mark in self._truth.marks]
        for feed, line in self._lines.items():
            line.last_ns = max(line.last_ns, self.end_ns)
            status = self._topics.get(f"status.{feed}")
            if status is None:
                continue
            exchange, symbol = _parts(feed)
            key = (exchange, id_of(exchange, symbol))
            judge_marks(marks, key, line, self._limits, status.finding)
            if self._by_client:
                judge_heartbeats(line, self.end_ns, self._limits, status.finding)
        findings = []
        for name, one in sorted(self._topics.items()):
            feed = name.partition(".")[2]
            live_ns = None if one.channel == "status" else self._live_ns(feed, one.channel)
            findings.append(one.finish(self.end_ns, self._flags_of(feed), live_ns))
        return findings

    def _live_ns(self, feed: str, channel: str) -> tuple[int, int] | None:
        """Return when the feed last became live, and by when events were due; None if unknown."""
        line = self._lines.get(feed)
        if line is None or not line.changes or line.changes[-1][1] != "live":
            return None
        after_s = line.stale_after([channel], self.end_ns)
        if after_s is None:
            return None
        wait_s = max(self._limits.trailing_s, self._limits.silences * after_s)
        return line.changes[-1][0], self.end_ns - int(wait_s * NS_PER_S)

    # --- parts --------------------------------------------------------------------------------

    def _open(self, name: str) -> TopicAudit:
        channel, _, feed = name.partition(".")
        exchange, symbol = _parts(feed)
        stores = self._truth.stores.get((exchange, id_of(exchange, symbol), channel), {})
        one = self._topics[name] = TopicAudit(
            topic(channel, exchange, symbol), stores.values(), self._event, self._book,
            self._limits, by_client=self._by_client,
            reported_sessions=self._reported_sessions.setdefault(feed, set()),
        )  # fmt: skip
        return one

    def _event(self, store: Store, index: int) -> dict[str, Any]:
        return self._truth.event(store, index)

    def _book(self, store: Store, index: int) -> BookUpdate:
        return self._truth.book(store, index)

    def _flags_of(self, feed: str) -> Flags:
        return self._flags.setdefault(feed, Flags())

    def _line(self, feed: str) -> Timeline:
        return self._lines.setdefault(feed, Timeline(f"status.{feed}"))


def total(findings: list[Finding]) -> Counts:
    """Return the sum of all counts."""
    whole = Counts()
    for finding in findings:
        for name in Counts.__dataclass_fields__:
            setattr(whole, name, getattr(whole, name) + getattr(finding.counts, name))
    return whole


def _ids(gap: StatusGap | UpstreamGap) -> tuple[str, EventId, EventId]:
    return gap.channel, gap.from_id, gap.to_id


def _parts(feed: str) -> tuple[str, str]:
    """Return exchange and symbol of `<exchange>.<symbol>.`; raise ValueError for anything else."""
    exchange, dot, rest = feed.partition(".")
    if not dot or not rest.endswith("."):
        raise ValueError(f"{feed!r} is not the feed of a topic")
    return exchange, rest[:-1]
