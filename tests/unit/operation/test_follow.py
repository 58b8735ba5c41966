"""Following logs: merged by time, over rotations and truncations, with nothing lost or twice."""

import os
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.operation.follow import LogFollower, former_processes, selected_processes
from feedd.runtime.logs.file import LogFile
from feedd.runtime.logs.lines import LogLine, of_json, of_supervisord, of_text, readable

BTC = "feed-binanceusdm-BTC-USDT-USDT"
ETH = "feed-binanceusdm-ETH-USDT-USDT"


def entry(at_s: float, event: str, process: str = "x", **fields: object) -> bytes:
    timestamp = datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps({"timestamp": timestamp, "level": "info", "event": event, **fields,
                         "process": process}) + b"\n"  # fmt: skip


def supervisord(at_s: float, text: str) -> bytes:
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s))
    return f"{local},{int(at_s % 1 * 1000):03d} INFO {text}\n".encode()


def add(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def events(lines: list[LogLine]) -> list[str]:
    return [line.event for line in lines]


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Kolkata"])
def time_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("time_zone")
def test_the_last_lines_of_all_files_are_merged_by_time_in_whichever_zone(tmp_path: Path) -> None:
    add(tmp_path / "a.log", *(entry(1_800_000_000 + n, f"a{n}") for n in (0, 3, 6)))
    add(tmp_path / "b.log", *(entry(1_800_000_001 + n, f"b{n}") for n in (0, 3)))
    add(tmp_path / "supervisord.log", supervisord(1_800_000_002.5, "spawned: 'a' with pid 7"))
    add(tmp_path / "a.stderr", b"Traceback\n")
    os.utime(tmp_path / "a.stderr", (1_800_000_005, 1_800_000_005))
    follower = LogFollower([tmp_path, tmp_path])
    assert events(follower.last(20)) == [
        "a0", "b0", "spawned: 'a' with pid 7", "a3", "b3", "Traceback", "a6",
    ]  # fmt: skip
    assert follower.poll() == []
    assert events(LogFollower([tmp_path]).last(3)) == ["b3", "Traceback", "a6"]
    assert LogFollower([tmp_path]).last(0) == []


def test_of_a_big_file_only_the_end_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    add(path, *(entry(n, f"number {n}", fill="x" * 200) for n in range(20_000)))
    read = 0
    pread = os.pread

    def counting(file: int, size: int, at: int) -> bytes:
        nonlocal read
        read += size
        return pread(file, size, at)

    monkeypatch.setattr("feedd.operation.follow.os.pread", counting)
    follower = LogFollower([tmp_path])
    assert events(follower.last(2)) == ["number 19998", "number 19999"]
    assert read < 100_000 < path.stat().st_size
    assert len(follower.last(20)) == 0  # asked again: there is no new file
    assert len(LogFollower([tmp_path]).last(5000)) == 5000


def test_a_file_that_was_just_rotated_is_completed_from_the_one_before(tmp_path: Path) -> None:
    add(tmp_path / "a.log.1", *(entry(n, str(n)) for n in range(10)))
    add(tmp_path / "a.log", entry(10, "10"))
    assert events(LogFollower([tmp_path]).last(3)) == ["8", "9", "10"]


def test_appended_lines_are_followed_and_shown_once_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    add(path, entry(1, "old"), b'{"timestamp"')
    follower = LogFollower([tmp_path])
    assert events(follower.last(20)) == ["old"]
    assert follower.poll() == []
    add(path, b':"2026-11-25T00:00:00Z","event":"whole"}\n')
    assert events(follower.poll()) == ["whole"]
    assert follower.poll() == []


def test_a_file_that_appears_later_is_followed_from_its_first_line(tmp_path: Path) -> None:
    add(tmp_path / "a.log", entry(1, "old"))
    follower = LogFollower([tmp_path])
    follower.last(20)
    add(tmp_path / "b.log", entry(3, "b3"), entry(4, "b4"))
    add(tmp_path / "a.log", entry(2, "a2"))
    assert events(follower.poll()) == ["a2", "b3", "b4"]


def test_several_rotations_between_two_checks_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    file = LogFile(path, max_bytes=1000)
    line = [entry(n, str(n)) for n in range(50)]
    file.append(line[0])
    follower = LogFollower([tmp_path])
    assert events(follower.last(20)) == ["0"]
    for number in range(1, 40):
        file.append(line[number])
    assert len(list(tmp_path.iterdir())) == 4
    got: list[str] = []
    for _ in range(10):
        got += events(follower.poll())
    assert got == [str(n) for n in range(1, 40)]
    assert not follower.behind


def test_a_rotation_while_the_next_file_is_looked_up_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=10)  # one line per file
    file.append(entry(0, "0"))
    follower = LogFollower([tmp_path])
    follower.last(20)
    numbers = iter(range(1, 4))
    file.append(entry(9, str(next(numbers))))
    os_open = os.open

    def rotating(path: Path, flags: int) -> int:
        if (number := next(numbers, None)) is not None:
            monkeypatch.setattr("feedd.operation.follow.os.open", os_open)
            file.append(entry(9, str(number)))
            monkeypatch.setattr("feedd.operation.follow.os.open", rotating)
        return os_open(path, flags)

    monkeypatch.setattr("feedd.operation.follow.os.open", rotating)
    got: list[str] = []
    for _ in range(10):
        got += events(follower.poll())
    assert got == ["1", "2", "3"]


