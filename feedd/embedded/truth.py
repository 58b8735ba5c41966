"""The truth log: one JSON line for each event that the exchange sent, to audit what arrived.

A second file with the suffix `.marks` records when connections and faults begin and end.
`docs/faults.md` describes the lines of both.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Literal

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from feedd.embedded.market import MarketMessage

Mark = Literal["opened", "closed", "fault", "clear"]
MARKS = ".marks"  # suffix of the log's name


NO_EVENT = "{}"  # the data of a message that is no event of the market


class TruthLog:
    """One line for each event of the exchange, appended to the log of an earlier run.

    `{"sent_ns":…,"connection":1,"stream":"btcusdt@trade","id":5266583935,"data":{…}}`: `sent_ns`
    is ns since the epoch. `connection` counts from 1 and is null if the event reached no
    connection. `id` is null if the exchange gives none. `"swallowed":"<fault>"` after `data` marks
    an event that did not arrive unchanged.
    """

    def __init__(self, path: Path) -> None:
        """Open the log for appending; raise ConfigError if it can't be opened."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", buffering=1 << 20)
            self._marks = path.with_name(path.name + MARKS).open("a", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{path}: the truth log can't be opened: {error.strerror}") from None

    def write(
        self,
        connection: int | None,
        messages: Iterable[MarketMessage],
        swallowed: str | None = None,
    ) -> None:
        """Record messages that are sent now, or that would be sent."""
        now_ns = time.time_ns()
        number = "null" if connection is None else connection
        head = f'{{"sent_ns":{now_ns},"connection":{number},"stream":"'
        tail = "}\n" if swallowed is None else f',"swallowed":"{swallowed}"}}\n'
        self._file.writelines(
            f'{head}{one.stream}","id":{_null(one.id)},"data":{one.data}{tail}'
            for one in messages
            if one.data != NO_EVENT
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
        """Record that a connection or a fault begins or ends."""
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
        """Flush both files, so that readers see all lines."""
        self._file.flush()
        self._marks.flush()

    def close(self) -> None:
        """Flush and close both files."""
        self._file.close()
        self._marks.close()


def _null(id_: int | None) -> str:
    return "null" if id_ is None else str(id_)
