"""A product that is broken on purpose, to see that the checks find it.

Each is a `sitecustomize.py`, which Python runs at the start of every process that finds it on its
path: the product itself has no hook for it. https://docs.python.org/3/library/site.html
Python only prints an error of such a file and goes on; SystemExit alone ends the process.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

_HEAD = """
import sys

def runs(name):
    return any(name in word for word in sys.orig_argv)
"""

_TAIL = """
except Exception as error:
    raise SystemExit(f"the fault can't be applied: {error!r}")
"""

# Lost before numbering: the sequence has no gap, and only the exchange's ids reveal it.
DROPS_BEFORE_NUMBERING = """
if runs("workers/feed.py"):
    from feedd.feed.core import FeedCore
    publish, count = FeedCore._publish, 0

    def leaky(self, to, event):
        global count
        count += 1
        if count % 1000:
            publish(self, to, event)

    FeedCore._publish = leaky
"""

# It is lost after it was numbered: a hole, which no history can fill. That is no silent loss.
DROPS_AFTER_NUMBERING = """
if runs("workers/feed.py"):
    from feedd.transport.publisher import Publisher
    publish, count = Publisher.publish, 0

    def leaky(self, event):
        global count
        count += 1
        if count % 1000 or event.channel == "status":
            publish(self, event)

    Publisher.publish = leaky
"""

# The client neither requests missing ranges nor reports gaps.
NEITHER_REPAIRS_NOR_REPORTS = """
if "tail" in sys.orig_argv:
    from feedd.client.gap_repair import GapRepair
    from feedd.client.event_emitter import EventEmitter
    assert callable(GapRepair._request) and callable(EventEmitter.gap)
    GapRepair._request = lambda self, now_s: None
    EventEmitter.gap = lambda self, *what: None
"""

# A depth message whose `pu` is not the last one's `u` is applied as if it were, and a book that is
# crossed for it goes on too. It takes an exchange that leaves one out.
IGNORES_PU = """
if runs("workers/feed.py"):
    from feedd.books import levels
    from feedd.venues.binance import book, messages

    def credulous(to_update):
        last = None

        def broken(message):
            nonlocal last
            update = to_update(message)
            if last is not None:
                update = update._replace(before=last)
            last = update.last
            return update

        return broken

    book.to_update = credulous(book.to_update)  # before venue.py takes it
    messages.to_update = credulous(messages.to_update)
    assert isinstance(levels.PriceLevels.crossed, property)
    levels.PriceLevels.crossed = property(lambda self: False)
"""


def on_path(folder: Path, *faults: str) -> dict[str, str]:
    """Write faults into a folder; return the environment in which they take effect."""
    folder.mkdir(exist_ok=True)
    code = textwrap.indent("\n".join([_HEAD, *faults]), "    ")
    (folder / "sitecustomize.py").write_text(f"try:\n{code}\n{_TAIL}")
    return {"PYTHONPATH": str(folder)}
