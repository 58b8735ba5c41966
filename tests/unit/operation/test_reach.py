"""A start prints endpoints that a subscriber can type, and who can't reach the history."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from feedd.config.load import load_config, parse_config
from feedd.config.settings import Config
from feedd.errors import ConfigError
from feedd.operation.endpoint_host import check_own_addresses
from feedd.operation.reach import reach_lines, subscribe_text


def settings(**proxy: str) -> Config:
    text = "".join(f"  {key}: {value!r}\n" for key, value in proxy.items())
    return parse_config(f"symbols: [A/B]\nproxy:\n{text}", Path("f.yaml"))


@pytest.mark.parametrize("host", ["*", "0.0.0.0"])
def test_all_interfaces_are_named_by_addresses_that_one_can_connect_to(host: str) -> None:
    config = settings(subscribers=f"tcp://{host}:5500", history="tcp://*:5501")
    assert subscribe_text(config) == (
        f"tcp://127.0.0.1:5500 (from other machines tcp://{socket.gethostname()}:5500)"
    )
    assert reach_lines(config) == []


def test_an_address_is_named_as_it_is() -> None:
    config = settings(subscribers="tcp://127.0.0.1:5500")
    assert subscribe_text(config) == "tcp://127.0.0.1:5500"
    assert reach_lines(config) == []


@pytest.mark.parametrize("fan_out", ["tcp://*:5500", "tcp://10.0.0.7:5500"])
@pytest.mark.parametrize("history", ["tcp://127.0.0.1:5501", "ipc://run/history.sock"])
def test_a_history_that_stays_on_this_machine_is_named(fan_out: str, history: str) -> None:
    (line,) = reach_lines(settings(subscribers=fan_out, history=history))
    assert f"can't reach the history at {history}" in line
    assert "proxy.history sets it" in line


@pytest.mark.parametrize(
    ("endpoint", "error"),
    [
        ("localhost:5500", "it lacks tcp://; write tcp://localhost:5500"),
        ("tcp://127.0.0.1:99999", "its port 99999 is not from 1 to 65535"),
        ("tcp://*", "it has no port"),
        ("http://127.0.0.1:5500", "is it tcp://127.0.0.1:5500?"),
    ],
)
def test_an_endpoint_of_a_proxy_that_can_not_be_is_refused(endpoint: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(subscribers=endpoint)
    assert str(caught.value).startswith("f.yaml:3: proxy.subscribers: must look like tcp://")
    assert error in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "error"),
    [
        ("tcp://192.0.2.1:5500", "this machine can't publish at 192.0.2.1"),
        ("tcp://no.such.host.invalid:5500", "the host can't be resolved"),
    ],
)
def test_an_address_that_this_machine_does_not_have_is_named_with_its_key(
    tmp_path: Path, endpoint: str, error: str
) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(f"symbols: [A/B]\nproxy:\n  history: {endpoint}\n")
    with pytest.raises(ConfigError) as caught:
        check_own_addresses(load_config(path), path)
    assert f"f.yaml:3: proxy.history: {endpoint}" in str(caught.value)
    assert error in str(caught.value)
