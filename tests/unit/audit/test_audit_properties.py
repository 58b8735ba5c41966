"""Any honest recording passes whatever was lost, and fails once anything in it is changed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.audit.handmade_logs import (
    FEED,
    QUOTE,
    STATUS,
    TRADE,
    audited,
    client_gap,
    notice,
    quote_seen,
    quote_sent,
    status_seen,
    trade_seen,
    trade_sent,
)  # fmt: skip

TOPICS = (TRADE, QUOTE)
STEP_S = 0.01
Line = dict[str, Any]


@dataclass
class Made:
    """A truth, and an honest recording of it."""

    truth: list[Line] = field(default_factory=list)
    recorded: list[Line] = field(default_factory=list)


class Maker:
    """Let an exchange send, a feed lose and report some, and a subscriber lose more."""

    def __init__(self, random: Random, *, by_client: bool) -> None:
        self.made = Made()
        self._random = random
        self._by_client = by_client
        self._now_s = 0.0
        self._session = 1
        self._seqs = dict.fromkeys((*TOPICS, STATUS), 0)
        self._ids = {TRADE: 1000, QUOTE: 5000}
        self._last = dict(self._ids)  # what the feed published last
        self._lost: dict[str, int] = {}  # the first seq that the subscriber has lost, by topic

    def make(self) -> Made:
        for topic in TOPICS:
            self._event(topic, seen=True)
        for _ in range(self._random.randint(5, 25)):
            self._random.choice((self._run, self._run, self._upstream, self._loss, self._restart))()
        for topic in TOPICS:  # so that no event under test is the last one
            self._event(topic, seen=True)
            self._event(topic, seen=True)
        return self.made

    def _run(self) -> None:
        for _ in range(self._random.randint(1, 6)):
            self._event(self._random.choice(TOPICS), seen=True)
        self._beat()

    def _upstream(self) -> None:
        """Lose events between exchange and feed, and report which."""
        topic = self._random.choice(TOPICS)
        before = self._last[topic]
        for _ in range(self._random.randint(1, 4)):
            self._sent(topic)
        self._sent(topic)
        gap = {"channel": topic.partition(".")[0], "from_id": before, "to_id": self._ids[topic],
               "reason": "reconnect"}  # fmt: skip
        if self._by_client:
            self.made.recorded.append(notice("UpstreamGap", self._now_s, feed=FEED, **gap))
        self._beat(gap)
        self._published(topic, seen=True)

    def _loss(self) -> None:
        """Lose messages between feed and subscriber."""
        topic = self._random.choice(TOPICS)
        for _ in range(self._random.randint(1, 4)):
            self._event(topic, seen=False)
        self._event(topic, seen=True)

    def _restart(self) -> None:
        for topic in TOPICS:
            for _ in range(self._random.randint(0, 3)):
                self._sent(topic)
        old, self._session = self._session, self._session + 1
        self._seqs = dict.fromkeys(self._seqs, 0)
        if self._by_client:
            told = notice("NewSession", self._now_s, feed=FEED, old=old, new=self._session)
            self.made.recorded.append(told)
        self._beat()
        for topic in TOPICS:
            self._event(topic, seen=True)

    def _event(self, topic: str, *, seen: bool) -> None:
        self._sent(topic)
        self._published(topic, seen=seen)

    def _sent(self, topic: str) -> None:
        self._now_s += STEP_S
        self._ids[topic] += 1 if topic == TRADE else self._random.randint(1, 5)
        make = trade_sent if topic == TRADE else quote_sent
        self.made.truth.append(make(self._ids[topic], self._now_s))

    def _published(self, topic: str, *, seen: bool) -> None:
        self._seqs[topic] += 1
        seq, id_ = self._seqs[topic], self._ids[topic]
        self._last[topic] = id_
        if not seen:
            self._lost.setdefault(topic, seq)
            return
        first = self._lost.pop(topic, seq)
        if first < seq and self._by_client:
            self.made.recorded.append(client_gap(topic, first, seq - 1, self._now_s, self._session))
        make = trade_seen if topic == TRADE else quote_seen
        self.made.recorded.append(make(id_, seq, self._now_s + STEP_S / 2, self._session))

    def _beat(self, gap: Line | None = None) -> None:
        self._now_s += STEP_S
        self._seqs[STATUS] += 1
        following = {topic: self._seqs[topic] + 1 for topic in TOPICS}
        self.made.recorded.append(
            status_seen(self._seqs[STATUS], self._now_s, session=self._session, gap=gap,
                        next_seq=following)
        )  # fmt: skip


def broken(truth: list[Line], recorded: list[Line], *, by_client: bool) -> set[str]:
    """Return the topics with a breach."""
    found = audited(truth, recorded, by_client=by_client)
    return {topic for topic, one in found.items() if one.counts.breaches}


def made(seed: int, *, by_client: bool) -> Made:
    return Maker(Random(seed), by_client=by_client).make()


SEEDS = st.integers(0, 10**9)


@pytest.mark.parametrize("by_client", [True, False])
@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_an_honest_recording_passes(by_client: bool, seed: int) -> None:
    one = made(seed, by_client=by_client)
    found = audited(one.truth, one.recorded, by_client=by_client)
    assert {topic: one.first for topic, one in found.items() if one.counts.breaches} == {}
    for topic in TOPICS:
        counted = found[topic].counts
        assert counted.seen + counted.flagged == counted.truth
        assert counted.truth == sum(topic == _topic_of(line) for line in one.truth)


def _topic_of(line: Line) -> str:
    return TRADE if line["stream"].endswith("@trade") else QUOTE


# --- mutations --------------------------------------------------------------------------------


def is_tick(line: Line) -> bool:
    return "payload" in line


def ticks(recorded: list[Line]) -> list[int]:
    """Return the positions of ticks with an older and a newer one in their session."""
    places: dict[tuple[str, int], list[int]] = {}
    for at, line in enumerate(recorded):
        if is_tick(line) and line["topic"] in TOPICS:
            places.setdefault((line["topic"], line["payload"]["session"]), []).append(at)
    return sorted(at for those in places.values() for at in those[1:-1])


def following(recorded: list[Line], at: int) -> int:
    """Return the position of the next tick of the same topic."""
    topic = recorded[at]["topic"]
    return next(
        i for i in range(at + 1, len(recorded))
        if is_tick(recorded[i]) and recorded[i]["topic"] == topic
    )  # fmt: skip


def drop(recorded: list[Line], at: int, *, by_client: bool) -> str:
    line = recorded.pop(at)
    if not by_client:  # for a plain subscriber a gap in the seqs is a flag
        for other in recorded[at:]:
            if (
                is_tick(other)
                and other["topic"] == line["topic"]
                and other["payload"]["session"] == line["payload"]["session"]
            ):
                other["payload"]["seq"] -= 1
    return str(line["topic"])


def double(recorded: list[Line], at: int, **_: Any) -> str:
    recorded.insert(at + 1, copy.deepcopy(recorded[at]))
    return str(recorded[at]["topic"])


def swap(recorded: list[Line], at: int, **_: Any) -> str:
    other = following(recorded, at)
    recorded[at], recorded[other] = recorded[other], recorded[at]
    return str(recorded[at]["topic"])


def reprice(recorded: list[Line], at: int, **_: Any) -> str:
    payload = recorded[at]["payload"]
    payload["price" if "price" in payload else "bid"] += 0.01
    return str(recorded[at]["topic"])


def shift(recorded: list[Line], at: int, **_: Any) -> str:
    recorded[at]["payload"]["id"] += 1
    return str(recorded[at]["topic"])


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("mutate", [drop, double, swap, reprice, shift])
@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, which=SEEDS)
def test_a_changed_tick_is_found(mutate: Any, by_client: bool, seed: int, which: int) -> None:
    one = made(seed, by_client=by_client)
    recorded = one.recorded
    places = ticks(recorded)
    if not places:
        return
    topic = mutate(recorded, places[which % len(places)], by_client=by_client)
    assert topic in broken(one.truth, recorded, by_client=by_client)


def flags(recorded: list[Line], *, by_client: bool) -> list[int]:
    """Return where something is flagged."""
    kinds = {"Gap", "UpstreamGap", "NewSession"}
    return [
        at for at, line in enumerate(recorded)
        if (line.get("notice") in kinds if by_client else (line.get("payload") or {}).get("gap"))
    ]  # fmt: skip


def topic_of(told: Line) -> str:
    return f"{told['channel']}.{FEED}"


def flagged_topics(line: Line) -> set[str]:
    if line.get("notice") == "Gap":
        return {line["topic"]}
    if line.get("notice") == "NewSession":
        return {*TOPICS, STATUS}
    told = line if "channel" in line else line["payload"]["gap"]
    return {topic_of(told)}


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("shorten", [True, False])
@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, which=SEEDS)
def test_a_flag_that_is_removed_or_shortened_is_missed(
    shorten: bool, by_client: bool, seed: int, which: int
) -> None:
    one = made(seed, by_client=by_client)
    recorded = one.recorded
    places = flags(recorded, by_client=by_client)
    if not places:
        return
    line = recorded[places[which % len(places)]]
    topics = flagged_topics(line)
    if shorten and line.get("notice") == "Gap":
        line["to_seq"] -= 1
    elif shorten and line.get("notice") != "NewSession":
        told = line if "channel" in line else line["payload"]["gap"]
        ids = sorted(int(sent["id"]) for sent in one.truth if _topic_of(sent) == topic_of(told))
        told["to_id"] = ids[ids.index(told["to_id"]) - 1]
    elif by_client:
        recorded.remove(line)
    else:
        line["payload"]["gap"] = None
    assert broken(one.truth, recorded, by_client=by_client) & topics
