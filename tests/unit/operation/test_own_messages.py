"""A plain subscriber of a project leaves out the messages of other projects."""

from __future__ import annotations

from typing import Any

from feedd.operation.own_messages import MAX_HELD, OwnMessages, with_statuses

BTC = {"exchange": "binanceusdm", "symbol": "BTC/USDT:USDT"}


def quote(session: int, seq: int) -> tuple[str, dict[str, Any]]:
    return "quote.binanceusdm.BTC/USDT:USDT.", {**BTC, "session": session, "seq": seq}


def status(session: int, deployment: str | None) -> tuple[str, dict[str, Any]]:
    payload = {**BTC, "session": session, "seq": 1, "deployment": deployment, "pid": 7}
    return "status.binanceusdm.BTC/USDT:USDT.", payload


def test_messages_wait_for_the_status_that_names_their_deployment() -> None:
    own = OwnMessages("ours", ["quote."])
    assert own.take(*quote(1, 1)) == []
    assert own.take(*status(1, "ours")) == [quote(1, 1)]  # the status was not asked for
    assert own.take(*quote(1, 2)) == [quote(1, 2)]
    assert own.notices == []


def test_messages_of_another_project_are_left_out_and_named_once() -> None:
    own = OwnMessages("ours", [""])
    for _ in range(2):
        assert own.take(*quote(2, 1)) == []
        assert own.take(*status(2, "theirs")) == []
    assert own.take(*status(1, "ours")) == [status(1, "ours")]
    (notice,) = own.notices
    assert "binanceusdm.BTC/USDT:USDT. is of another project (deployment theirs, pid 7" in notice


def test_what_waits_is_bounded() -> None:
    own = OwnMessages("ours", ["quote."])
    for seq in range(MAX_HELD + 10):
        own.take(*quote(1, seq))
    assert len(own.take(*status(1, "ours"))) == MAX_HELD


def test_statuses_are_subscribed_to_with_every_prefix() -> None:
    assert with_statuses(["quote.binanceusdm."]) == ["quote.binanceusdm.", "status.binanceusdm."]
    assert with_statuses([""]) == ["", "status."]
