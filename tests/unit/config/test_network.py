"""Proxies and certificates of connections: which variable and which setting decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd.config.load import parse_config
from feedd.config.network import (
    SETTING,
    Network,
    bypasses,
    described,
    network_of,
    no_proxy_entries,
    parse_proxy,
)
from feedd.errors import ConfigError

LIVE = "https://fapi.binance.com/fapi/v1/time"
STREAM = "wss://fstream.binance.com/public/ws"


def network(environment: dict[str, str], settings: str = "") -> Network:
    config = parse_config(f"symbols: [BTC/USDT]\n{settings}", Path("feedd.yaml"))
    return network_of(config, environment, "binanceusdm", "BTC/USDT:USDT")


def proxy_of(environment: dict[str, str], url: str = LIVE, settings: str = "") -> str:
    return str(network(environment, settings).proxy_for(url))


@pytest.mark.parametrize("url", [LIVE, STREAM])
@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, "None"),
        ({"HTTPS_PROXY": "http://p:3128"}, "http://p:3128 (HTTPS_PROXY)"),
        ({"https_proxy": "http://p:3128/"}, "http://p:3128 (https_proxy)"),
        ({"https_proxy": "http://l:1", "HTTPS_PROXY": "http://u:2"}, "http://l:1 (https_proxy)"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://p:3128"}, "None"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "socks5://p"}, "socks5://p:1080 (ALL_PROXY)"),
        ({"HTTPS_PROXY": "proxy.corp:3128"}, "http://proxy.corp:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://proxy.corp"}, "http://proxy.corp:80 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": " http://proxy.corp:3128/proxy.pac?x#y "},
         "http://proxy.corp:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "HTTP://u:p%40ss@proxy.corp:3128"},
         "http://…@proxy.corp:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "u:secret@proxy.corp:3128"}, "http://…@proxy.corp:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "http://[fd00::1]:3128 (HTTPS_PROXY)"),
        ({"HTTP_PROXY": "http://p:3128"}, "None"),
        ({"all_proxy": "socks5h://p:9"}, "socks5h://p:9 (all_proxy)"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "binance.com"}, "None"),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "", "NO_PROXY": "binance.com"},
         "http://p:1 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "None"),
    ],
)  # fmt: skip
def test_variables_name_the_proxy_of_pages_and_messages(
    environment: dict[str, str], shown: str, url: str
) -> None:
    assert proxy_of(environment, url) == shown


def test_http_proxy_is_for_addresses_without_tls() -> None:
    environment = {"HTTP_PROXY": "http://p:3128"}
    assert proxy_of(environment, "http://10.0.0.1:9/") == "http://p:3128 (HTTP_PROXY)"
    assert proxy_of(environment, "ws://10.0.0.1:9/") == "http://p:3128 (HTTP_PROXY)"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "[::1]", "localhost", "x.localhost"])
def test_a_variable_is_no_proxy_for_this_machine_and_the_setting_is(host: str) -> None:
    url = f"http://{host}:8765/"
    assert proxy_of({"ALL_PROXY": "http://p:1"}, url) == "None"
    assert proxy_of({}, url, "proxy_url: http://p:1") == "http://p:1 (proxy_url)"


def test_an_embedded_exchange_is_reached_directly_whatever_is_set() -> None:
    settings = "embedded_exchange: {port: 9000}\nproxy_url: http://p:1"
    environment = {"ALL_PROXY": "nonsense://", "SSL_CERT_FILE": "missing"}
    assert network(environment, settings) == Network()


def test_the_settings_take_precedence_over_the_variables() -> None:
    environment = {"HTTPS_PROXY": "http://env:1", "NO_PROXY": "binance.com"}
    assert proxy_of(environment, settings="proxy_url: http://file:2") == "None"
    settings = "proxy_url: http://file:2\nno_proxy: []"
    assert proxy_of(environment, settings=settings) == "http://file:2 (proxy_url)"
    assert proxy_of({"HTTPS_PROXY": "http://p:1"}, settings="no_proxy: '*'") == "None"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("ftp://p:1", "its scheme (ftp://) is not one of http, socks5, socks5h"),
        ("https://p:1", "behind TLS (https://) is not supported"),
        ("socks4://p:1", "its scheme (socks4://)"),
        ("http://", "names no host"),
        ("http://:3128", "names no host"),
        ("http://p:99999", "has no port from 1 to 65535"),
        ("http://p:0", "has no port from 1 to 65535"),
        ("http://p:port", "has no port from 1 to 65535"),
        ("http://u:secret/9@p:3128", "%40 for @"),
        ("http://u:secret p@p:3128", "contains a space"),
        ("http://p:31\n28", "control character"),
        ("http://[fd00::1:3128", "has no port"),
        ("socks5://u:secrét@p:1", "must be ASCII"),
        (f"socks5://u:secret{'x' * 250}@p:1", "have at most 255 characters"),
        (f"socks5h://secret{'%41' * 250}:p@p:1", "have at most 255 characters"),
    ],
)
def test_a_value_that_names_no_proxy_is_refused_without_its_password(value: str, what: str) -> None:
    for given_by in ("HTTPS_PROXY", SETTING):
        with pytest.raises(ConfigError) as caught:
            parse_proxy(value, given_by)
        text = str(caught.value)
        assert text.startswith(f"{given_by}: ")
        assert what in text
        assert "secr" not in text
        assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("proxy.corp:3128", "has no scheme"),
        ("http://proxy.corp", "has no port"),
        ("http://proxy.corp:3128/proxy.pac", "has text after its port"),
    ],
)
def test_the_setting_is_stricter_than_a_variable(value: str, what: str) -> None:
    parse_proxy(value, "HTTPS_PROXY")
    with pytest.raises(ConfigError, match=what):
        parse_proxy(value, SETTING)


def test_credentials_are_decoded_and_appear_in_no_text() -> None:
    proxy = parse_proxy("socks5://u%3Aser:p%40%2Fss@p:1", SETTING)
    assert (proxy.username, proxy.password) == ("u:ser", "p@/ss")
    assert "ss" not in (str(proxy) + repr(proxy)).replace("socks5", "")


@pytest.mark.parametrize(
    ("entries", "host", "port", "direct"),
    [
        ("fapi.binance.com", "fapi.binance.com", 443, True),
        ("binance.com", "fapi.binance.com", 443, True),
        (".binance.com", "fapi.binance.com", 443, True),
        ("*.binance.com", "FAPI.Binance.com.", 443, True),
        ("binance.com", "notbinance.com", 443, False),
        ("fapi.binance.com:443", "fapi.binance.com", 443, True),
        ("fapi.binance.com:8443", "fapi.binance.com", 443, False),
        ("a.example, binance.com", "fapi.binance.com", 443, True),
        ("a.example  binance.com", "fapi.binance.com", 443, True),
        ("10.0.0.0/8", "10.2.3.4", 443, True),
        ("10.0.0.0/8", "11.2.3.4", 443, False),
        ("10.0.0.0/8", "fapi.binance.com", 443, False),
        ("fd00::/8", "fd00::7", 443, True),
        ("10.2.3.4", "10.2.3.4", 443, True),
        ("[fd00::7]:443", "fd00::7", 443, True),
        ("fd00:0::7", "fd00::7", 443, True),
        ("2.3.4", "10.2.3.4", 443, False),
        ("", "fapi.binance.com", 443, False),
        (",.,*.,/", "fapi.binance.com", 443, False),
        ("*", "10.2.3.4", 443, True),
    ],
)
def test_no_proxy_has_hosts_domains_networks_and_ports(
    entries: str, host: str, port: int, *, direct: bool
) -> None:
    assert bypasses(no_proxy_entries(entries), host, port) is direct


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("proxy_url: ftp://u:secret@p:1", "feedd.yaml:2: proxy_url: its scheme (ftp://)"),
        ("proxy_url: proxy.corp:3128", "feedd.yaml:2: proxy_url: has no scheme; it must look"),
        ("proxy_url: ''", "feedd.yaml:2: proxy_url: has no scheme"),
        ("no_proxy: [http://x]", "feedd.yaml:2: no_proxy: 'http://x' is not a host"),
        ("no_proxy: 10.0.0.0/99", "feedd.yaml:2: no_proxy: '10.0.0.0/99' is not a network"),
        ("no_proxy: ['a b']", "feedd.yaml:2: no_proxy: 'a b' is not"),
        ("no_proxy: a:70000", "feedd.yaml:2: no_proxy: 'a:70000' has a port"),
        ("ca_file: /none/ca.pem", "feedd.yaml:2: ca_file: /none/ca.pem can't be read: No such"),
        ("ca_file: /etc", "feedd.yaml:2: ca_file: /etc can't be read"),
        ("ca_file: ''", "feedd.yaml:2: ca_file: '' names no file"),
        (f"ca_file: {__file__}", "contains no certificate in PEM form"),
    ],
)
def test_a_setting_that_is_wrong_names_file_line_and_key(settings: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        network({}, settings)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_is_in_force_is_described_without_credentials() -> None:
    given = network(
        {"HTTPS_PROXY": "http://u:secret@p:1", "HTTP_PROXY": "http://p:2", "NO_PROXY": "corp,.x",
         "SSL_CERT_FILE": "/etc/corp.pem"}
    )  # fmt: skip
    assert described(given, None) == [
        "exchanges are reached through the proxy http://…@p:1 (HTTPS_PROXY); directly: corp, .x",
        "certificates are trusted by SSL_CERT_FILE /etc/corp.pem",
    ]
    assert described(given, "http://127.0.0.1:9") == [
        "127.0.0.1 is reached directly: it is this machine"
    ]
    assert described(given, "http://a.corp:9") == ["a.corp is reached directly: it is in no_proxy"]
    assert described(network({}), None) == []
    assert described(network({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}), None) == [
        "exchanges are reached directly, and not through http://p:1 (HTTPS_PROXY): no_proxy has *"
    ]


def test_entries_of_no_proxy_without_effect_are_named() -> None:
    """A setting with such an entry is refused; a variable serves other programs too."""
    entries = "corp,http://fapi.binance.com,10.0.0.0/33,*:443"
    given = network({"HTTPS_PROXY": "http://p:1", "NO_PROXY": entries})
    first, *others = described(given, None)
    assert first == (
        "exchanges are reached through the proxy http://p:1 (HTTPS_PROXY); directly: corp"
    )
    assert [line.partition(" is not ")[0] for line in others] == [
        f"an entry of no_proxy has no effect: {entry!r}" for entry in entries.split(",")[1:]
    ]
