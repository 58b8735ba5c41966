"""A prefix that no topic has is refused with the right one; one that a topic may have is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import feedd
from feedd.cli.main import parse
from feedd.config.load import parse_config
from feedd.errors import ConfigError
from feedd.recordings.format.unmatched_prefixes import unmatched_lines
from feedd.topic_prefixes import check_prefixes, nearest_topic, prefix_fault

MISTYPED = [
    ("quotes", "is it 'quote.'?"),
    ("quotes.", "is it 'quote.'?"),
    ("QUOTE.", "is it 'quote.'?"),
    ("qoute.", "is it 'quote.'?"),
    ("trades.bybit.", "is it 'trade.bybit.'?"),
    ("ohlcv.", "is it 'candle.'?"),
    ("orderbook.binance.", "is it 'book.binance.'?"),
    ("bookTicker", "is it 'quote.'?"),
    ("BTC/USDT", "write 'quote.<exchange>.BTC/USDT'"),
    ("BTC/USDT:USDT", "write 'quote.<exchange>.BTC/USDT:USDT'"),
    ("BTCUSDT", "a topic is <channel>.<exchange>.<symbol>."),
    ("quote.BTC/USDT", "write 'quote.<exchange>.BTC/USDT'"),
    ("quote.Bybit.BTC/", "write 'quote.bybit.BTC/'"),
    ("bybit.quote.BTC/USDT", "write 'quote.bybit.BTC/USDT'"),
    ("quote.*", "write 'quote.'"),
    (" quote.", "write 'quote.'"),
    ("quote.\n", "write 'quote.'"),
]


@pytest.mark.parametrize(("prefix", "right"), MISTYPED)
def test_a_mistyped_prefix_is_refused_with_the_right_one(prefix: str, right: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_prefixes(["quote.", prefix])
    assert str(caught.value).startswith(f"no topic begins with {prefix!r}: ")
    assert right in str(caught.value)


@pytest.mark.parametrize(
    "prefix",
    ["", "q", "quote", "quote.", "status.", "quote.bybit", "quote.bybit.BTC/USDT",
     "quote.bybit.BTC/USDT:USDT.", "funding.", "open_interest.x.", "auction", "greeks."],
)  # fmt: skip
def test_a_prefix_that_a_topic_of_this_or_a_newer_version_may_have_is_accepted(
    prefix: str,
) -> None:
    assert prefix_fault(prefix) is None


def test_a_prefix_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not a prefix of topics: it is not text"):
        check_prefixes([b"quote."])


def test_subscribe_and_open_recording_refuse_it_before_they_connect_or_read() -> None:
    for refuses in (
        lambda: feedd.subscribe(topics="quotes."),
        lambda: feedd.open_recording("nowhere", topics=["quote.", "quotes."]),
    ):
        with pytest.raises(ConfigError, match=r"is it 'quote\.'\?"):
            refuses()


@pytest.mark.parametrize(
    "words",
    [
        ("tail", "quotes."),
        ("tail", "--json", "quotes."),
        ("record", "quotes."),
        ("export", "nowhere", "--format", "csv", "--out", "x", "--topics", "quotes."),
        ("replay", "nowhere", "--topics", "quotes."),
    ],
)
def test_the_commands_refuse_it(words: tuple[str, ...]) -> None:
    arguments = parse(words)
    with pytest.raises(ConfigError, match=r"is it 'quote\.'\?"):
        arguments.command.run(arguments)


def test_the_recorder_of_a_configuration_refuses_it_with_file_and_line() -> None:
    text = "symbols: [A/B]\nrecorder:\n  topics:\n  - quote.\n  - QUOTE.\n"
    with pytest.raises(ConfigError, match=r"f.yaml:5: recorder.topics\[1\]: no topic begins with"):
        parse_config(text, Path("f.yaml"))


def test_a_prefix_without_a_recorded_topic_has_the_nearest_one() -> None:
    topics = ["quote.x.BTC/USDT:USDT.", "trade.x.BTC/USDT:USDT."]
    assert unmatched_lines(["quote.", "trade.x.BTC/USDT."], topics) == [
        "no recorded topic begins with 'trade.x.BTC/USDT.'; the nearest is 'trade.x.BTC/USDT:USDT.'"
    ]
    assert nearest_topic("mark.", []) is None
