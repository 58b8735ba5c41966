"""Exchanges are asked about feeds before anything is started or written."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from feedd.config.load import load_config
from feedd.config.settings import Config
from feedd.embedded.rest_page import API_KEY
from feedd.errors import ConfigError, CredentialsError, UnknownSymbolError
from feedd.operation.asking import ask_exchanges
from feedd.operation.endpoint_host import check_endpoint
from feedd.operation.validation import check_addition, entry_of, unchecked_lines

TEXT = "symbols:\n- BTC/USDT\nchannels: [quote]\n"
Write = Callable[[str], tuple[Config, Path]]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what writes a configuration in a folder of its own, and loads it."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(text: str) -> tuple[Config, Path]:
        path = Path("feedd.yaml")
        path.write_text(text)
        return load_config(path), path

    return write_and_load


@pytest.mark.parametrize("source", ["ccxt", "native"])
def test_the_embedded_exchange_answers_without_running(write: Write, source: str) -> None:
    text = f"source: {source}\nsymbols: [BTC/USDT, NOSUCH/USDT]\nembedded_exchange: {{}}\n"
    settings, _ = write(text)
    answers = ask_exchanges(settings, settings.feeds(), {})
    ((feed, error),) = answers.refused.items()
    assert feed.symbol == "NOSUCH/USDT:USDT"
    assert isinstance(error, UnknownSymbolError)
    assert answers.unchecked == {}
    assert [path.name for path in Path().iterdir()] == ["feedd.yaml"]


def test_a_key_that_the_exchange_refuses_is_found(write: Write) -> None:
    settings, _ = write(f"{TEXT}embedded_exchange: {{}}\n")
    key = {"BINANCE_API_KEY": API_KEY[::-1], "BINANCE_SECRET": "abcdef"}
    (error,) = ask_exchanges(settings, settings.feeds(), key).refused.values()
    assert isinstance(error, CredentialsError)


@pytest.mark.parametrize("source", ["ccxt", "native"])
def test_what_an_exchange_that_is_away_was_not_asked_is_named(write: Write, source: str) -> None:
    settings, _ = write(f"source: {source}\nendpoint: http://127.0.0.1:9\n{TEXT}")
    answers = ask_exchanges(settings, settings.feeds(), {})
    assert answers.refused == {}
    (line,) = unchecked_lines(answers)
    assert line.startswith("not checked: whether binanceusdm lists BTC/USDT:USDT (")
    assert "127.0.0.1" in line


@pytest.mark.parametrize("source", ["ccxt", "native"])
def test_an_endpoint_with_a_wrong_path_is_refused(write: Write, source: str) -> None:
    class NoPage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), NoPage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            where = f"http://127.0.0.1:{server.server_port}/x"
            settings, _ = write(f"source: {source}\nendpoint: {where}\n{TEXT}")
            (error,) = ask_exchanges(settings, settings.feeds(), {}).refused.values()
        finally:
            server.shutdown()
            thread.join()
    assert isinstance(error, ConfigError)
    assert f"endpoint {where} has no page with the markets; is its path right?" in str(error)


def test_an_exchange_that_does_not_answer_in_time_is_named(write: Write) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings, _ = write(f"source: native\nendpoint: http://127.0.0.1:{port}\n{TEXT}")
        answers = ask_exchanges(settings, settings.feeds(), {}, within_s=0.3)
    assert list(answers.unchecked.values()) == ["no answer in 0.3 s"]


def add(settings: Config, path: Path, symbol: str, **options: Any) -> list[str]:
    return check_addition(path, entry_of(settings, symbol, **options), {})


@pytest.mark.parametrize(
    ("symbol", "exchange", "nearest"),
    [
        ("XRP", None, "XRP/USDT:USDT"),
        ("BTC/USDT:BTC", None, "BTC/USDT:USDT"),
        ("eth/usdt", None, "ETH/USDT:USDT"),
        ("ETHUSDT", None, "ETH/USDT:USDT"),
        ("ETH/USDT:ETH", "bybit", "ETH/USD:ETH"),
    ],
)
def test_an_addition_that_the_exchange_refuses_is_refused_with_the_nearest_symbol(
    write: Write, symbol: str, exchange: str | None, nearest: str
) -> None:
    settings, path = write(f"{TEXT}embedded_exchange: {{}}\n")
    before = path.read_text()
    with pytest.raises(UnknownSymbolError) as caught:
        add(settings, path, symbol, exchange=exchange, port=None, channels=())
    assert f"is it {nearest}" in str(caught.value)
    assert "feedd.yaml is unchanged" in str(caught.value)
    assert path.read_text() == before


def test_an_addition_says_what_it_could_not_ask(write: Write) -> None:
    settings, path = write(f"endpoint: http://127.0.0.1:9\n{TEXT}")
    (line,) = add(settings, path, "ETH/USDT", exchange=None, port=None, channels=())
    assert "not checked: whether binanceusdm lists ETH/USDT:USDT" in line
    with pytest.raises(UnknownSymbolError, match=r"is it ETH/USDT:USDT\?"):
        add(settings, path, "ETHUSDT", exchange=None, port=None, channels=())


def resolver(error: int | None) -> Callable[..., Any]:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        if error is not None:
            raise socket.gaierror(error, "said the resolver")
        return []

    return getaddrinfo


@pytest.mark.parametrize(
    ("host", "hint"), [("fapi.binnance.com", "; is it fapi.binance.com?"), ("x.invalid", "")]
)
def test_an_endpoint_with_an_unknown_host_is_final_and_names_the_nearest(
    write: Write, monkeypatch: pytest.MonkeyPatch, host: str, hint: str
) -> None:
    settings, path = write(f"{TEXT}endpoint: https://{host}\n")
    monkeypatch.setattr(socket, "getaddrinfo", resolver(socket.EAI_NONAME))
    with pytest.raises(ConfigError) as caught:
        check_endpoint(settings, path, {})
    assert str(caught.value) == f"feedd.yaml:4: endpoint: the host {host} is unknown{hint}"
    check_endpoint(settings, path, {"HTTPS_PROXY": "http://proxy:3128"})  # the proxy resolves it


def test_a_resolver_that_does_not_answer_is_the_networks_fault(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, path = write(f"{TEXT}endpoint: https://fapi.binance.com\n")
    monkeypatch.setattr(socket, "getaddrinfo", resolver(socket.EAI_AGAIN))
    check_endpoint(settings, path, {})
    monkeypatch.setattr(socket, "getaddrinfo", resolver(None))
    check_endpoint(settings, path, {})
