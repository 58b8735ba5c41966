"""The truth log: what the exchange sent, a JSON line each, for whoever audits what arrived."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from feedd.exchange.market import Message


class TruthLog:
    """One line for each event sent to a connection; it goes on behind an earlier run's.

    `{"sent_ns":…,"connection":1,"stream":"btcusdt@trade","id":5266583935,"data":{…}}`: `sent_ns`
    is ns since the epoch, `connection` counts from 1, `id` is null where the exchange has none.
    """

    def __init__(self, path: Path) -> None:
        """Open the log, behind what is there; raise ConfigError where it can't be written."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", buffering=1 << 20)
        except OSError as error:
            raise ConfigError(f"{path}: the truth log can't be opened: {error.strerror}") from None

    def write(self, connection: int, messages: Iterable[Message]) -> None:
        """Note messages that are being sent now."""
        now_ns = time.time_ns()
        head = f'{{"sent_ns":{now_ns},"connection":{connection},"stream":"'
        self._file.writelines(
            f'{head}{stream}","id":{"null" if id_ is None else id_},"data":{data}}}\n'
            for stream, id_, data in messages
        )

    def flush(self) -> None:
        """Let readers see all lines so far."""
        self._file.flush()

    def close(self) -> None:
        """Write the rest."""
        self._file.close()
