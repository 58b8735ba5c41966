"""The configuration: its meaning and its errors."""

from pathlib import Path

import pytest

from feedd.config.load import load_config
from feedd.config.settings import Config, RecorderSettings
from feedd.errors import ConfigError
from feedd.operation.active_config import given_config

REPOSITORY = Path(__file__).parents[3]


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "feedd.yaml"
    path.write_text(text)
    return load_config(path)


def test_the_least_configuration_has_the_documented_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, "symbols: [BTC/USDT]")
    assert settings.exchange == "binanceusdm"
    assert settings.channels == ("ticker", "quote")
    assert settings.bid_ask == "quote"
    assert settings.base_port == 5555
    assert settings.proxy.subscribers == "tcp://127.0.0.1:5500"
    assert settings.proxy.workers == "ipc://run/workers.sock"
    assert settings.endpoint_of("binanceusdm", "BTC/USDT:USDT") is None
    assert settings.feeds()[0].symbol == "BTC/USDT:USDT"


def test_a_symbol_may_have_settings_of_its_own(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "symbols:\n  - {symbol: ETH/USDT, port: 6000, channels: [trade]}\n"
        "  - {symbol: BTC/USDT:USDT, exchange: bybit}",
    )
    first, second = settings.feeds()
    assert (first.port, first.channels) == (6000, ("trade",))
    assert (second.name, second.channels) == ("feed-bybit-BTC-USDT-USDT", ("ticker", "quote"))


def test_an_embedded_exchange_is_the_endpoint_unless_another_is_given(tmp_path: Path) -> None:
    text = "symbols: [BTC/USDT]\nembedded_exchange: {port: 9000}\n"
    assert load(tmp_path, text).endpoint_of("bybit", "BTC/USDT:USDT") == "http://127.0.0.1:9000"
    text += "endpoint: http://127.0.0.1:9001"
    assert load(tmp_path, text).endpoint_of("bybit", "BTC/USDT:USDT") == "http://127.0.0.1:9001"


def test_a_second_proxy_runs_when_two_are_configured(tmp_path: Path) -> None:
    one = load(tmp_path, "symbols: [BTC/USDT]\nproxy_2: {subscribers: 'tcp://127.0.0.1:6000'}\n")
    assert one.fan_outs() == {"proxy": "tcp://127.0.0.1:5500"}
    assert 6000 not in one.reserved_ports()
    two = load(
        tmp_path,
        "symbols: [BTC/USDT]\nproxies: 2\nproxy_2: {subscribers: 'tcp://127.0.0.1:6000'}\n",
    )
    assert two.fan_outs() == {"proxy": "tcp://127.0.0.1:5500", "proxy-2": "tcp://127.0.0.1:6000"}
    second = two.proxy_programs()["proxy-2"]
    assert (second.workers, second.history) == ("ipc://run/workers2.sock", "tcp://127.0.0.1:5511")
    assert two.reserved_ports() == {5500, 5501, 6000, 5511, 8080}


