"""With any loss, duplicate, delay or reordering: nothing twice, every loss reported."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.client.simulated import QUOTE, STATUS, Client, History, quote, status

from feedd.client.events import Gap

Fate = str  # what becomes of one message on its way

FATES = st.sampled_from(
    ["comes"] * 6 + ["is lost", "is lost", "comes twice", "comes late", "status", "time", "answers"]
)
ANSWERS = st.sampled_from(["full", "full", "partial", "late", "none", "junk"])


class Run:
    """One publisher with sessions, an unreliable network, and a client."""

    def __init__(
        self, data: Any, *, with_history: bool, keeps: int, endpoints: int, uptime_s: float = 1000.0
    ) -> None:
        self.uptime_s = uptime_s
        self.data = data
        self.history = History()
        self.keeps = keeps
        self.client = Client(QUOTE, history=self.history if with_history else None)
        self.client.protocol.endpoints(endpoints)
        self.session, self.seq, self.status_seq = 1, 0, 0
        self.delayed: list[tuple[bytes, bytes]] = []
        self.late_answers: list[bytes] = []
        self.known: dict[int, int] = {}  # session: the highest seq that the client can know of

    def publish(self, fate: Fate) -> None:
        self.seq += 1
        frames = quote(self.seq, session=self.session)
        self.history.add(frames)
        kept = self.history.kept[QUOTE, self.session]
        for old in [seq for seq in kept if seq <= self.seq - self.keeps]:
            del kept[old]
        if fate in {"comes", "comes twice"}:
            self.client.receive(*[frames] * (1 + (fate == "comes twice")))
        elif fate == "comes late":
            self.delayed.append(frames)

    def beat(self) -> None:
        self.status_seq += 1
        told = {QUOTE: self.seq + 1, STATUS: self.status_seq + 1}
        frames = status(
            self.status_seq, session=self.session, next_seq=told, uptime_s=self.uptime_s
        )
        self.history.add(frames)
        self.client.receive(frames)

    def answer(self) -> None:
        requests, self.client.pending = self.client.pending, []
        for _, request in requests:
            how = self.data.draw(ANSWERS)
            answer = self.history.respond(request)
            if how == "full":
                self.client.protocol.response(answer, self.client.now_s)
            elif how == "partial":
                kept = self.history.kept
                self.history.kept = {
                    key: {seq: payload for seq, payload in found.items() if seq % 3}
                    for key, found in kept.items()
                }
                answer = self.history.respond(request)
                self.history.kept = kept
                self.client.protocol.response(answer, self.client.now_s)
            elif how == "late":
                self.late_answers.append(answer)
            elif how == "junk":
                self.client.protocol.response(b"\xc1" + answer[:5], self.client.now_s)
        self.client.check()

    def step(self, fate: Fate) -> None:
        if fate == "status":
            self.beat()
        elif fate == "time":
            self.client.check(self.data.draw(st.sampled_from([0.02, 0.1, 0.5, 1.5])))
        elif fate == "answers":
            self.answer()
        elif fate == "new session":
            self.session += 1
            self.seq = self.status_seq = 0
        elif fate == "delayed come":
            self.client.receive(*self.data.draw(st.permutations(self.delayed)))
            self.delayed.clear()
        elif fate == "late answers come":
            for answer in self.late_answers:
                self.client.protocol.response(answer, self.client.now_s)
            self.late_answers.clear()
        else:
            self.publish(fate)
        self.client.check(0.001)

    def end(self) -> None:
        """Deliver everything outstanding, and let all timeouts expire."""
        self.beat()
        for _ in range(80):
            self.client.check(0.1)


def check(run: Run) -> None:
    seen: dict[int, list[int]] = {}
    gaps: dict[int, list[int]] = {}
    newest = 0
    for event in run.client.received:
        if isinstance(event, Gap):
            if event.topic == QUOTE:
                told = range(event.from_seq, event.to_seq + 1)
                assert told, event
                gaps.setdefault(event.session, []).extend(told)
        elif getattr(event, "channel", "") == "quote":
            assert event.session >= newest
            newest = event.session
            seen.setdefault(event.session, []).append(event.seq)
    for session in seen.keys() | gaps.keys():
        ticks, missing = seen.get(session, []), gaps.get(session, [])
        assert ticks == sorted(set(ticks)), f"not ascending in session {session}: {ticks}"
        everything = sorted(ticks + missing)
        assert everything == list(range(everything[0], everything[-1] + 1)), (
            f"session {session}: seen {ticks}, gaps {missing}"
        )
    last = seen.get(run.session, []) + gaps.get(run.session, [])
    if run.seq and last:
        assert max(last) == run.seq, "the last heartbeat told of all"


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    fates=st.lists(
        st.one_of(FATES, st.sampled_from(["delayed come", "late answers come", "new session"])),
        min_size=5,
        max_size=80,
    ),
    with_history=st.booleans(),
    keeps=st.sampled_from([1, 5, 1000]),
    endpoints=st.sampled_from([1, 2]),
    uptime_s=st.sampled_from([-1.0, 1000.0]),  # the feed began while we listened, or before
)
def test_ticks_ascend_without_duplicates_and_each_missing_seq_is_in_exactly_one_gap(
    data: Any,
    fates: list[Fate],
    with_history: bool,
    keeps: int,
    endpoints: int,
    uptime_s: float,
) -> None:
    run = Run(data, with_history=with_history, keeps=keeps, endpoints=endpoints, uptime_s=uptime_s)
    for fate in fates:
        run.step(fate)
    run.end()
    check(run)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(fates=st.lists(FATES, min_size=5, max_size=80))
def test_with_a_complete_history_that_responds_there_is_no_gap(
    fates: list[Fate],
) -> None:
    run = Run(None, with_history=True, keeps=10_000, endpoints=1)
    run.client.respond()
    for fate in fates:
        if fate not in {"answers", "time"}:
            run.step(fate)
        run.client.respond()
    run.beat()
    run.client.check()
    run.client.respond()
    run.end()
    check(run)
    assert run.client.gaps() == []
