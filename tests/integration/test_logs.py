"""Logs of running processes: full disks and stopped readers, secrets, and `feedd logs`."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from conftest import (
    PYTHON,
    REPOSITORY,
    PlainSubscriber,
    Project,
    clean_environment,
    eventually,
    skip_outside_ci,
)

from feedd.embedded.rest_page import API_KEY, API_SECRET

pytestmark = pytest.mark.process

BTC = "feed-binanceusdm-BTC-USDT-USDT"
ETH = "feed-binanceusdm-ETH-USDT-USDT"
Make = Callable[..., Project]

WORKER = """
import asyncio, contextlib, os, sys
sys.path.insert(0, {workers!r})
import structlog
import feed
from feedd.config.environment import read_environment
from feedd.runtime.process import run, worker_arguments
from feedd.topics import file_name
log = structlog.get_logger()
{beside}
async def main(arguments, stop):
    task = asyncio.create_task(beside())
    await feed.main(arguments, stop)

parser = worker_arguments(None)
parser.add_argument("name")
parser.add_argument("--alone", action="store_true")
given = parser.parse_args()
sys.exit(run(lambda stop: main(given, stop), file_name(given.name), given.log_dir))
"""
LOUD = """
async def beside():
    number = 0
    while True:
        number += 1
        log.warning("loud", number=number)
        log.info("said", number=number, fill="x" * 500)
        with contextlib.suppress(BlockingIOError):
            os.write(2, b"y" * 8191 + b"\\n")
        await asyncio.sleep(0.01)
"""
INDISCREET = """
async def beside():
    values = read_environment()
    log.info("values", environment=values, text=repr(values))
    try:
        raise RuntimeError(f"refused {values['BINANCE_API_KEY']}")
    except RuntimeError:
        log.exception(f"with {values['BINANCE_SECRET']}")
"""


def have_beside(project: Project, beside: str) -> None:
    """Have the project's feeds do something besides, in the same loop."""
    folder = project.root / "workers"
    folder.unlink()
    shutil.copytree(REPOSITORY / "workers", folder)
    text = WORKER.format(workers=str(REPOSITORY / "workers"), beside=beside)
    (folder / "feed.py").write_text(text)