def test_a_file_that_is_cut_to_nothing_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    add(path, entry(1, "one"), entry(2, "two"))
    follower = LogFollower([tmp_path])
    follower.last(20)
    path.write_bytes(entry(3, "three"))
    assert events(follower.poll()) == ["three"]


def test_a_torn_line_that_is_taken_back_brings_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    add(path, entry(1, "one"))
    follower = LogFollower([tmp_path])
    follower.last(20)
    add(path, b'{"torn')
    assert follower.poll() == []
    os.truncate(path, len(entry(1, "one")))
    assert follower.poll() == []
    add(path, entry(2, "two"))
    assert events(follower.poll()) == ["two"]


def test_a_recreated_file_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    add(path, entry(1, "one"))
    follower = LogFollower([tmp_path])
    follower.last(20)
    add(path, entry(2, "two"), b"torn for good")
    path.unlink()
    assert events(follower.poll()) == ["two", "torn for good"]
    assert follower.poll() == []
    add(path, entry(3, "three"))
    assert events(follower.poll() + follower.poll()) == ["three"]


def test_a_flood_is_read_in_pieces_and_a_line_without_an_end_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedd.operation.follow.CHUNK_BYTES", 1000)
    path = tmp_path / "a.log"
    add(path, entry(0, "old"))
    follower = LogFollower([tmp_path])
    follower.last(20)
    add(path, *(entry(n, str(n)) for n in range(100)), b"y" * 2500, b"\n")
    got: list[LogLine] = []
    polls = 0
    while polls == 0 or follower.behind:
        got += follower.poll()
        polls += 1
    assert polls > 5
    assert events(got)[:100] == [str(n) for n in range(100)]
    assert "".join(events(got)[100:]) == "y" * 2500


def test_a_writer_that_rotates_all_the_time_is_followed_without_a_gap(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=5_000, backups=100)  # none is ever removed
    file.append(entry(0, "0"))
    follower = LogFollower([tmp_path])
    got = [int(event) for event in events(follower.last(20))]
    count = 3000

    def write() -> None:
        for number in range(1, count):
            file.append(entry(number, str(number)))
            if number % 40 == 0:
                time.sleep(random.random() / 100)

    writer = threading.Thread(target=write)
    writer.start()
    deadline = time.monotonic() + 60
    while (got[-1] < count - 1 or follower.behind) and time.monotonic() < deadline:
        got += [int(event) for event in events(follower.poll())]
    writer.join()
    assert got == list(range(count))


def test_a_line_that_is_no_json_is_shown_as_it_is_after_the_one_before(tmp_path: Path) -> None:
    add(tmp_path / "a.log", entry(1, "one"), b"Segmentation fault\n", b"[1]\n", entry(2, "two"))
    add(tmp_path / "supervisord.log", b"no time here\n")
    lines = LogFollower([tmp_path]).last(20)
    assert events(lines) == ["one", "Segmentation fault", "[1]", "two", "no time here"]
    assert [line.process for line in lines] == ["x", "a", "a", "x", "supervisord"]


