"""Health of the feeds behind an endpoint, from the last status of each and its age."""

from feedd.health.endpoint import _feed, several_deployments
from feedd.health.report import FRESH_S, Health, ProcessHealth, Report
from feedd.transport.status_monitor import ReceivedStatus

NOW_S = 1000.0


def feed_after(silent_s: float, state: str = "live") -> ProcessHealth:
    """Return a feed's row `silent_s` after its last status."""
    status = {
        "uptime_s": 5.5, "exchange": "binanceusdm", "state": state, "reason": None,
        "cpu_percent": 1.0, "memory_mb": 20.0, "channels": {}, "gaps": 0,
    }  # fmt: skip
    received = ReceivedStatus(status, proxies_s={"proxy": NOW_S - silent_s})
    return _feed("feed-binanceusdm-BTC-USDT-USDT", received, NOW_S)


def test_a_feed_with_a_fresh_status_has_its_state() -> None:
    row = feed_after(FRESH_S - 0.1)
    assert (row.process, row.state, row.uptime_s) == ("RUNNING", "live", 5)
    assert Report((row,)).health == Health.HEALTHY


def test_a_feed_without_a_status_for_a_while_is_silent_and_not_counted() -> None:
    row = feed_after(7.2)
    assert (row.process, row.state, row.reason) == ("UNKNOWN", "silent", "no status for 7 s")
    assert Report((row,)).health == Health.DOWN
    assert Report((row, feed_after(0))).health == Health.DEGRADED


def test_a_feed_that_reported_its_stop_stays_stopped() -> None:
    row = feed_after(60, "stopped")
    assert (row.process, row.state) == ("EXITED", "stopped")


def test_a_feed_that_two_deployments_publish_is_named_with_both() -> None:
    assert several_deployments({("a", "x"), ("b", "x")}) == ()
    (remark,) = several_deployments({("a", "x"), ("a", "y"), ("b", "x"), ("c", None)})
    assert remark.startswith("a arrives from 2 deployments, x and y")
    (remark,) = several_deployments({("a", "x"), ("a", None)})
    assert "x and None" in remark
