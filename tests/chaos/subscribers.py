"""Subscribers: slow ones, many, late ones, and what sits at the other end of their connection."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import statistics
import threading
import time
from typing import Any

import psutil
import zmq
from conftest import Project

import feedd
from chaos.counter import p99_ms
from chaos.frame import BTC, Run, case, history_of, workers_of
from chaos.process import Process, within
from chaos.processes import FEED, new_pid, next_tick
from chaos.publisher import symbol
from feedd.client.events import Gap

QUOTE = f"quote.{FEED}"


def counter(run: Run, project: Project, topic: str) -> Process:
    made = run.process(
        "counter", json.dumps([project.endpoint]), json.dumps([history_of(project)]), topic
    )
    within(60, lambda: any(one["ticks"] for one in made.lines), "a counter's first tick")
    return made


def their_p99_ms(counters: list[Process], from_s: float, to_s: float) -> float:
    """Return the 99th percentile of all that counters got between two times."""
    return p99_ms(line for one in counters for line in one.lines if from_s < line["at"] <= to_s)


@case(
    "slow subscriber",
    what="SIGSTOP of one of ten subscribers for 30 s at 10,000 messages per second, then SIGCONT",
    target="the others receive everything, p99 unchanged (or below 50 ms); within 2 s it reports "
    "everything that it lost, the newest messages included",
    limit_s=240,
    short=True,
)
def slow_subscriber(run: Run) -> None:
    others, count, per_s, alone_s = 9, 400_000, 10_000, 8
    if run.short:
        others, count, per_s, alone_s = 1, 200_000, 25_000, 0
    project = run.project()
    publisher = run.process("publisher", workers_of(project), str(per_s), str(count), "1", "wait")
    topic = f"quote.test.{symbol(0)}."
    publisher.wait_for(60, "a publisher connects", kind="connected")
    quick = [counter(run, project, topic) for _ in range(others)]
    victim = counter(run, project, topic)
    measured, *distant = quick
    for one in distant:  # ten at 10,000 a second are more than two cores do: these wait for it
        psutil.Process(one.pid).nice(10)
    publisher.signal(signal.SIGUSR1)  # now that all are there
    time.sleep(alone_s)
    began_s = time.monotonic()
    victim.signal(signal.SIGSTOP)
    done = publisher.wait_for(120, "all is published", kind="published")
    time.sleep(1)
    victim.signal(signal.SIGCONT)
    continued_s = time.monotonic()

    def knows() -> Any:
        return victim.lines[-1]["high"] >= done["high"] and victim.lines[-1]

    last = within(60, knows, "the victim knows of the last message")
    reported_s = max(last["gap_at"], continued_s)
    ends = [
        one for one in quick
        if within(60, lambda o=one: o.lines[-1]["high"] >= done["high"], "all")
    ]  # fmt: skip
    publisher.stop()
    for one in [*ends, victim]:
        one.stop()
        end = one.lines[-1]
        run.must(end["kind"] == "end", "a counter ended early")
        run.must(end["holes"] == end["back"] == 0, f"holes that were not reported: {end}")
    lost = sum(one.lines[-1]["in_gaps"] for one in quick)
    run.figure("lost by the other subscribers", lost, most=0)
    before_ms = their_p99_ms([measured], began_s - alone_s + 1, began_s)
    late_ms = their_p99_ms([measured], began_s + 1, done["at"])
    run.note(f"p99 of one of them before {before_ms:.0f} ms")
    run.figure("p99 during the stop", late_ms, most=max(50.0, 1.5 * before_ms), unit="ms")
    in_gaps = victim.lines[-1]["in_gaps"]
    run.must(in_gaps > 0, "the victim lost nothing: too little was sent")
    run.figure(f"it reported {in_gaps:,} lost after", reported_s - continued_s, most=2.0, unit="s")


@case(
    "late joins",
    what="200 subscribers join one after the other while data flows",
    target="0 gaps in the first 10 ticks of each; the first tick within 500 ms",
    limit_s=180,
)
def late_joins(run: Run) -> None:
    project = run.project(embedded_exchange={"rate": 200.0})
    joins = 20 if run.short else 200
    firsts: list[float] = []
    for _ in range(joins):
        began_s = time.monotonic()
        with feedd.subscribe(project.endpoint, QUOTE, history=history_of(project)) as stream:
            events = [stream.receive(10.0)]
            firsts.append(time.monotonic() - began_s)
            ticks = [e for e in events if hasattr(e, "seq")]
            while len(ticks) < 10:
                event = stream.receive(10.0)
                run.must(event is not None, "ticks go on")
                run.must(not isinstance(event, Gap), f"a gap in the beginning: {event}")
                ticks += [event] if hasattr(event, "seq") else []
            seqs = [tick.seq for tick in ticks]
            run.must(seqs == list(range(seqs[0], seqs[0] + len(seqs))), f"a hole: {seqs}")
    run.figure(f"{joins} joins; slowest first tick after", max(firsts), most=0.5, unit="s")
    run.note(f"median {statistics.median(firsts) * 1000:.0f} ms")


@case(
    "subscriber restarted",
    what="a subscriber is killed and restarted, five times",
    target="each starts with the last message of the topic and has no gap",
)
def subscriber_restarted(run: Run) -> None:
    project = run.project()
    for _ in range(5):
        recorder = run.recorder(project, QUOTE)
        first = next(line for line in recorder.lines if line["kind"] == "tick")
        run.must(first["origin"] == "snapshot", f"it begins with {first}")
        within(30, lambda r=recorder: len(r.lines) > 30, "data")
        ticks = [line["seq"] for line in recorder.lines if line["kind"] == "tick"]
        run.must(ticks == list(range(ticks[0], ticks[0] + len(ticks))), "a hole")
        recorder.signal(signal.SIGKILL)
        recorder.wait(10)
    run.note("5 restarts, 0 gaps")


class JunkServer:
    """Listens where a proxy was: greets as ZeroMQ does, and then sends junk, to everybody."""

    GREETING = b"\xff" + 8 * b"\0" + b"\x7f\x03\x00NULL" + 48 * b"\0"  # rfc.zeromq.org/spec/23

    def __init__(self, port: int, junk: bytes) -> None:
        self.greeted = 0
        self._junk = junk
        self._listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    connection.sendall(self.GREETING)
                    connection.recv(64)
                    self.greeted += 1
                    connection.sendall(self._junk)
                    while connection.recv(4096):
                        pass
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@case(
    "zombie endpoint",
    what="in place of the proxy, a peer that completes the handshake and then sends invalid data; "
    "then the proxy returns",
    target="data resumes within 2 s of the proxy's return; 0 lost without a report",
)
def zombie_endpoint(run: Run) -> None:
    project = run.project()
    recorder = run.recorder(project)
    project.daemon.stop(["proxy"])
    junk = run.random.randbytes(200)
    server = JunkServer(int(project.endpoint.rpartition(":")[2]), junk)
    run.at_end.callback(server.close)
    within(20, lambda: server.greeted, "the subscriber meets the impostor")
    time.sleep(1.5)
    server.close()
    run.at_end.pop_all()
    project.daemon.start(["proxy"])
    within(20, lambda: "forwarding" in project.log("proxy").splitlines()[-1], "it forwards")
    back_s = time.monotonic()
    again_s = next_tick(recorder, back_s - 0.2)
    run.figure("recovered after", max(0.0, again_s - back_s), most=2.0, unit="s")
    run.note(f"impostor handshakes {server.greeted}")
    time.sleep(1)
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)


@case(
    "3,000 topics over a restart",
    what="a subscriber of 3,000 topics by name; the proxy is killed and restarts",
    target="3,000 of 3,000 topics resume",
)
def many_topics(run: Run) -> None:
    project = run.project()
    topics = [f"x.test.T{number:04}." for number in range(3000)]
    context = zmq.Context()
    run.at_end.callback(context.destroy, linger=0)
    worker = context.socket(zmq.PUB)
    worker.sndhwm = 0
    worker.connect(workers_of(project))
    seqs = itertools.count(1)

    def round_heard() -> int:
        """Publish one message of each topic, and return of how many one came."""
        seq = next(seqs)
        for topic in topics:
            payload = {"exchange": "test", "symbol": topic[7:-1], "session": 1, "seq": seq}
            worker.send_multipart([topic.encode(), _packed(payload)])
        heard = set()
        until_s = time.monotonic() + 1.0
        while time.monotonic() < until_s and len(heard) < len(topics):
            event = stream.receive(0.2)
            if hasattr(event, "payload") and event.seq == seq:
                heard.add(event.symbol)
        return len(heard)

    with feedd.subscribe(project.endpoint, topics, history=None) as stream:
        within(60, lambda: round_heard() == 3000, "all topics before")
        pid = project.pids()["proxy"]
        began_s = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        new_pid(project, "proxy", pid)
        most = 0
        while most < 3000 and time.monotonic() - began_s < 30:
            most = max(most, round_heard())
        run.figure("topics missing", 3000 - most, most=0)
        run.note(f"{most:,} of 3,000 after {time.monotonic() - began_s:.1f} s")


def _packed(payload: dict[str, Any]) -> bytes:
    import msgpack  # noqa: PLC0415

    packed: bytes = msgpack.packb(payload)
    return packed


@case(
    "subscription bomb",
    what="one client subscribes to 300,000 topics of 24 bytes, and again when it is disconnected",
    target="proxy below 256 MB; the others lose nothing, p99 below 50 ms; the client is "
    "disconnected",
    limit_s=180,
)
def subscription_bomb(run: Run) -> None:
    project = run.project()
    publisher = run.process("publisher", workers_of(project), "1000", "1000000", "1")
    other = counter(run, project, f"quote.test.{symbol(0)}.")
    recorder = run.recorder(project)
    pids = project.pids()
    proxy, worker = psutil.Process(pids["proxy"]), psutil.Process(pids[BTC])
    before_mb = worker.memory_info().rss / 1e6
    began_s = time.monotonic()
    bomb = run.process("bomb", project.endpoint, "300000", "24", str(run.seed))
    bomb.wait_for(60, "the bomb is dropped", kind="subscribed")
    proxy_mb = worker_mb = 0.0
    until_s = time.monotonic() + (4 if run.short else 15)
    while time.monotonic() < until_s or (run.short and "cut off" not in project.log("proxy")):
        proxy_mb = max(proxy_mb, proxy.memory_info().rss / 1e6)
        worker_mb = max(worker_mb, worker.memory_info().rss / 1e6)
        run.must(time.monotonic() < until_s + 30, "it is cut off")
        time.sleep(0.05)
    ended_s = time.monotonic()
    bomb.signal(signal.SIGKILL)
    run.figure("proxy's memory at most", round(proxy_mb), most=256, unit="MB")
    run.figure("worker's memory grew by", round(worker_mb - before_mb), most=30, unit="MB")
    run.must("cut off 127.0.0.1" in project.log("proxy"), "the proxy's log names it")
    run.figure("p99 of the others", their_p99_ms([other], began_s, ended_s), most=50.0, unit="ms")
    other.stop()
    publisher.stop()
    end = other.lines[-1]
    run.must(end["holes"] == end["back"] == 0, f"holes that were not reported: {end}")
    run.figure("lost by another subscriber", end["in_gaps"], most=0)
    run.figure("reported as stale", len(end["stale"]), most=0)
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)
