"""The demo's configuration where the gateway's port is in use."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedd.config.load import load_config
from feedd.operation.demo_config import demo_config, moved_line, next_free

TEXT = "symbols: [BTC/USDT:USDT]  # one\nembedded_exchange: {port: 8765}\n"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def write(tmp_path: Path, gateway: str) -> Path:
    path = tmp_path / "demo.yaml"
    path.write_text(f"{TEXT}gateway: {gateway}\n")
    return path


def test_a_port_in_use_moves_the_gateway_and_nothing_else(tmp_path: Path, taken: int) -> None:
    path = write(tmp_path, f"{{port: {taken}}}")
    text = path.read_text()
    copy = demo_config(path, tmp_path)
    before, after = load_config(path), load_config(copy)
    assert copy == tmp_path / "run" / "demo.yaml"
    assert path.read_text() == text
    assert before.gateway_settings is not None
    assert after.gateway_settings is not None
    assert after.gateway_settings.port > taken
    assert after.symbols == before.symbols
    assert after.embedded_exchange == before.embedded_exchange
    assert moved_line(before, after) == (
        f"Port {taken} is in use: the page of this demo is at port {after.gateway_settings.port}."
    )


def test_without_a_gateway_nothing_moves(tmp_path: Path) -> None:
    path = write(tmp_path, "false")
    assert demo_config(path, tmp_path) == path
    assert not (tmp_path / "run").exists()


def test_a_free_port_stays(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = write(tmp_path, f"{{port: {port}}}")
    assert demo_config(path, tmp_path) == path
    assert moved_line(load_config(path), load_config(path)) is None


def test_a_reserved_port_is_passed_over(taken: int) -> None:
    found = next_free("127.0.0.1", taken, ())
    assert found is not None
    other = next_free("127.0.0.1", taken, {found})
    assert other is not None
    assert other > found
