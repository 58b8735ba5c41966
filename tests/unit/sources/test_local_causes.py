"""An exchange's refusal of this machine's clock or location is not the exchange being away."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from feedd.errors import ConfigError, RestrictedError, SourceError
from feedd.sources.local_causes import clock_error, refuses_clock, restricted

NOW_S = 1_800_000_000.0
REFUSED = "code -1021: Timestamp for this request is outside of the recvWindow."


@pytest.mark.parametrize(
    ("ahead_s", "text"), [(3600.0, "is 3,600 s ahead of x's"), (-90.0, "is 90 s behind x's")]
)
def test_a_clock_that_differs_is_final_and_named_with_the_difference(
    ahead_s: float, text: str
) -> None:
    error = clock_error("x", REFUSED, formatdate(NOW_S - ahead_s, usegmt=True), NOW_S)
    assert isinstance(error, ConfigError)
    assert f"this machine's clock {text}" in str(error)


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_a_clock_is_named_without_the_date_of_the_answer(date: str | None) -> None:
    error = clock_error("x", REFUSED, date, NOW_S)
    assert isinstance(error, ConfigError)
    assert "this machine's clock differs from the exchange's" in str(error)


def test_a_slow_request_with_the_right_time_is_tried_again() -> None:
    error = clock_error("x", REFUSED, formatdate(NOW_S - 1, usegmt=True), NOW_S)
    assert isinstance(error, SourceError)


@pytest.mark.parametrize(
    "text", [REFUSED, "invalid request, please check your server timestamp or recv_window param"]
)
def test_the_refusal_of_a_time_is_known_by_its_words(text: str) -> None:
    assert refuses_clock(text)
    assert not refuses_clock("Invalid API-key, IP, or permissions for action")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (451, ""),
        (403, "The Amazon CloudFront distribution is configured to block access from your country"),
        (403, "Service unavailable from a restricted location according to 'b. Eligibility'"),
    ],
)
def test_a_refused_location_is_final_with_77(status: int, text: str) -> None:
    error = restricted("x", status, text)
    assert isinstance(error, RestrictedError)
    assert error.exit_code == 77
    assert f"x does not serve the location of this machine's address (HTTP {status})" in str(error)


@pytest.mark.parametrize("status", [200, 403, 404, 418, 429, 503])
def test_other_refusals_are_no_matter_of_location(status: int) -> None:
    assert restricted("x", status, "Forbidden") is None
