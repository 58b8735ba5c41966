"""Commands in a folder that is no project: an endpoint or a recording is all they need."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import samples
from conftest import PYTHON, clean_environment, eventually, free_ports

pytestmark = pytest.mark.process


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    records = []
    for number in range(1, 21):
        records.append(samples.quote(number, 100 * number))
        if number % 4 == 0:
            records.append(samples.status(number // 4, 100 * number + 1, number + 1))
    return samples.write(tmp_path / "small.feedd", records)


@pytest.fixture
def endpoint(recording: Path) -> Iterator[str]:
    """Replay the recording over and over, with `feedd replay` itself."""
    where = f"tcp://127.0.0.1:{free_ports(2)[0]}"
    process = start(recording.parent, "replay", recording.name, "--endpoint", where, "--loop",
                    "--no-wait")  # fmt: skip
    assert process.stdout is not None
    assert where in process.stdout.readline()
    yield where
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PYTHON, "-m", "feedd", *arguments], cwd=folder, env=clean_environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def feedd_in(folder: Path, *arguments: str) -> Any:
    return subprocess.run(
        [PYTHON, "-m", "feedd", *arguments], cwd=folder, env=clean_environment(), text=True,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def test_status_reports_the_feeds_behind_an_endpoint(tmp_path: Path, endpoint: str) -> None:
    shown = feedd_in(tmp_path, "status", "--endpoint", endpoint, "--json")
    assert shown.returncode == 0, shown.stderr + shown.stdout
    report = json.loads(shown.stdout)
    assert report["health"] == "healthy"
    [feed] = report["processes"]
    assert feed["name"] == "feed-binanceusdm-BTC-USDT-USDT"
    assert feed["state"] == "live"
    assert list(feed["channels"]) == ["quote"]


def test_status_of_an_endpoint_without_a_publisher_is_down(tmp_path: Path) -> None:
    nowhere = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    shown = feedd_in(tmp_path, "status", "--endpoint", nowhere)
    assert shown.returncode == 2
    assert shown.stdout == f"feedd is down: no status arrived from {nowhere} within 2 s\n"


def test_top_reports_an_endpoint_again_and_again(tmp_path: Path, endpoint: str) -> None:
    process = start(tmp_path, "top", "--endpoint", endpoint)
    assert process.stdout is not None
    summaries = 0
    while summaries < 3:
        line = process.stdout.readline()
        assert line, process.communicate()
        summaries += line.startswith("feedd is healthy: 1 of 1 feeds live")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors


@pytest.mark.parametrize("command", ["status", "top", "tail", "record"])
def test_an_invalid_endpoint_is_rejected(tmp_path: Path, command: str) -> None:
    done = feedd_in(tmp_path, command, "--endpoint", "127.0.0.1:5500")
    assert done.returncode == 78
    assert "--endpoint 127.0.0.1:5500: is not an endpoint like tcp://127.0.0.1:5500" in done.stderr


@pytest.mark.parametrize(
    ("option", "first_line"),
    [
        ([], r"\d\d:\d\d:\d\d quote\.binanceusdm\."),
        (["--json"], '{"recording":1,"by":"client",'),
        (["--plain"], '{"recording":1,"by":"plain",'),
    ],
)
def test_tail_prints_messages_of_an_endpoint(
    tmp_path: Path, endpoint: str, option: list[str], first_line: str
) -> None:
    process = start(tmp_path, "tail", "quote.", "--endpoint", endpoint, *option)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert re.match(first_line, lines[0]), lines
    assert any("quote.binanceusdm.BTC/USDT:USDT." in line for line in lines), lines


def test_record_then_inspect_and_export_in_any_folder(tmp_path: Path, endpoint: str) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    process = start(folder, "record", "--endpoint", endpoint, "--dir", "kept")
    eventually(lambda: list(folder.glob("kept/binanceusdm/*")), what="nothing was recorded")
    # One pass of the replay takes 2 s: some quotes arrive in any 3 s.
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    shown = feedd_in(folder, "inspect", "kept", "--json")
    assert "quote.binanceusdm.BTC/USDT:USDT." in shown.stdout, shown.stderr
    exported = feedd_in(folder, "export", "kept", "--format", "csv", "--out", "tables")
    assert exported.returncode == 0, exported.stderr
    assert list(folder.glob("tables/quote*"))
    assert not {"run", "logs"} & {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("option", [[], ["--json"], ["--plain"]])
def test_tail_names_an_endpoint_without_a_publisher(tmp_path: Path, option: list[str]) -> None:
    nowhere = f"tcp://127.0.0.1:{free_ports(2)[0]}"
    process = start(tmp_path, "tail", "quote.", "--endpoint", nowhere, *option)
    assert process.stderr is not None
    line = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert line == f"feedd: {nowhere}: nothing answers there; the stream retries\n"


@pytest.mark.parametrize("command", ["tail", "record"])
def test_a_command_names_a_prefix_that_nothing_is_published_with(
    tmp_path: Path, endpoint: str, command: str
) -> None:
    process = start(tmp_path, command, "quote.", "quote.binanceusdm.BTC/USDT.", "--endpoint",
                    endpoint)  # fmt: skip
    assert process.stderr is not None
    line = next(one for one in process.stderr if "BTC/USDT." in one)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert "begins with 'quote.binanceusdm.BTC/USDT.'" in line
    assert "the nearest is 'quote.binanceusdm.BTC/USDT:USDT.'" in line
