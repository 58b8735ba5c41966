"""The watchdog ignores the statuses of replays: their times are the recording's."""

import time
from pathlib import Path

import pytest

from feedd.config.applied import resolved, write_applied
from feedd.config.load import load_config
from feedd.supervision.daemon import Daemon
from feedd.supervision.watchdog import FIRST_STATUS_S, Watchdog
from feedd.supervision.watchdog_loop import WatchdogLoop

BTC, ETH = "feed-binanceusdm-BTC-USDT-USDT", "feed-binanceusdm-ETH-USDT-USDT"


def judged(folder: Path, text: str, names: list[str]) -> list[str]:
    """Return the workers that are restarted after a long silence of all."""
    path = folder / "feedd.yaml"
    path.write_text(f"run_dir: {folder}\n{text}")
    config = load_config(path)
    given = {feed.name: 1 + number for number, feed in enumerate(config.feeds())}
    write_applied(resolved(config, given), path, folder)
    watchdog = WatchdogLoop(Daemon(folder))
    rules = Watchdog()
    try:
        watchdog._reload_config()
        actions = []
        for now_s in (0.0, FIRST_STATUS_S + 1):
            info = {"pid": 7, "statename": "RUNNING", "start": time.time() - 1000}
            seen = [watchdog._observe({**info, "name": name}, now_s) for name in names]
            actions = rules.check(seen, now_s)
        return [verdict.name for verdict in actions]
    finally:
        watchdog.close()


@pytest.mark.parametrize("pace", [0, 1])
def test_a_replay_that_is_silent_is_not_restarted(tmp_path: Path, pace: int) -> None:
    text = (
        "symbols: [BTC/USDT, ETH/USDT]\nsource: replay\n"
        f"replay: {{recordings: [a], pace: {pace}}}\n"
    )
    assert judged(tmp_path, text, [BTC, ETH, "proxy"]) == []


def test_a_live_feed_beside_it_is(tmp_path: Path) -> None:
    text = "symbols: [BTC/USDT, {symbol: ETH/USDT, source: replay}]\nreplay: {recordings: [a]}\n"
    assert judged(tmp_path, text, [BTC, ETH, "proxy"]) == [BTC]
