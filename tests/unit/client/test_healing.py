"""When an endpoint is connected anew."""

from __future__ import annotations

import pytest

from feedd.transport.healing import Health, Occurrence


def test_a_disconnect_that_libzmq_does_not_follow_up_is_its_giving_up() -> None:
    health = Health()
    health.note("connected", 10.0)
    health.note("disconnected", 20.0)
    assert not health.up
    assert not health.given_up(20.4)
    assert health.given_up(20.6)
    assert not health.given_up(30.0), "once"


@pytest.mark.parametrize("follows", ["retried", "connected"])
def test_a_disconnect_that_libzmq_follows_up_needs_no_help(follows: Occurrence) -> None:
    health = Health()
    health.note("disconnected", 20.0)
    health.note(follows, 20.1)
    assert not health.given_up(30.0)
    assert health.up == (follows == "connected")
