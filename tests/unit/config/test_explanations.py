"""A mistake in the configuration is named in plain words, with file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from feedd.config.load import load_config, parse_config
from feedd.errors import ConfigError

JARGON = re.compile(r"Expected|got `|regex|\||`(array|object|str|int|float|null)`|codec|Traceback")
LIST = "symbols: [A/B]\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("symbols: BTC/USDT", "1: symbols: must be a list; it is text ('BTC/USDT'), e.g. [B"),
        ("symbols: 5", "1: symbols: must be a list; it is a whole number (5)"),
        ("symbols:", "1: symbols: is empty; it must be a list"),
        ("symbols: {a: b}", "1: symbols: must be a list; it is a map of keys"),
        ("symbols: [5]", "1: symbols[0]: must be a symbol like BTC/USDT:USDT, or a map like"),
        ("symbols: [[a]]", "1: symbols[0]: must be a symbol like"),
        ("exchange: binance", "1: has no `symbols:`"),
        ("symbols: [{port: 5}]", "1: symbols[0]: lacks the key symbol:"),
        ("symbols:\n- A/B: B", "2: symbols[0].A/B: is read as a key, because of the space"),
        ("symbols:\n- A/B\n - C/D", "2: symbols[0]: 'A/B - C/D' is not a symbol like"),
        ("symbols: [{symbol: A/B, port: '5500'}]",
         "1: symbols[0].port: must be a whole number; it is text ('5500'); remove the quotation"),
        (f"{LIST}base_port: 99999", "2: base_port: must be at most 65,535; it is 99999"),
        (f"{LIST}connections: 1.5", "2: connections: must be a whole number; it is a number (1.5)"),
        (f"{LIST}book_depth: 0", "2: book_depth: must be at least 1; it is 0"),
        (f"{LIST}book_depth: 501", "2: book_depth: must be at most 500; it is 501"),
        (f"{LIST}timeframe: 1x", "2: timeframe: must be a number and one of s, m, h, d, w, M"),
        (f"{LIST}timeframe: 60", "2: timeframe: must be text; it is a whole number (60); quote it"),
        (f"{LIST}channels: ticker", "2: channels: must be a list; it is text ('ticker'), e.g. [t"),
        (f"{LIST}channels: [qoute]", "2: channels[0]: 'qoute' is not one of ticker, quote,"),
        (f"{LIST}keep_cpus_awake: 1", "2: keep_cpus_awake: must be true or false; it is a whole"),
        (f"{LIST}proxy: tcp://x", "2: proxy: must be a map of keys; it is text ('tcp://x')"),
        (f"{LIST}recorder: yes", "2: recorder: must be a map of keys; it is yes or no; {} takes"),
        (f"{LIST}embedded_exchange: {{rate: fast}}", "2: embedded_exchange.rate: must be a number"),
        (f"{LIST}embedded_exchange: {{rate: 0}}", "2: embedded_exchange.rate: must be above 0; it"),
        (f"{LIST}embedded_exchange: {{recording: 5}}",
         "2: embedded_exchange.recording: must be text or a map of keys; it is a whole number (5)"),
        (f"{LIST}embedded_exchange: {{recording: {{a: 5}}}}",
         "2: embedded_exchange.recording: must be text; it is a whole number; quote it"),
        (f"{LIST}1: 2", "1: a key is not text; quote it"),
        (f"{LIST}exchnage: x", "2: exchnage: unknown key; is it exchange?"),
        (f"{LIST}rate: 5", "2: rate: unknown key; it belongs in embedded_exchange"),
        (f"{LIST}embedded_exchange: {{faults: [{{fault: drop, channels: [quote]}}]}}",
         "2: embedded_exchange.faults[0].channels: unknown key; a fault has fault, exchange"),
        (f"{LIST}proxy: {{history2: x}}", "2: proxy.history2: unknown key; is it history?"),
        (f"{LIST}base_port: 2026-11-30", "2: base_port: must be a whole number; it is a date"),
        (f"{LIST}base_port: 2026-13-45", " not valid YAML: a date or number is impossible"),
        (f"{LIST}\tport: 5", "2: not valid YAML: a tab where a space must be; indent with spaces"),
        ("symbols: [A/B\nport: 5", "2: not valid YAML: a [ is not closed, or a comma is missing"),
        ("symbols: ['A/B]\n", "2: not valid YAML: a quotation mark is not closed; it begins"),
        ("symbols: A: B", "1: not valid YAML: a colon where no key can be; quote the text"),
        ("symbols: *a", "1: not valid YAML: * refers to no & above"),
        ("symbols: &a [*a]", " is nested too deeply, or contains itself"),
        ("symbols: !env X", "1: not valid YAML: tags with ! are not allowed; write the value"),
        ("symbols: @x", "1: not valid YAML: no text begins with @, unless it is in quotes"),
        (f"{LIST}  exchange: x", "2: not valid YAML: the indentation is wrong, or a key"),
        (f"{LIST}---\na: b", "2: not valid YAML: a second document begins with ---"),
        (f"{LIST}# \x01", "2: not valid YAML: it contains a control character (U+0001)"),
        ("symbols:\n- ${SYMBOL}", "2: symbols[0]: ${SYMBOL} is not replaced: feedd reads no"),
        (f"{LIST}exchange: ${{EX:-binance}}", "2: exchange: ${EX:-binance} is not replaced"),
        ("symbols: ['{{ symbol }}']", "1: symbols[0]: {{ symbol }} is not replaced"),
        ("symbols: [$SYMBOL]", "1: symbols[0]: $SYMBOL is not replaced"),
        (f"{LIST}run_dir: $(pwd)/run", "2: run_dir: $(pwd) is not replaced"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_in_plain_words(text: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, Path("f.yaml"))
    assert str(caught.value).startswith(f"f.yaml:{error}")
    assert not JARGON.search(str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"exchange: binance\nsymbols: [A/\xff]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}:2: is not UTF-8 text: byte 0xFF"


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load_config(tmp_path)


def test_a_word_that_is_no_choice_has_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"mark, liquidation; is it quote\?"):
        parse_config(f"{LIST}channels: [qoute]\n", Path("f.yaml"))


def test_a_dollar_in_a_path_is_no_variable() -> None:
    assert parse_config(f"{LIST}log_dir: a$b\n", Path("f.yaml")).log_dir == "a$b"
