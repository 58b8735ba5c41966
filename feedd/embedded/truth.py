"""The truth log: what the exchange sent, a JSON line each, for whoever audits what arrived.

Beside it, in a file of its own that ends in `.marks`, stands when connections and faults begin and
end. The lines of both are described in `docs/faults.md`.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Literal

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from feedd.embedded.market import Message

Mark = Literal["opened", "closed", "fault", "clear"]
MARKS = ".marks"  # behind the log's name


class TruthLog:
    """One line for each event of the exchange; it goes on behind an earlier run's.

    `{"sent_ns":…,"connection":1,"stream":"btcusdt@trade","id":5266583935,"data":{…}}`: `sent_ns`
    is ns since the epoch, `connection` counts from 1 and is null where there was none to send to,
    `id` is null where the exchange has none. `"swallowed":"<fault>"` behind `data` says that it
    did not arrive as it is.
    """

    def __init__(self, path: Path) -> None:
        """Open the log, behind what is there; raise ConfigError where it can't be written."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", buffering=1 << 20)
            self._marks = path.with_name(path.name + MARKS).open("a", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{path}: the truth log can't be opened: {error.strerror}") from None

    def write(
        self, connection: int | None, messages: Iterable[Message], swallowed: str | None = None
    ) -> None:
        """Note messages that are being sent now, or would be."""
        now_ns = time.time_ns()
        whose = "null" if connection is None else connection
        head = f'{{"sent_ns":{now_ns},"connection":{whose},"stream":"'
        tail = "}\n" if swallowed is None else f',"swallowed":"{swallowed}"}}\n'
        self._file.writelines(
            f'{head}{stream}","id":{"null" if id_ is None else id_},"data":{data}{tail}'
            for stream, id_, data in messages
        )

    def mark(
        self,
        mark: Mark,
        *,
        connection: int | None = None,
        streams: Iterable[str] = (),
        fault: str | None = None,
        by: Literal["exchange", "client"] | None = None,
    ) -> None:
        """Note that a connection or a fault begins or ends."""
        row = {
            "mark": mark,
            "ns": time.time_ns(),
            "connection": connection,
            "streams": list(streams),
            "fault": fault,
            "by": by,
        }
        self._marks.write(json.dumps(row, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        """Let readers see all lines so far."""
        self._file.flush()
        self._marks.flush()

    def close(self) -> None:
        """Write the rest."""
        self._file.close()
        self._marks.close()
