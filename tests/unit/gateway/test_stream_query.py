"""Query and Origin of `/stream`: each fault is named with its remedy."""

from __future__ import annotations

import pytest

from feedd.gateway.responses import ApiError
from feedd.gateway.stream.origin_check import is_foreign
from feedd.gateway.stream.stream_query import StreamQuery, stream_query

HOST = "127.0.0.1:8080"


def test_an_empty_query_is_everything_but_statuses_with_a_snapshot() -> None:
    assert stream_query([]) == StreamQuery(("",), strings=False, conflate_s=0.0, snapshot=True)


def test_each_parameter_is_taken() -> None:
    given = [("topic", "quote."), ("topic", "status."), ("topic", "quote."), ("ints", "string"),
             ("conflate_ms", "250"), ("snapshot", "false")]  # fmt: skip
    assert stream_query(given) == StreamQuery(("quote.", "status."), True, 0.25, False)


@pytest.mark.parametrize(
    ("given", "error", "remedy"),
    [
        ([("topics", "quote.")], "'topics'", "use topic, "),
        ([("topic", "BTC/USDT")], "no topic begins with 'BTC/USDT'", "quote.<exchange>.BTC/USDT"),
        ([("topic", "quote" * 100)], "500 characters", "at most 200"),
        ([("topic", f"quote.a{n}.") for n in range(101)], "101 topics", "shorter prefixes"),
        ([("ints", "text")], "ints=text", "number or string"),
        ([("ints", "string"), ("ints", "string")], "ints is given twice", "once"),
        ([("snapshot", "no")], "snapshot=no", "true or false"),
        ([("conflate_ms", "-1")], "conflate_ms=-1", "0 (every message) to 60000"),
        ([("conflate_ms", "0.5")], "conflate_ms=0.5", "0 (every message) to 60000"),
        ([("conflate_ms", "60001")], "too long", "0 (every message) to 60000"),
        ([("conflate_ms", "9" * 5000)], "not a whole number", "0 (every message) to 60000"),
    ],
)
def test_a_fault_is_named_with_its_remedy(
    given: list[tuple[str, str]], error: str, remedy: str
) -> None:
    with pytest.raises(ApiError) as raised:
        stream_query(given)
    assert raised.value.status == 400
    assert error in raised.value.error
    assert remedy in raised.value.remedy
    assert len(raised.value.error) < 400


@pytest.mark.parametrize(
    "origin",
    [None, f"http://{HOST}", "http://localhost:8080", "http://[::1]:3000", "https://127.1.2.3"],
)
def test_programs_and_pages_of_this_machine_are_not_foreign(origin: str | None) -> None:
    assert not is_foreign(origin, HOST)


def test_a_page_of_the_host_that_a_request_names_is_not_foreign() -> None:
    assert not is_foreign("https://Feeds.example", "feeds.example")
    assert is_foreign("https://feeds.example", "other.example")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1.evil.example", "null", "", "http://[", "file://",
     "http://localhost.evil.example", "http://evil.example#127.0.0.1"],
)  # fmt: skip
def test_other_pages_are_foreign(origin: str) -> None:
    assert is_foreign(origin, HOST)
    assert is_foreign(origin, None)
