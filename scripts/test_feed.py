"""Print the tickers of a feed: the quickest check that it works.

    .venv/bin/python scripts/test_feed.py [ENDPOINT] [--count N]

The endpoint is a feed's own port, or the proxy's for all of them; the default is
ZMQ_FEED_HANDLER_URL, else tcp://127.0.0.1:5555, where the first symbol publishes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedd.errors import ConfigError, FeeddError
from feedd.health.market_notice import market_notice
from feedd.operation.active_config import active_config
from feedd.operation.show import tick_line
from feedd.runtime.deployment import read_deployment
from feedd.runtime.terminal import prepare_output
from feedd.supervision.project import find_project_root
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT = "tcp://127.0.0.1:5555"
IDLE_S = 5.0
STATUS_S = 2.0


def main(endpoint: str, count: int | None) -> int:
    """Print `count` tickers, or all until Ctrl-C."""
    print(f"listening to {endpoint}", flush=True)
    if (notice := project_notice()) is not None:
        print(f"({notice})", flush=True)
    with Subscriber(endpoint, ["ticker.", "status."]) as subscriber:
        for number, ticker in enumerate(tickers(subscriber), 1):
            print(tick_line(number, ticker), flush=True)
            if number == count:
                break
    return 0


def tickers(subscriber: Subscriber) -> Iterator[dict[str, Any]]:
    """Yield tickers; print whose they are first, and when none came for a while."""
    named: set[str | None] = set()
    early: list[dict[str, Any]] = []  # before the first status, which a feed sends once a second
    began_s = idle_since_s = time.monotonic()
    while True:
        message = subscriber.receive(IDLE_S if named else STATUS_S)
        now_s = time.monotonic()
        if message is not None and message[0].startswith("status."):
            deployment = message[1].get("deployment")
            if deployment not in named:
                named.add(deployment)
                print(whose(deployment, message[1].get("pid")), flush=True)
        elif message is not None:
            idle_since_s = now_s
            early.append(message[1])
        elif now_s - idle_since_s >= IDLE_S:
            idle_since_s = now_s
            print(f"no message for {IDLE_S:.0f} s; is a feed running there?", flush=True)
        if named or now_s - began_s > STATUS_S:
            yield from early
            early.clear()


def whose(deployment: str | None, pid: int | None) -> str:
    """Return a line on the deployment that publishes: this folder's, or another one."""
    root = find_project_root()
    try:
        settings = None if root is None else active_config(None, root).settings
    except FeeddError:
        settings = None
    own = None if settings is None else read_deployment(Path(root or "", settings.run_dir))
    if deployment is not None and deployment == own:
        return f"(of this project, deployment {own})"
    here = "this folder has none" if own is None else f"this project is {own}"
    return f"(of deployment {deployment}, worker's pid {pid}; {here}: NOT this project's prices)"


def project_notice() -> str | None:
    """Return the notice of invented prices, if the project of this folder has them."""
    root = find_project_root()
    try:
        return None if root is None else market_notice(active_config(None, root).settings)
    except FeeddError:
        return None  # it is about other feeds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint", nargs="?", default=os.environ.get("ZMQ_FEED_HANDLER_URL"))
    parser.add_argument("--count", type=int, help="stop after N tickers")
    prepare_output()
    given = parser.parse_args()
    try:
        sys.exit(main(given.endpoint or DEFAULT, given.count))
    except ConfigError as error:
        sys.exit(f"test_feed: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