@pytest.mark.parametrize(
    "name",
    ["feedd.yaml", "demo.yaml", "bybit.yaml", "binance_spot.yaml", "two_exchanges.yaml",
     "replay.yaml"],
)  # fmt: skip
def test_the_shipped_configurations_are_right(name: str) -> None:
    assert load_config(REPOSITORY / "config" / name).feeds()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("symbols: [BTC/USDT]\nsymbls: 1", 2, "symbls: unknown key; is it symbols?"),
        ("symbols: [BTC/USDT]\nproxies: 3", 2, "proxies: must be at most 2; it is 3"),
        (
            "symbols: [BTC/USDT]\nproxies: 2\nproxy_2:\n  workers: ipc://run/workers.sock",
            4,
            "proxy_2.workers: ipc://run/workers.sock is already the endpoint of proxy.workers",
        ),
        ("symbols:\n - BTC/USDT\n - {symbol: X/USDT, prt: 3}", 3, "symbols[1].prt: unknown key"),
        ("exchange: 1\nsymbols: [A/USDT]", 1, "exchange: must be text; it is a whole number (1)"),
        ("symbols: [A/USDT]\nproxy:\n  x: 1", 3, "proxy.x: unknown key"),
        ("symbols:\n - A/USDT\n - A/USDT:USDT", 3, "is already symbols[0]"),
        ("symbols:\n - {symbol: A/USDT, port: 1}\n - {symbol: B/USDT, port: 1}", 3,
         "symbols[1].port: 1 is symbols[0]'s already"),
        ("symbols:\n - {symbol: A/USDT, port: 5500}", 2, "the proxy's"),
        ("symbols: [A/USDT]\nbase_port: 70000", 2, "base_port"),
        ("symbols: [A/USDT]\nchannels: [quote, nonsense]", 2,
         "channels[1]: 'nonsense' is not one of ticker, quote, trade"),
        ("symbols: [A/USDT]\nchannels: []", 2, "is empty"),
        ("symbols: [A/USDT]\nexchange: kraken\nsource: native", 3, "is on kraken; use ccxt"),
        (
            "symbols: [{symbol: A/USDT, exchange: kraken,\n  source: native}]",
            2,
            "symbols[0].source: native serves binanceusdm",
        ),
        ("symbols: [A/USDT]\nconnections: 2", 2, "connections: is for source: native"),
        ("symbols: [A/USDT]\nendpoint: localhost", 2, "http://127.0.0.1:8765"),
        ("symbols: [A/USDT]\nembedded_exchange:\n  speed: -1", 3, "embedded_exchange.speed"),
        ("symbols: [A/USDT]\nembedded_exchange:\n  rate: .inf", 3, "finite"),
        ("symbols: [A/USDT]\nembedded_exchange:\n  speed: .nan", 3, "embedded_exchange.speed"),
        ("symbols: [A/USDT]\nsource: replay", 2, "source: replay needs a section `replay:`"),
        ("symbols:\n - {symbol: A/USDT, source: replay}", 2, "symbols[0].source: replay needs"),
        ("symbols: [A/USDT]\nreplay:\n  recordings: []", 3, "replay.recordings: is empty"),
        ("symbols: [A/USDT]\nreplay:\n  recordings: [a]\n  pace: -1", 4, "replay.pace: must be"),
        ("symbols: [A/USDT]\nreplay:\n  recordings: [a]\n  pace: .inf", 4, "finite"),
        ("symbols: [{symbol: B/USDT, source: replay}, C/USDT]\nreplay: {recordings: [a], pace: 0}",
         2, "replay.pace: 0 waits for the slowest subscriber"),
        ("symbols: [A/USDT]\nreplay:\n  recordings: [a]\n  from: noon", 4, "is not a time like"),
        ("symbols: [A/USDT]\nreplay:\n  recordings: [a]\n  loops: true", 4, "is it loop?"),
        ("symbols: [A/USDT]\nreplay:\n  recordings: [a]\n  timestamps: later", 4,
         "replay.timestamps: 'later' is not one of recorded, now"),
        ("symbols: [A/USDT]\ngateway:", 2, "gateway: is empty; it must be true or"),
        ("symbols: [A/USDT]\ngateway: {host: 0.0.0.0}", 2, "gateway.host: '0.0.0.0' is not this"),
        ("symbols: [A/USDT]\ngateway: {prt: 1}", 2, "gateway.prt: unknown key; is it port?"),
        ("symbols: [A/USDT]\ngateway: {port: 5500}", 2, "gateway.port: 5500 is the proxy's"),
        ("symbols: [{symbol: A/USDT, port: 8080}]", 1, "8080 is the proxy's, the gateway's or"),
        ("symbols: []", 1, "symbols: is empty"),
        ("symbols: ['BTC USDT']", 1, "not a symbol"),
        ("symbols: [A/USDT]\nsymbols: [B/USDT]", 1, "appears twice"),
        ("symbols: [A/USDT\n", 2, "not valid YAML"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_key(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/feedd.yaml:{line}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_times_of_a_replay_are_read_as_they_are_written(tmp_path: Path) -> None:
    """YAML itself reads 13:00 as the number 780, and a date as an object."""
    replay = "replay: {recordings: [a], from: 13:00, to: 2026-11-25T14:00:00Z}"
    settings = load(tmp_path, f"symbols: [A/USDT]\nsource: replay\n{replay}")
    assert settings.replay is not None
    assert (settings.replay.from_, settings.replay.to) == ("13:00", "2026-11-25T14:00:00Z")


@pytest.mark.parametrize(
    ("symbols", "pace", "lossless"),
    [("[A/USDT, B/USDT]", 0, True), ("[A/USDT, B/USDT]", 1, False),
     ("[A/USDT, {symbol: B/USDT, source: ccxt}]", 1, False)],
)  # fmt: skip
def test_only_an_unpaced_replay_waits_for_a_slow_subscriber(
    tmp_path: Path, symbols: str, pace: int, lossless: bool
) -> None:
    replay = f"replay: {{recordings: [a], pace: {pace}}}"
    settings = load(tmp_path, f"symbols: {symbols}\nsource: replay\n{replay}")
    assert settings.lossless is lossless


@pytest.mark.parametrize("text", ["", "- BTC/USDT", "nothing"])
def test_a_file_that_is_not_a_map_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="symbols:"):
        load(tmp_path, text)


def test_a_file_with_invalid_yaml_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(tmp_path, "symbols: [A/USDT]\x07")


def test_the_error_for_a_missing_file_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; name another with --config"):
        load_config(tmp_path / "none.yaml")


def test_a_feed_is_selected_by_program_or_by_either_form_of_its_symbol(tmp_path: Path) -> None:
    settings = load(tmp_path, "symbols: [BTC/USDT, ETH/USDT]")
    for name in ("ETH/USDT", "ETH/USDT:USDT", "feed-binanceusdm-ETH-USDT-USDT"):
        assert [feed.symbol for feed in settings.select(name)] == ["ETH/USDT:USDT"]
    with pytest.raises(ConfigError, match="no feed is XRP/USDT"):
        settings.select("XRP/USDT")


def test_a_recorder_has_the_documented_defaults_and_is_off_without_one(tmp_path: Path) -> None:
    assert load(tmp_path, "symbols: [BTC/USDT]").recorder is None
    recorder = load(tmp_path, "symbols: [BTC/USDT]\nrecorder: {}").recorder
    assert recorder == RecorderSettings(
        dir="recordings", topics=("",), segment_minutes=60, segment_mb=256, fsync_s=1
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("recorder:", "2: recorder: is empty; `recorder: {}` records with defaults"),
        ("recorder: {topics: []}", "2: recorder.topics: is empty"),
        (
            'recorder:\n  topics: ["quote.", "quote.\\u200b"]',
            "3: recorder.topics[1]: 'quote.\\u200b' has invisible characters",
        ),
        ("recorder:\n  fsync_s: 0", "3: recorder.fsync_s: must be at least 0.05; it is 0"),
        ("recorder:\n  segment_mbs: 5", "3: recorder.segment_mbs: unknown key; is it segment_mb?"),
    ],
)
def test_an_invalid_recorder_names_file_line_and_key(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"symbols: [BTC/USDT]\n{text}\n")
    assert f"feedd.yaml:{error}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "exchange: okex\nsymbols: [BTC/USDT]",
            "1: exchange: the embedded exchange serves binance",
        ),
        (
            "exchange: okx\nsymbols: [BTC/USDT]",
            "1: exchange: the embedded exchange has okx from recordings only; name one under embed",
        ),
        (
            "symbols:\n- {symbol: A/B, exchange: okx}",
            "2: symbols[0].exchange: the embedded exchange",
        ),
        ("symbols: [A/B]\nexchange: OKX", "2: exchange: 'OKX' is not an exchange of ccxt.pro"),
    ],
)
def test_an_exchange_that_can_not_be_is_named_where_it_is_configured(
    tmp_path: Path, text: str, error: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"{text}\nembedded_exchange: {{}}\n")
    assert f"feedd.yaml:{error}" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("127.0.0.1:8765", "must look like http://127.0.0.1:8765 or https://exchange.example.com"),
        (
            "htp://x",
            "must look like http://127.0.0.1:8765 or https://exchange.example.com, and not",
        ),
        ("http://x:99999", "its port is not a number from 1 to 65535"),
        ("http://x:abc", "its port is not a number from 1 to 65535"),
        ("http://", "must look like"),
        ("http://a b", "must look like"),
        ("http://x/?a=1", "without ? and #"),
    ],
)
def test_an_endpoint_that_is_no_url_is_refused(tmp_path: Path, url: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"symbols: [A/B]\nendpoint: {url!r}\n")
    assert "feedd.yaml:2: endpoint: " in str(caught.value)
    assert error in str(caught.value)


