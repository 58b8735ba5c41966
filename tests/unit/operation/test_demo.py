"""The demo's independence of API keys."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedd.config.credentials import credentials
from feedd.config.environment import read_environment
from feedd.errors import ConfigError
from feedd.operation import demo

CONFIG = """\
symbols:
  - BTC/USDT:USDT
  - {symbol: BTC/USDT:USDT, exchange: bybit}
embedded_exchange: {}
"""


@pytest.fixture(autouse=True)
def _restored_signals() -> Iterator[None]:
    """Restore the signals that the demo ignores once it ends."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_no_feed_of_the_demo_has_a_key_from_the_environment_or_from_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "feedd.yaml"
    path.write_text(CONFIG)
    for name in ("BYBIT_API_KEY", "BYBIT_SECRET"):
        monkeypatch.setenv(name, "")  # restored after the test
        monkeypatch.delenv(name)
    (tmp_path / ".env").touch(0o600)
    (tmp_path / ".env").write_text("BYBIT_API_KEY=key\nBYBIT_SECRET=secret\n")
    monkeypatch.setenv("BINANCE_API_KEY", "key")
    monkeypatch.setenv("BINANCE_SECRET", "secret")
    found: dict[str, Any] = {}

    def start(*_: Any, **__: Any) -> None:
        for exchange in ("binanceusdm", "bybit"):
            found[exchange] = credentials(exchange, read_environment())
        raise ConfigError("started")

    monkeypatch.setattr(demo, "start", start)
    with pytest.raises(ConfigError, match="started"):
        demo._run(path, tmp_path)
    assert found == {"binanceusdm": None, "bybit": None}
