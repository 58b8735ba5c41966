"""How fast feedd's proxy forwards, to 1, 10 and 50 subscribers at once."""

from __future__ import annotations

import time
from typing import Any

from bench import native_parts
from bench.arrivals import Arrivals, subscribe
from bench.line import Line
from bench.one_handler import folder
from bench.processes import Processes, cpu_ns, next_line, until

SUBSCRIBERS = (1, 10, 50)
COPIES = 500_000  # in each round, over all subscribers
SETTLED_S = 0.5


def forwarding(rounds: int, copies: int = COPIES) -> list[dict[str, Any]]:
    """Return rates and CPU, round by round; the publisher waits for the proxy, and loses nothing.

    `cpu_us` is the proxy's, its history included, for each message that came in.
    """
    found = []
    for number in range(rounds):
        for subscribers in SUBSCRIBERS:
            one = _measure(subscribers, max(1000, copies // subscribers))
            print(
                f"  proxy {number + 1}/{rounds}  {subscribers:2} subscribers  "
                f"{one['in_per_s']:9,.0f} msg/s in  {one['out_per_s']:9,.0f} msg/s out  "
                f"{one['cpu_us']:6.2f} µs/msg  {one['delivered']:.2%} delivered",
                flush=True,
            )
            found.append(one)
    return found


def _measure(subscribers: int, count: int) -> dict[str, Any]:
    with folder() as own, Processes(own) as at:
        line = Line(own / "line", "ccxt", 1)
        proxy = line.start(at, "proxy")
        workers = own / "line" / "workers.sock"
        until(workers.exists, 20.0, f"{workers}", at)
        log = Arrivals(own / "arrivals.log", 1)
        subscribe(at, log, line.endpoint, "", sockets=subscribers)
        publisher = at.start(
            "publisher",
            [native_parts.compiled("publisher", own), native_parts.libzmq(), f"ipc://{workers}",
             str(count)],
            talks=True,
        )  # fmt: skip
        next_line(publisher.stdout)
        time.sleep(1.0)
        _send(publisher)  # the first turn also shows who has subscribed
        _settled(log)
        mark, cpu0, began_s = log.count, cpu_ns(proxy.pid), time.monotonic()
        _send(publisher)
        ended_s = _settled(log)
        came = log.count - mark
        seconds = ended_s - began_s
        return {
            "subscribers": subscribers,
            "in_per_s": count / seconds,
            "out_per_s": came / seconds,
            "cpu_us": (cpu_ns(proxy.pid) - cpu0) / 1e3 / count,
            "delivered": came / count / subscribers,
        }


def _send(publisher: Any) -> None:
    print("go", file=publisher.stdin, flush=True)
    next_line(publisher.stdout)


def _settled(log: Arrivals) -> float:
    """Return when the last message came, once none has come for a while."""
    count, since_s = log.count, time.monotonic()
    while time.monotonic() - since_s < SETTLED_S:
        time.sleep(0.005)
        if log.count != count:
            count, since_s = log.count, time.monotonic()
    return since_s