def test_names_limit_what_is_shown_and_supervisord_is_shown_where_it_mentions_them(
    tmp_path: Path,
) -> None:
    for name in ("a", "a-b"):
        add(tmp_path / f"{name}.log", entry(1, f"of {name}"))
        add(tmp_path / f"{name}.stderr", f"bare {name}\n".encode())
        add(tmp_path / "supervisord.log", supervisord(2, f"spawned: '{name}' with pid 7"))
    limited = LogFollower([tmp_path], frozenset({"a"}))
    assert set(events(limited.last(20))) == {"of a", "bare a", "spawned: 'a' with pid 7"}
    assert len(LogFollower([tmp_path], frozenset({"supervisord"})).last(20)) == 2


def test_processes_are_selected_by_name_or_symbol_and_without_a_configuration_too(
    tmp_path: Path,
) -> None:
    path = tmp_path / "feedd.yaml"
    path.write_text("symbols: [BTC/USDT, ETH/USDT, {symbol: BTC/USDT:USDT, exchange: bybit}]")
    settings = load_config(path)
    for name in (BTC, ETH, "proxy", "supervisord"):
        (tmp_path / f"{name}.log").touch()
    folders = [tmp_path]
    assert selected_processes([], folders, settings) is None
    assert selected_processes(["proxy", BTC], folders, None) == {"proxy", BTC}
    assert selected_processes(["BTC/USDT:USDT"], folders, settings) == {
        BTC,
        "feed-bybit-BTC-USDT-USDT",
    }
    assert selected_processes(["ETH/USDT", "BTC/USDT"], folders, None) == {BTC, ETH}
    for known in (settings, None):
        with pytest.raises(ConfigError, match="XRP/USDT"):
            selected_processes(["XRP/USDT"], folders, known)


def test_a_line_is_readable() -> None:
    text = entry(1_800_000_000.1234, "state", "feed-x", state="live", reason=None, n=0,
                 why="two words", list=[1, "a"], bad="\x1b[2J\n")  # fmt: skip
    line = of_json(text, "file", 0.0)
    at = datetime.fromtimestamp(1_800_000_000.123).isoformat(" ", "milliseconds")  # noqa: DTZ006
    assert readable(line, coloured=False) == (
        f'{at} info     feed-x state state=live n=0 why="two words" list=[1,"a"] '
        'bad="\\u001b[2J\\n"'
    )
    assert readable(line, coloured=True).startswith(f"{at} \x1b[32minfo    \x1b[0m feed-x")


def test_supervisords_lines_and_bare_text_are_readable_and_obey_no_control_character() -> None:
    text = supervisord(1_800_000_000.5, "exited: a \x1b[2J")
    line = of_supervisord(text[:-1], "supervisord", 0.0)
    assert (line.at_s, line.level) == (1_800_000_000.5, "info")
    assert readable(line, coloured=False).endswith("info     supervisord exited: a \\x1b[2J")
    bare = of_text(b"  File \xff\tx", "feed-x", 1.0)
    assert readable(bare, coloured=False).endswith("stderr   feed-x   File \ufffd\tx")


def test_logs_of_processes_that_are_gone_are_left_out_unless_named(tmp_path: Path) -> None:
    config = tmp_path / "feedd.yaml"
    config.write_text("symbols: [BTC/USDT]\n")
    settings = load_config(config)
    for at_s, name in enumerate((BTC, ETH, "proxy", "watchdog", "recorder", "exchange")):
        add(tmp_path / f"{name}.log", entry(1_800_000_000 + at_s, name))
    add(tmp_path / "supervisord.log", supervisord(1_800_000_009, "spawned"))
    former = former_processes([tmp_path], settings, ())
    assert former == {ETH, "recorder", "exchange"}
    assert former_processes([tmp_path], settings, [ETH]) == {"recorder", "exchange"}
    shown = events(LogFollower([tmp_path], None, former).last(100))
    assert shown == [BTC, "proxy", "watchdog", "spawned"]
    names = selected_processes([ETH], [tmp_path], settings)
    assert events(LogFollower([tmp_path], names).last(100)) == [ETH]


def test_the_log_of_a_process_that_is_added_later_is_followed(tmp_path: Path) -> None:
    add(tmp_path / f"{ETH}.log", entry(1_800_000_000, "old"))
    follower = LogFollower([tmp_path], None, frozenset({ETH}))
    assert follower.last(5) == []
    add(tmp_path / f"{BTC}.log", entry(1_800_000_001, "new"))
    assert events(follower.poll()) == ["new"]