def test_an_unknown_exchange_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "feedd.yaml"
    path.write_text("symbols:\n- A/B\n- {symbol: C/D, exchange: okxx}\n")
    with pytest.raises(ConfigError) as caught:
        given_config(path)
    assert f"{path}:3: symbols[1].exchange: okxx is not an exchange" in str(caught.value)
    assert "okx" in str(caught.value)


def test_a_symbol_that_many_others_are_configured_beside_has_the_nearest_ones(
    tmp_path: Path,
) -> None:
    symbols = ", ".join(f"{base}/USDT" for base in "ABCDEFGHIJK")
    config = load(tmp_path, f"symbols: [BTC/USDT, {symbols}]")
    with pytest.raises(ConfigError) as caught:
        config.select("BTCUSDT")
    assert "the configuration has BTC/USDT:USDT, " in str(caught.value)
    assert str(caught.value).endswith(", 9 more")


@pytest.mark.parametrize("value", ["0", "1", "60", "0.0", "86400"])
def test_books_may_be_compared_at_any_pause_or_never(tmp_path: Path, value: str) -> None:
    text = f"compare_books_every_s: {value}\nsymbols: [BTC/USDT]"
    assert load(tmp_path, text).compare_books_every_s == float(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0.5", "must be 0 (never) or at least 1 (s), and is 0.5"),
        ("-1", "must be at least 0"),
        (".nan", "must be"),
        (".inf", "must be"),
        ("often", "must be a number"),
    ],
)
def test_a_pause_between_comparisons_that_is_none_is_named(
    tmp_path: Path, value: str, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, f"compare_books_every_s: {value}\nsymbols: [BTC/USDT]")
    assert f"feedd.yaml:1: compare_books_every_s: {said}" in str(error.value)
