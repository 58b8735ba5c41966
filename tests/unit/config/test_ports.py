"""Ports: assigned once, kept permanently."""

import subprocess
import sys
from pathlib import Path

import pytest

from feedd.config import ports
from feedd.config.load import load_config
from feedd.errors import ConfigError


def assign(tmp_path: Path, symbols: str, extra: str = "") -> dict[str, int]:
    path = tmp_path / "feedd.yaml"
    path.write_text(f"run_dir: {tmp_path}/run\nsymbols: [{symbols}]\n{extra}")
    given = ports.assign(load_config(path), path)
    return {name.split("-")[2]: port for name, port in given.items()}


def test_symbols_take_the_ports_from_base_port_on(tmp_path: Path) -> None:
    assert assign(tmp_path, "A/USDT, B/USDT") == {"A": 5555, "B": 5556}


def test_a_symbol_keeps_its_port_when_others_go_and_when_it_comes_back(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT, B/USDT, C/USDT")
    assert assign(tmp_path, "C/USDT") == {"C": 5557}
    assert assign(tmp_path, "D/USDT, C/USDT") == {"D": 5558, "C": 5557}
    assert assign(tmp_path, "C/USDT, B/USDT, A/USDT") == {"C": 5557, "B": 5556, "A": 5555}


def test_a_configured_port_comes_first(tmp_path: Path) -> None:
    assert assign(tmp_path, "A/USDT, {symbol: B/USDT, port: 5555}") == {"A": 5556, "B": 5555}


def test_no_symbol_gets_a_port_of_the_proxy_or_the_exchange(tmp_path: Path) -> None:
    extra = "base_port: 5500\nembedded_exchange: {port: 5502}"
    assert assign(tmp_path, "A/USDT, B/USDT", extra) == {"A": 5503, "B": 5504}


def test_two_configurations_do_not_share_ports(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT")
    other = tmp_path / "other.yaml"
    other.write_text(f"run_dir: {tmp_path}/run\nsymbols: [B/USDT]")
    assert list(ports.assign(load_config(other), other).values()) == [5555]


def test_an_unreadable_file_of_ports_is_an_error_and_not_a_new_start(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT")
    (tmp_path / "run" / ports.FILE).write_text("{")
    with pytest.raises(ConfigError, match="can't read the assigned ports"):
        assign(tmp_path, "A/USDT")


def test_a_port_assigned_to_another_symbol_is_refused_and_no_port_changes(tmp_path: Path) -> None:
    before = assign(tmp_path, "A/USDT, B/USDT")
    taking = "A/USDT, B/USDT, {symbol: C/USDT, port: 5555}"
    with pytest.raises(ConfigError, match=r"5555 is both feed-\w+-A-.* and feed-\w+-C-"):
        assign(tmp_path, taking)
    assert assign(tmp_path, "B/USDT, A/USDT") == before
    with pytest.raises(ConfigError, match=r"5555 is both feed-\w+-C-.* and feed-\w+-A-"):
        assign(tmp_path, "{symbol: C/USDT, port: 5555}, B/USDT, A/USDT")


def test_a_symbol_whose_port_was_taken_while_it_was_gone_is_not_moved_silently(
    tmp_path: Path,
) -> None:
    assign(tmp_path, "A/USDT, B/USDT")
    taken = assign(tmp_path, "B/USDT, {symbol: C/USDT, port: 5555}")
    assert taken == {"B": 5556, "C": 5555}
    with pytest.raises(ConfigError, match="5555 is both"):
        assign(tmp_path, "A/USDT, B/USDT, C/USDT")
    assert assign(tmp_path, "{symbol: A/USDT, port: 6000}, B/USDT, C/USDT") == {
        "A": 6000, "B": 5556, "C": 5555,
    }  # fmt: skip


def test_two_symbols_may_change_their_own_ports_for_each_other(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT, B/USDT")
    swapped = "{symbol: A/USDT, port: 5556}, {symbol: B/USDT, port: 5555}"
    assert assign(tmp_path, swapped) == {"A": 5556, "B": 5555}
    assert assign(tmp_path, "B/USDT, A/USDT") == {"A": 5556, "B": 5555}


def test_a_proxy_that_takes_a_symbols_port_is_refused(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT, B/USDT")
    extra = "proxy: {subscribers: 'tcp://127.0.0.1:5556'}"
    with pytest.raises(ConfigError, match=r"5556 is assigned to feed-\w+-B-.*, and the proxy"):
        assign(tmp_path, "A/USDT, B/USDT", extra)


def test_a_forgotten_port_is_free_again(tmp_path: Path) -> None:
    assign(tmp_path, "A/USDT, B/USDT")
    path = tmp_path / "feedd.yaml"
    settings = load_config(path)
    ports.forget(settings, path, settings.feeds()[1].name)
    assert assign(tmp_path, "A/USDT, C/USDT") == {"A": 5555, "C": 5556}


ASSIGN = """
import sys
import subprocess
import sys
from pathlib import Path
from feedd.config.load import load_config
from feedd.config import ports
path = Path(sys.argv[1])
sys.stdin.readline()
ports.assign(load_config(path), path)
"""


@pytest.mark.process
def test_concurrent_processes_keep_every_assigned_port(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.yaml" for number in range(12)]
    processes = []
    for path in paths:
        path.write_text(f"run_dir: {tmp_path}/run\nsymbols: [A/USDT, B/USDT]\n")
        command = [sys.executable, "-c", ASSIGN, str(path)]
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0] * len(paths)
    for path in paths:
        assert list(ports.given(load_config(path), path).values()) == [5555, 5556]
