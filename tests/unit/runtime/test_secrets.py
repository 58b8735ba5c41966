"""Secrets: found in any spelling, and lines stay readable after they are masked."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.runtime.secrets import Redactor

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"


def knowing(**environment: str) -> Redactor:
    secrets = Redactor()
    secrets.register(environment)
    return secrets


@pytest.mark.parametrize(
    "name", ["BINANCE_API_KEY", "BINANCE_SECRET", "DB_PASSWORD", "BOT_TOKEN", "OKX_PASSPHRASE"]
)
def test_the_value_of_a_variable_that_is_named_like_a_secret_is_blanked(name: str) -> None:
    assert knowing(**{name: KEY}).redact(f"refused {KEY}, twice {KEY}") == "refused …, twice …"


def test_other_variables_and_values_of_three_characters_are_left_alone() -> None:
    secrets = knowing(HOME="/home/trader", BINANCE_SECRET="abc", BINANCE_API_KEY="")
    assert secrets.redact("/home/trader said abc") == "/home/trader said abc"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_password_of_a_proxy_is_blanked_as_it_is_written_and_decoded(name: str) -> None:
    secrets = knowing(**{name: "http://trader:hunter%2F22@proxy.corp:3128"})
    assert secrets.redact("hunter/22 or hunter%2F22 at proxy.corp") == "… or … at proxy.corp"
    assert (
        knowing(**{name: "http://proxy.corp:3128"}).redact("proxy.corp:3128") == "proxy.corp:3128"
    )


def test_a_value_that_contains_another_one_is_blanked_as_a_whole() -> None:
    assert knowing(A_TOKEN="abcd", B_TOKEN="abcdefgh").redact("abcdefgh abcd") == "… …"


def test_secrets_added_later_extend_the_known_ones() -> None:
    secrets = knowing(A_TOKEN="first-one")
    secrets.register({"B_TOKEN": "second-one"})
    assert secrets.redact("first-one second-one") == "… …"


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("GET /account?a=1&signature=9f8e7d&b=2", "GET /account?a=1&signature=…&b=2"),
        ("{'apiKey': 'xyz', 'secret': 'a b', 'n': 1}", "{'apiKey': '…', 'secret': '…', 'n': 1}"),
        ('{"password":"p\\"q","n":1}', '{"password":"…","n":1}'),
        ('"body: {\\"token\\": \\"t o\\"}"', '"body: {\\"token\\": \\"…\\"}"'),
        ("X-MBX-APIKEY: abcdef", "X-MBX-APIKEY: …"),
        ("through http://trader:hunter22@proxy:3128/", "through http://…@proxy:3128/"),
        ("through socks5://trader@proxy:1080", "through socks5://…@proxy:1080"),
        ("wss://host/ws/btcusdt@trade", None),
        ("BINANCE_SECRET is not set; refused the API key (-2015)", None),
        ('{"token":null,"n":1}', None),
    ],
)
def test_values_that_are_named_in_the_text_are_blanked_unknown_as_they_are(
    text: str, blanked: str | None
) -> None:
    assert Redactor().redact(text) == (text if blanked is None else blanked)


@given(st.text(min_size=6).filter(lambda text: text.strip() == text and "…" not in text))
def test_no_spelling_of_a_value_is_left_in_a_line_and_the_line_stays_json(value: str) -> None:
    secrets = knowing(A_SECRET=value)
    event = {"timestamp": "t", "level": "error", "event": f"x{value}y", "repr": repr(value),
             "in": [{"text": json.dumps({"a": value})}], "by": {"b_secret": 7}}  # fmt: skip
    line = secrets.redact_line(json.dumps(event).encode())
    read = orjson.loads(line)
    assert read["event"] == "x…y"
    assert value not in read["repr"]
    assert value not in read["in"][0]["text"]
    assert read["by"] == {"b_secret": "…"}


@pytest.mark.parametrize("value", ["info", "null", "1234", "event", '":"a', "timestamp"])
def test_a_secret_that_equals_a_lines_own_words_leaves_an_object_with_the_same_keys(
    value: str,
) -> None:
    event = {"timestamp": "2026-11-25T17:13:40.123456Z", "level": "info", "event": f"a {value}",
             "from_id": 912345, "symbol": None}  # fmt: skip
    read = orjson.loads(knowing(A_PASSWORD=value).redact_line(orjson.dumps(event)))
    assert read.keys() == event.keys()
    assert read["event"] == "a …"
    assert (read["level"], read["symbol"]) == ("info", None)
    assert read["from_id"] == ("9…5" if value == "1234" else 912345)


def test_a_line_without_a_secret_is_the_same_object() -> None:
    line = b'{"event":"publishing"}'
    assert knowing(A_SECRET=KEY).redact_line(line) is line
