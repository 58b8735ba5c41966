"""The applied copy equals what was applied, whatever the file says since, or says so."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from feedd.config import ports
from feedd.config.applied import FILE, read_applied, resolved, worker_config, write_applied
from feedd.config.load import load_config, parse_config
from feedd.errors import ConfigError

CONFIGS = sorted(Path(__file__).parents[3].glob("config/*.yaml"))
ALL = """
exchange: binanceusdm
source: native
connections: 2
channels: [ticker, quote, trade, book]
symbols:
  - BTC/USDT
  - {symbol: ETH/USDT, channels: [quote], port: 6001}
  - {symbol: BTC/USDT, exchange: bybit, source: ccxt}
recorder: {topics: ["quote."]}
embedded_exchange: {faults: [{fault: reset, streams: [btcusdt@trade], count: 3}]}
"""
REPLAY = """
source: replay
symbols: [BTC/USDT]
replay: {recordings: [a], from: "13:00", pace: 2.0}
"""


def copied(text: str, folder: Path) -> None:
    config = parse_config(text, Path("x.yaml"))
    numbers = {feed.name: feed.port or 6100 + n for n, feed in enumerate(config.feeds())}
    applied = resolved(config, numbers)
    write_applied(applied, folder / "x.yaml", folder)
    found = read_applied(folder)
    assert found is not None
    assert found.config == applied
    assert found.path == folder / "x.yaml"
    assert found.ports == numbers
    for before, after in zip(config.feeds(), found.config.feeds(), strict=True):
        assert msgspec.structs.replace(before, port=numbers[before.name]) == after
    assert resolved(found.config, numbers) == found.config
    assert ports.assign(found.config, found.path, remember=False) == numbers


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_read_as_it_was_applied(path: Path, tmp_path: Path) -> None:
    copied(path.read_text(), tmp_path)


@pytest.mark.parametrize("text", [ALL, REPLAY])
def test_every_kind_of_setting_is_read_as_it_was_applied(text: str, tmp_path: Path) -> None:
    copied(text, tmp_path)


def test_the_copy_needs_no_file_of_assigned_ports(tmp_path: Path) -> None:
    text = f"symbols: [BTC/USDT]\nrun_dir: {tmp_path}\n"
    config = resolved(parse_config(text, Path("x")), {"feed-binanceusdm-BTC-USDT-USDT": 6000})
    (tmp_path / ports.FILE).write_text("{")
    assert list(ports.assign(config, Path("x"), remember=False).values()) == [6000]


def test_a_copy_that_was_edited_or_is_torn_is_refused(tmp_path: Path) -> None:
    assert read_applied(tmp_path) is None
    copied(ALL, tmp_path)
    path = tmp_path / FILE
    whole = path.read_bytes()
    for damaged in (whole.replace(b"6001", b"6002"), whole[:-20], b"", whole + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"run/applied: is damaged, or was edited"):
            read_applied(tmp_path)


def test_in_a_folder_that_was_moved_the_file_is_the_one_that_moved_with_it(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    copied(ALL, before)
    after = before.rename(tmp_path / "after")
    found = read_applied(after)
    assert found is not None
    assert found.path == after / "x.yaml"


def test_a_path_that_is_not_utf8_is_kept(tmp_path: Path) -> None:
    config = resolved(parse_config("symbols: [BTC/USDT]", Path("x")), {
        "feed-binanceusdm-BTC-USDT-USDT": 6000
    })  # fmt: skip
    odd = tmp_path / "caf\udce9.yaml"
    write_applied(config, odd, tmp_path)
    found = read_applied(tmp_path)
    assert found is not None
    assert found.path == odd


def test_a_supervised_worker_reads_the_copy_and_one_by_hand_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(ALL, tmp_path)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.yaml"
    file.write_text("symbols: [SOL/USDT]")
    assert worker_config(str(file), {}, applied=False) == (load_config(file), file)
    file.write_text("\tbroken")
    config, path = worker_config(str(file), {}, applied=True)
    assert (len(config.symbols), path) == (3, file)
    (tmp_path / FILE).unlink()
    with pytest.raises(ConfigError, match="feedd start writes it"):
        worker_config(str(file), {}, applied=True)
