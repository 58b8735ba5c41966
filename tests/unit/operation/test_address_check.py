"""Every address of a configuration is checked before a start; holders and remedies are named."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from conftest import free_ports

from feedd.config.load import parse_config
from feedd.operation.address_check import BoundAddress, addresses_of, held_by_others


def test_proxies_histories_workers_sockets_exchange_and_feeds_are_all_checked() -> None:
    text = """
symbols: [BTC/USDT, {symbol: ETH/USDT, port: 6001}]
proxies: 2
proxy: {workers: "tcp://127.0.0.1:6100"}
embedded_exchange: {port: 6200}
"""
    config = parse_config(text, Path("x.yaml"))
    ports = {feed.name: feed.port or 6000 for feed in config.feeds()}
    found = {one.endpoint: one.key for one in addresses_of(config, ports)}
    assert found == {
        "tcp://127.0.0.1:5500": "proxy.subscribers",
        "tcp://127.0.0.1:6100": "proxy.workers",
        "tcp://127.0.0.1:5501": "proxy.history",
        "tcp://127.0.0.1:5510": "proxy_2.subscribers",
        "ipc://run/workers2.sock": "proxy_2.workers",
        "tcp://127.0.0.1:5511": "proxy_2.history",
        "tcp://127.0.0.1:6200": "embedded_exchange.port",
        "tcp://127.0.0.1:8080": "gateway.port",
        "tcp://127.0.0.1:6000": "base_port",
        "tcp://127.0.0.1:6001": "the port of ETH/USDT:USDT",
    }


def test_replays_bind_their_ports_too() -> None:
    text = "source: replay\nsymbols: [BTC/USDT]\nreplay: {recordings: [a]}\n"
    config = parse_config(text, Path("x.yaml"))
    ports = {feed.name: 6000 for feed in config.feeds()}
    assert "tcp://127.0.0.1:6000" in {one.endpoint for one in addresses_of(config, ports)}


def test_a_holder_is_named_once_with_the_keys_that_avoid_it() -> None:
    first, second, third = free_ports(3)
    addresses = [BoundAddress(f"tcp://127.0.0.1:{port}", f"key{n}")
                 for n, port in enumerate((first, second, third))]  # fmt: skip
    assert held_by_others(addresses, ()) is None
    with (
        socket.create_server(("127.0.0.1", first)),
        socket.create_server(("127.0.0.1", second)),
    ):
        held = held_by_others(addresses, ())
        assert held is not None
        me = f"tcp://127.0.0.1:{first} and 1 more are held by pid {os.getpid()} ("
        assert held.startswith(me)
        assert held.endswith("or set key0, key1")
        assert held_by_others(addresses, {os.getpid()}) is None  # they are ours


def test_a_gateways_port_in_use_is_one_line_with_its_key() -> None:
    free, taken = free_ports(2)
    text = f"symbols: [BTC/USDT]\ngateway: {{port: {taken}}}\nbase_port: {free}\n"
    config = parse_config(text, Path("x.yaml"))
    addresses = [
        one for one in addresses_of(config, {feed.name: free for feed in config.feeds()})
        if one.key in {"gateway.port", "base_port"}
    ]  # fmt: skip
    with socket.create_server(("127.0.0.1", taken)):
        held = held_by_others(addresses, ())
    assert held is not None
    assert held.startswith(f"tcp://127.0.0.1:{taken} is held by pid {os.getpid()} (")
    assert held.endswith("or set gateway.port")


@pytest.mark.parametrize("kind", ["this project", "another folder"])
def test_what_a_project_holds_is_ended_by_its_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    [port] = free_ports(1)
    monkeypatch.chdir(tmp_path)
    if kind == "this project":
        (tmp_path / "supervisord.conf").write_text("")
    with socket.create_server(("127.0.0.1", port)):
        held = held_by_others([BoundAddress(f"tcp://127.0.0.1:{port}", "base_port")], ())
    expected = {
        "this project": "(what is feedd's, with feedd stop --all), or set base_port",
        "another folder": "; stop what holds them, or set base_port",
    }
    assert str(held).endswith(expected[kind])


@pytest.mark.parametrize("endpoint", ["tcp://eth0:5500", "tcp://lo:*", "tcp://*:*", "tcp://*:0"])
def test_an_endpoint_that_only_libzmq_resolves_is_left_to_it(endpoint: str) -> None:
    assert held_by_others([BoundAddress(endpoint, "proxy.subscribers")], ()) is None