class Published:
    """Reads all that is published, and sees whether any number is missing."""

    def __init__(self, subscriber: PlainSubscriber) -> None:
        self.subscriber = subscriber
        self.statuses: list[dict[str, Any]] = []
        self.last: dict[str, tuple[int, int]] = {}
        self.counts: dict[str, int] = {}

    def read(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self.subscriber.receive(left)
            if message is None:
                continue
            topic, payload = message
            now = (payload["session"], payload["seq"])
            before = self.last.get(topic)
            if before is not None and before[0] == now[0]:
                assert now[1] == before[1] + 1, (topic, before, now)
            self.last[topic] = now
            self.counts[topic] = self.counts.get(topic, 0) + 1
            if topic.startswith("status."):
                self.statuses.append(payload)

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Read until something is so, or fail."""
        eventually(lambda: self.read(0.2) or condition(), 60.0, what)

    def goes_on(self, prefix: str, at_least: int = 5) -> None:
        """Read until a topic has `count` more messages, or fail."""

        def count() -> int:
            return sum(n for topic, n in self.counts.items() if topic.startswith(prefix))

        before = count()
        self.until(lambda: count() >= before + at_least, f"{prefix} goes on")

    def reconnects(self) -> None:
        """Read until a feed reports a reconnect and quotes arrive again."""
        self.until(lambda: any(one["state"] == "reconnecting" for one in self.statuses), "it says")
        self.goes_on("quote.")


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the complete lines of a log in use; fail where one is not JSON."""
    return [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_outside_ci(f"a full disk takes a tmpfs, which can't be mounted here: {done.stderr}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, log: Path) -> Path:
    """Fill the disk and the last page of a log; return the file to remove."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    with log.open("ab", buffering=0) as file:
        free = -log.stat().st_size % 4096
        file.write(b'{"event":"","fill":"' + b"x" * (free - 23) + b'"}\n' if free > 23 else b"")
    return ballast


def test_a_full_disk_costs_log_lines_that_are_counted_and_no_message(
    make_project: Make, small_disk: Path
) -> None:
    project = make_project(log_dir=str(small_disk), channels=["quote"])
    assert project.feedd("start").returncode == 0
    published = Published(project.subscribe())
    published.goes_on("quote.")
    log = small_disk / f"{BTC}.log"
    sessions = {session for session, _ in published.last.values()}

    ballast = fill(small_disk, log)
    full = log.read_bytes()
    project.supervisorctl("restart", "exchange")  # whose own start is on a full disk too
    published.reconnects()
    assert log.read_bytes() == full
    ballast.unlink()
    told = eventually(lambda: losses(log))[0]
    published.goes_on("quote.")
    assert {session for session, _ in published.last.values()} == sessions
    assert told["lost"] >= 2
    assert told["level"] == "warning"
    assert told["why"] == "No space left on device"
    assert told["since"] < told["timestamp"]
    assert (told["process"], told["symbol"]) == (BTC, "BTC/USDT:USDT")

    project.supervisorctl("stop", BTC)
    log.unlink()  # so that the next one has to be made where no byte is free
    ballast = fill(small_disk, small_disk / "proxy.log")
    project.supervisorctl("start", BTC)
    quote = "quote.binanceusdm.BTC/USDT:USDT."

    published.until(lambda: published.last[quote][0] not in sessions, "a new session")
    published.goes_on("quote.")
    ballast.unlink()
    eventually(lambda: log.exists() and losses(log))


def losses(log: Path) -> list[dict[str, Any]]:
    return [line for line in json_lines(log) if line["event"] == "log lines were lost"]


def test_a_supervisord_that_reads_nothing_stops_no_worker_that_has_much_to_say(
    make_project: Make,
) -> None:
    project = make_project(channels=["quote"])
    have_beside(project, LOUD)
    assert project.feedd("start").returncode == 0
    published = Published(project.subscribe())
    published.goes_on("quote.")
    pid = project.daemon.pid
    assert pid is not None
    stderr = project.root / "logs" / f"{BTC}.stderr"
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        size = stderr.stat().st_size
        said = project.log(BTC).count('"said"')
        # 1.6 MB to a pipe that holds 64 kB
        published.until(lambda: project.log(BTC).count('"said"') > said + 200, "it has much to say")
        published.goes_on("quote.", 20)
        published.goes_on("status.", 2)
        assert stderr.stat().st_size == size
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: stderr.stat().st_size > size, what="supervisord reads again")
    published.goes_on("quote.")
    project.feedd("stop")
    assert project.log(BTC).endswith("\n")
    lines = json_lines(project.root / "logs" / f"{BTC}.log")
    loud_lines = [line for line in lines if line["event"] == "loud"]
    assert [line["number"] for line in loud_lines[:5]] == [1, 2, 3, 4, 5]
    assert len(loud_lines) in range(6, 18)
    repeated = [line["repeated"] for line in loud_lines if "repeated" in line]
    assert (
        sum(repeated) + sum("repeated" not in line for line in loud_lines)
        == (loud_lines[-1]["number"])
    )
    assert loud_lines[-1]["session"] > 0


def seen(project: Project) -> str:
    """Return all that other users can read: files, command lines, answers of the daemons."""
    texts: dict[str, bytes] = {}
    for path in project.root.rglob("*"):
        if path.is_file() and path.name != ".env":
            with contextlib.suppress(FileNotFoundError):  # a draft that has its name by now
                texts[str(path)] = path.read_bytes()
    assert {f"{BTC}.log", "supervisord.log", "feedd.conf"} <= {Path(path).name for path in texts}
    for process in project.left_behind():
        texts[f"cmdline of {process.pid}"] = "\0".join(process.info["cmdline"]).encode()
    for command in ("status", "avail"):
        texts[command] = project.supervisorctl(command).stdout.encode()
        assert BTC.encode() in texts[command]
    for call in ("getAllConfigInfo", "getAllProcessInfo"):
        texts[call] = repr(project.daemon._call(call)).encode()
        assert BTC.encode() in texts[call]
    texts["status --json"] = project.feedd("status", "--json").stdout.encode()
    texts["logs"] = project.feedd("logs", "--no-follow", "--lines", "1000").stdout.encode()
    return "\n".join(f"{name}:\n{text.decode(errors='replace')}" for name, text in texts.items())


def test_keys_that_work_are_seen_nowhere_not_even_when_a_worker_logs_them(
    make_project: Make,
) -> None:
    project = make_project(channels=["quote"])
    have_beside(project, INDISCREET)
    env = project.root / ".env"
    env.write_text(f"BINANCE_SECRET={API_SECRET}\n")
    env.chmod(0o600)
    started = project.feedd("start", BINANCE_API_KEY=API_KEY)
    assert started.returncode == 0, started.stderr
    published = Published(project.subscribe())
    project.supervisorctl("restart", "exchange")  # and what is said when requests fail
    published.reconnects()
    found = seen(project) + repr(published.statuses) + started.stdout
    for secret in (API_KEY, API_SECRET):
        assert secret not in found
    assert re.search(r"signature=\w", found) is None
    assert '"event":"with …"' in found
    assert "RuntimeError: refused …" in found


def test_keys_that_are_refused_are_seen_nowhere(make_project: Make) -> None:
    key, secret = API_KEY[::-1], "s3cr3t" * 10
    project = make_project()
    have_beside(project, INDISCREET)
    refused = project.feedd("start", BINANCE_API_KEY=key, BINANCE_SECRET=secret)
    for said in (
        refused.stderr, project.log(BTC), (project.root / "logs" / f"{BTC}.stderr").read_text(),
    ):  # fmt: skip
        assert "refused the API key" in said
    found = seen(project) + refused.stdout + refused.stderr
    for value in (key, secret):
        assert value not in found


class Following:
    """`feedd logs` in the background, and what it has printed."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [PYTHON, "-m", "feedd", "logs", *arguments], cwd=project.root, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(),
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(45)
        self._reader.join()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.said = self.process.stderr.read()
        self.process.stderr.close()
        return code


def test_all_logs_are_one_and_are_followed_over_a_rotation_and_to_a_symbol_that_is_added(
    make_project: Make,
) -> None:
    project = make_project(channels=["quote"])
    assert project.feedd("start").returncode == 0
    bare = project.root / "logs" / f"{BTC}.stderr"
    with bare.open("a") as stderr:
        stderr.write("Traceback: a bare line\n")

    def of_all(lines: int) -> list[str]:
        told: str = project.feedd("logs", "--no-follow", "--lines", str(lines)).stdout
        return told.splitlines()

    # Other lines may come between the two.
    shown = eventually(lambda: (all_ := of_all(100))[-3:] == of_all(3) and all_)
    times = [line[:23] for line in shown]
    assert times == sorted(times)
    for process, text in (
        ("supervisord", f"spawned: '{BTC}'"), ("proxy", "forwarding"), ("exchange", "serving"),
        (BTC, "publishing"), (BTC, "state=live"), (BTC, "Traceback: a bare line"),
    ):  # fmt: skip
        assert any(f" {process} " in line and text in line for line in shown), (process, text)
    assert not any("\x1b" in line or "=null" in line or "=None" in line for line in shown)
    proxy = project.feedd("logs", "--no-follow", "proxy").stdout
    assert "forwarding" in proxy
    assert BTC not in proxy
    assert "no feed is XRP/USDT" in project.feedd("logs", "XRP/USDT").stderr

    everything = Following(project, "--lines", "0")
    try:
        log = project.root / "logs" / f"{BTC}.log"

        def followed() -> bool:
            with bare.open("a") as stderr:
                stderr.write("Traceback: another\n")
            return any("Traceback: another" in line for line in everything.lines)

        eventually(followed)
        log.rename(f"{log}.1")
        project.supervisorctl("restart", "exchange")
        reconnecting = f" {BTC} state state=reconnecting"
        eventually(lambda: any(reconnecting in line for line in everything.lines))
        assert "reconnecting" in log.read_text()
        project.configure(symbols=["BTC/USDT", "ETH/USDT"])
        assert project.feedd("start").returncode == 0
        eventually(lambda: any(f" {ETH} publishing" in line for line in everything.lines))
        entries = json_lines(log)
        assert entries
        for entry in entries:
            text = f" {BTC} {entry['event']}"
            eventually(lambda text=text: any(text in line for line in everything.lines), what=text)
    finally:
        assert everything.end() == 130
    assert everything.said == ""


def test_logs_are_shown_with_a_broken_configuration_and_end_with_their_reader(
    make_project: Make,
) -> None:
    project = make_project()
    (project.root / "logs").mkdir()
    assert "no logs yet" in project.feedd("logs").stderr
    (project.root / "logs" / f"{BTC}.log").write_bytes(
        b'{"timestamp":"2026-11-25T17:13:40Z","level":"error","event":"why"}\nraw\n'
    )
    project.config_path.write_text("symbols: [BTC/USDT\n")
    shown = project.feedd("logs", "--no-follow", "BTC/USDT")
    assert "not valid YAML" in shown.stderr
    assert [line[24:] for line in shown.stdout.splitlines()] == [
        f"error    {BTC} why", f"-        {BTC} raw",
    ]  # fmt: skip
    shell = f"{PYTHON} -m feedd logs --lines 1 | head -n 1"
    piped = project.run("bash", "-o", "pipefail", "-c", shell)
    assert piped.returncode == 141
    assert piped.stdout.endswith("raw\n")
