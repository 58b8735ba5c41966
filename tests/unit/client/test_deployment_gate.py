"""A stream that requires a deployment passes on its messages only, and reports the others'."""

from __future__ import annotations

import pytest
from unit.client.simulated import FEED, Client, History, quote, status

from feedd.client.deployment_gate import HELD_S, MAX_HELD
from feedd.client.events import Gap, NewSession, StateChange, Status
from feedd.errors import DeploymentError

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"


def client(history: History | None = None, *prefixes: str, reports: bool = True) -> Client:
    return Client(*prefixes, history=history, deployment=OURS, reports=reports)


def foreign(one: Client) -> list[str]:
    return [str(n.reason) for n in one.notices(StateChange) if n.state == "foreign"]


def test_ticks_pass_once_a_status_of_their_session_has_named_the_deployment() -> None:
    one = client()
    one.receive(quote(1), quote(2))
    assert one.received == []
    one.receive(status(1, deployment=OURS), quote(3))
    assert one.seqs() == [1, 2, 3]
    assert foreign(one) == []


def test_nothing_of_another_deployment_passes_and_it_is_reported_once_for_each_feed() -> None:
    one = client()
    one.receive(quote(1), status(1, deployment=THEIRS), quote(2), status(2, deployment=THEIRS))
    assert one.seqs() == []
    (reason,) = foreign(one)
    assert reason.startswith(f"{FEED} is of deployment {THEIRS}, and {OURS} is required")
    assert one.notices(StateChange)[0].feed == ""
    assert len(one.received) == 1


def test_a_worker_of_an_earlier_version_names_none_and_does_not_pass() -> None:
    one = client()
    one.receive(status(1), quote(1))
    assert one.seqs() == []
    assert "an unknown deployment" in foreign(one)[0]


@pytest.mark.parametrize("newer", [3, 1])
def test_two_deployments_at_one_endpoint_make_neither_a_gap_nor_a_new_session(newer: int) -> None:
    one = client()
    one.receive(status(1, session=2, deployment=OURS), quote(1, session=2))
    for seq in range(2, 20):
        one.receive(status(seq, session=newer, deployment=THEIRS), quote(seq, session=newer))
        one.receive(status(seq, session=2, deployment=OURS), quote(seq, session=2))
    assert one.seqs() == list(range(1, 20))
    assert one.gaps() == []
    assert one.notices(NewSession) == []
    assert len(foreign(one)) == 1


def test_a_new_session_of_ours_is_reported_with_its_first_tick_although_that_came_first() -> None:
    one = client()
    one.receive(status(1, deployment=OURS), quote(1))
    one.receive(quote(1, session=2), quote(2, session=2))
    assert one.seqs() == [1]
    one.receive(status(1, session=2, uptime_s=0.5, deployment=OURS), quote(3, session=2))
    assert one.seqs() == [1, 1, 2, 3]
    assert [n.new for n in one.notices(NewSession)] == [2]
    assert one.gaps() == []


def test_a_snapshot_passes_only_where_its_status_names_the_deployment() -> None:
    for deployment, expected in ((OURS, [7]), (THEIRS, []), (None, [])):
        history = History()
        history.add(quote(7))
        history.add(status(3, deployment=deployment))
        one = client(history)
        one.respond()
        assert one.seqs() == expected


def test_live_ticks_held_while_joining_pass_by_the_snapshots_status() -> None:
    history = History()
    for seq in range(1, 6):
        history.add(quote(seq))
    history.add(status(3, deployment=OURS, next_seq={}))
    one = client(history)
    one.receive(quote(6), quote(7))
    one.respond()
    one.receive(quote(8))
    assert one.seqs() == [5, 6, 7, 8]
    assert one.gaps() == []


def test_ticks_without_any_status_are_dropped_after_a_while_and_reported() -> None:
    one = client()
    one.receive(quote(1))
    one.check(HELD_S - 1)
    assert foreign(one) == []
    one.check(2.0)
    (reason,) = foreign(one)
    assert reason.startswith(f"no status names the deployment of {FEED}, and {OURS} is required")


def test_a_flood_of_unknown_sessions_takes_bounded_memory() -> None:
    one = client()
    one.receive(*(quote(1, session=number) for number in range(1, MAX_HELD + 100)))
    gate = one.protocol._gate
    assert gate is not None
    assert len(gate._held) == MAX_HELD
    one.receive(*(status(1, session=n, deployment=str(n)) for n in range(1, 3000)))
    assert max(len(sessions) for sessions in gate._ours.values()) <= 16
    assert len(foreign(one)) <= 1000


def test_a_stream_of_ticks_only_raises_where_only_others_publish() -> None:
    one = client(reports=False)
    one.receive(status(1, deployment=THEIRS))
    one.check(1.0)
    with pytest.raises(DeploymentError, match=rf"{THEIRS}, and {OURS} is required"):
        one.check(HELD_S + 1)


def test_a_stream_of_ticks_only_goes_on_where_its_own_publish_too() -> None:
    one = client(reports=False)
    one.receive(status(1, session=3, deployment=THEIRS), status(1, deployment=OURS), quote(1))
    for _ in range(20):
        one.check(1.0)
    assert one.seqs() == [1]


def test_statuses_that_the_caller_wants_are_those_of_the_deployment() -> None:
    one = client(None, "status.")
    one.receive(status(1, session=3, deployment=THEIRS), status(1, deployment=OURS))
    assert one.notices(Status) == []  # these are not complete ones
    assert not one.notices(Gap)
