"""When an endpoint is reconnected."""

from __future__ import annotations

import pytest

from feedd.transport.connection_health import ConnectionEvent, ConnectionHealth


def test_a_disconnect_without_a_retry_means_that_libzmq_has_given_up() -> None:
    health = ConnectionHealth()
    health.note("connected", 10.0)
    health.note("disconnected", 20.0)
    assert not health.up
    assert not health.given_up(20.4)
    assert health.given_up(20.6)
    assert not health.given_up(30.0), "once"


@pytest.mark.parametrize("follows", ["retried", "connected"])
def test_a_disconnect_that_libzmq_retries_needs_no_reconnect(follows: ConnectionEvent) -> None:
    health = ConnectionHealth()
    health.note("disconnected", 20.0)
    health.note(follows, 20.1)
    assert not health.given_up(30.0)
    assert health.up == (follows == "connected")
