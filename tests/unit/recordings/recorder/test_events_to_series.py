"""Which series a message and a notice belong to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.recordings.recorder.written_series import Said, records_so_far

from feedd.client.decoding import PublishedMessage
from feedd.client.events import Gap, NewSession, Origin, StateChange
from feedd.config.load import parse_config
from feedd.config.settings import RecorderSettings
from feedd.recordings.recorder import recorder as recorder_module
from feedd.recordings.recorder.recorder import Recorder
from feedd.recordings.recorder.recorder_status import RecorderStatus

TEXT = "symbols: [BTC/USDT]\nrecorder: {}\n"


def made(
    folder: Path, text: str = TEXT, tell: Callable[[RecorderStatus], None] = print
) -> Recorder:
    settings = parse_config(text, Path("feedd.yaml"))
    meant = RecorderSettings(dir=str(folder))
    return Recorder(settings.history_endpoints(), meant, Said(), tell)


def frame(exchange: str, seq: int = 1) -> PublishedMessage:
    topic = f"quote.{exchange}.A/B.".encode()
    return PublishedMessage(1, seq, 1_700_000_000_000_000_000, "live", topic, b"payload")


def held(recorder: Recorder, folder: Path) -> dict[str, list[str]]:
    """Return, by exchange, the topics of what it holds."""
    for series in recorder._series.values():
        series.close("")
    return {
        path.name: [one.topic.decode() for one in records_so_far(path)]
        for path in folder.iterdir()
    }  # fmt: skip


def test_it_listens_to_each_proxy_and_asks_the_history_of_each(tmp_path: Path) -> None:
    one = made(tmp_path)
    assert (one._endpoints, one._histories) == (
        ["tcp://127.0.0.1:5500"], ["tcp://127.0.0.1:5501"],
    )  # fmt: skip
    both = made(tmp_path, TEXT + "proxies: 2\n")
    assert both._endpoints == ["tcp://127.0.0.1:5500", "tcp://127.0.0.1:5510"]
    assert both._histories == ["tcp://127.0.0.1:5501", "tcp://127.0.0.1:5511"]


def test_each_exchange_has_a_series_and_its_notices_are_in_it(tmp_path: Path) -> None:
    recorder = made(tmp_path)
    for event in (
        frame("bybit"), frame("binance"), Gap("quote.bybit.A/B.", 1, 2, 3, "lost"),
        NewSession("binance.A/B.", 1, 2),
    ):  # fmt: skip
        recorder._record_event(event)
    assert held(recorder, tmp_path) == {
        "bybit": ["quote.bybit.A/B.", "Gap"], "binance": ["quote.binance.A/B.", "NewSession"],
    }  # fmt: skip


def test_notices_of_the_whole_stream_are_in_every_series(tmp_path: Path) -> None:
    """Before there is any, it waits for the first one."""
    recorder = made(tmp_path)
    recorder._record_event(StateChange("", "no_history", "away"))
    for event in (frame("bybit"), frame("binance"), StateChange("", "history", None)):
        recorder._record_event(event)
    assert held(recorder, tmp_path) == {
        "bybit": ["StateChange", "quote.bybit.A/B.", "StateChange"],
        "binance": ["quote.binance.A/B.", "StateChange"],
    }


def test_exchanges_beyond_the_most_share_one_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_SERIES", 1)
    recorder = made(tmp_path)
    for exchange in ("a", "b", "c", "a"):
        recorder._record_event(frame(exchange))
    assert held(recorder, tmp_path) == {
        "a": ["quote.a.A/B."] * 2, "other": ["quote.b.A/B.", "quote.c.A/B."],
    }  # fmt: skip


def test_the_report_counts_written_records_and_names_failures(tmp_path: Path) -> None:
    told: list[RecorderStatus] = []
    recorder = made(tmp_path, tell=told.append)
    recorder._record_event(frame("bybit"))
    recorder._report(0.0)
    for series in recorder._series.values():
        series.write()
    recorder._report(2.0)
    assert [(one.messages, one.messages_per_s) for one in told] == [(0, 0.0), (1, 0.5)]
    (folder,) = (tmp_path / "bybit").iterdir()
    (path,) = folder.iterdir()
    assert told[-1].bytes == path.stat().st_size
    assert told[-1].failing is None


def aged(age_s: float, origin: Origin = "live") -> PublishedMessage:
    published_ns = time.time_ns() - int(age_s * 1e9)
    return PublishedMessage(1, 1, published_ns, origin, b"quote.bybit.A/B.", b"payload")


def test_its_status_has_the_longest_wait_of_a_message_since_the_last_one(tmp_path: Path) -> None:
    said: list[RecorderStatus] = []
    recorder = made(tmp_path, tell=said.append)
    for event in (
        aged(2), aged(7), aged(3), aged(60, "replayed"), NewSession("bybit.A/B.", 1, 2)
    ):  # fmt: skip
        recorder._measure_lag(event)
    recorder._report(1.0)
    recorder._report(2.0)
    assert said[0].lag_s == pytest.approx(7, abs=1)
    assert said[1].lag_s is None


def test_its_status_has_the_room_on_its_disk(tmp_path: Path) -> None:
    said: list[RecorderStatus] = []
    made(tmp_path, tell=said.append)._report(1.0)
    made(tmp_path / "none", tell=said.append)._report(1.0)
    free, total = said[0].disk_free_bytes, said[0].disk_total_bytes
    assert free is not None
    assert total is not None
    assert 0 < free <= total
    assert (said[1].disk_free_bytes, said[1].disk_total_bytes) == (None, None)
