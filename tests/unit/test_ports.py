"""Ports: given once, kept for good."""

from pathlib import Path

import pytest

from feedd import config, ports
from feedd.errors import ConfigError


def assign(tmp_path: Path, symbols: str, extra: str = "") -> dict[str, int]:
    path = tmp_path / "feedd.yaml"
    path.write_text(f"run_dir: {tmp_path}/run\nsymbols: [{symbols}]\n{extra}")
    given = ports.assign(config.load(path), path)
    return {name.split("-")[2]: port for name, port in given.items()}


def test_symbols_take_the_ports_from_base_port_on(tmp_path: Path) -> None:
    assert assign(tmp_path, "A/USDT, B/USDT") == {"A": 5555, "B": 5556}


def test_a_symbol_keeps_its_port_when_others_go_and_when_it_comes_back(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT, B/USDT, C/USDT")
    assert assign(tmp_path, "C/USDT") == {"C": 5557}
    assert assign(tmp_path, "D/USDT, C/USDT") == {"D": 5558, "C": 5557}
    assert assign(tmp_path, "C/USDT, B/USDT, A/USDT") == {"C": 5557, "B": 5556, "A": 5555}


def test_a_port_of_ones_own_comes_first(tmp_path: Path) -> None:
    assert assign(tmp_path, "A/USDT, {symbol: B/USDT, port: 5555}") == {"A": 5556, "B": 5555}


def test_no_symbol_gets_a_port_of_the_proxy_or_the_exchange(tmp_path: Path) -> None:
    extra = "base_port: 5500\nembedded_exchange: {port: 5502}"
    assert assign(tmp_path, "A/USDT, B/USDT", extra) == {"A": 5503, "B": 5504}


def test_two_configurations_do_not_share_ports(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT")
    other = tmp_path / "other.yaml"
    other.write_text(f"run_dir: {tmp_path}/run\nsymbols: [B/USDT]")
    assert list(ports.assign(config.load(other), other).values()) == [5555]


def test_an_unreadable_file_of_ports_is_an_error_and_not_a_new_start(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT")
    (tmp_path / "run" / ports.FILE).write_text("{")
    with pytest.raises(ConfigError, match="can't be read"):
        assign(tmp_path, "A/USDT")
