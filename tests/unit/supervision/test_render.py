"""The programs that supervisord runs."""

import configparser
from pathlib import Path

import pytest

from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.supervision import render


def rendered(tmp_path: Path, text: str) -> configparser.RawConfigParser:
    path = tmp_path / "feedd.yaml"
    path.write_text(text)
    settings = load_config(path)
    ports = {feed.name: 5555 + index for index, feed in enumerate(settings.feeds())}
    parser = configparser.RawConfigParser()
    parser.read_string(render.render(settings, path, tmp_path, ports))
    return parser


TWO = "symbols: [BTC/USDT, ETH/USDT]\n"
BTC = "program:feed-binanceusdm-BTC-USDT-USDT"
ETH = "program:feed-binanceusdm-ETH-USDT-USDT"
WATCHDOG = "eventlistener:watchdog"


def test_each_symbol_is_a_program_of_its_own_beside_proxy_and_exchange(tmp_path: Path) -> None:
    assert rendered(tmp_path, TWO).sections() == [
        WATCHDOG, "program:proxy", "program:gateway", BTC, ETH,
    ]  # fmt: skip
    with_exchange = rendered(tmp_path, TWO + "embedded_exchange: {port: 9000}")
    assert with_exchange.sections() == [
        WATCHDOG, "program:proxy", "program:gateway", "program:exchange", BTC, ETH,
    ]  # fmt: skip


def test_final_errors_are_not_restarted_and_crashes_are(tmp_path: Path) -> None:
    program = rendered(tmp_path, TWO)[BTC]
    assert program["autorestart"] == "unexpected"
    assert program["exitcodes"] == "0,65,69,77,78"


def test_feeds_start_after_the_proxy_and_stop_before_it(tmp_path: Path) -> None:
    parser = rendered(tmp_path, TWO)
    assert int(parser[BTC]["priority"]) > int(parser["program:proxy"]["priority"])


def test_the_recorder_stops_after_the_feeds_and_before_the_proxy(tmp_path: Path) -> None:
    parser = rendered(tmp_path, TWO + "recorder: {}\n")
    recorder, proxy = parser["program:recorder"], parser["program:proxy"]
    assert int(proxy["priority"]) < int(recorder["priority"]) < int(parser[BTC]["priority"])
    assert "workers/recorder.py" in recorder["command"]


def test_without_a_gateway_there_is_no_program_of_it(tmp_path: Path) -> None:
    assert "program:gateway" not in rendered(tmp_path, TWO + "gateway: false\n")


def test_a_change_of_the_gateway_changes_only_its_program(tmp_path: Path) -> None:
    before, after = rendered(tmp_path, TWO), rendered(tmp_path, TWO + "gateway: {port: 8081}\n")
    changed = {name for name in before.sections() if before[name] != after[name]}
    assert changed == {"program:gateway"}


def test_a_change_of_the_recorder_changes_only_its_program(tmp_path: Path) -> None:
    before = rendered(tmp_path, TWO + "recorder: {}\n")
    after = rendered(tmp_path, TWO + "recorder: {topics: ['quote.']}\n")
    changed = {name for name in before.sections() if before[name] != after[name]}
    assert changed == {"program:recorder"}
    moved = rendered(tmp_path, TWO + "recorder: {}\nproxy: {history: 'tcp://127.0.0.1:6001'}\n")
    assert moved["program:recorder"]["environment"] != before["program:recorder"]["environment"]


def test_a_change_of_one_symbol_changes_only_its_program(tmp_path: Path) -> None:
    before = rendered(tmp_path, TWO)
    after = rendered(tmp_path, "symbols: [BTC/USDT, {symbol: ETH/USDT, channels: [trade]}]\n")
    assert before[BTC] == after[BTC]
    assert before["program:proxy"] == after["program:proxy"]
    assert before[ETH]["environment"] != after[ETH]["environment"]


def test_a_replay_is_a_program_of_the_same_name(tmp_path: Path) -> None:
    one = "symbols: [BTC/USDT, {symbol: ETH/USDT, source: replay}]\nreplay: {recordings: [a]}\n"
    before, mixed = rendered(tmp_path, TWO), rendered(tmp_path, one)
    assert mixed.sections() == before.sections()
    assert "workers/replay.py feed-binanceusdm-ETH-USDT-USDT" in mixed[ETH]["command"]
    changed = {name for name in before.sections() if before[name] != mixed[name]}
    assert changed == {ETH}
    again = rendered(tmp_path, one.replace("[a]", "[b]"))
    assert {name for name in mixed.sections() if mixed[name] != again[name]} == {ETH}


def test_a_proxy_that_waits_for_subscribers_is_another_one(tmp_path: Path) -> None:
    paced = TWO + "source: replay\nreplay: {recordings: [a]}\n"
    unpaced = TWO + "source: replay\nreplay: {recordings: [a], pace: 0}\n"
    before, after = rendered(tmp_path, paced), rendered(tmp_path, unpaced)
    changed = {name for name in before.sections() if before[name] != after[name]}
    assert changed == {"program:proxy", BTC, ETH}
    assert " --lossless " in after["program:proxy"]["command"]
    assert "--lossless" not in before["program:proxy"]["command"]
    assert rendered(tmp_path, TWO)["program:proxy"] == before["program:proxy"]


def test_a_second_proxy_restarts_the_workers_and_its_other_settings_do_not(tmp_path: Path) -> None:
    one = rendered(tmp_path, TWO)
    unused = rendered(tmp_path, TWO + "proxy_2: {workers: 'ipc://run/w'}")
    assert all(one[name] == unused[name] for name in one.sections())
    two = rendered(tmp_path, TWO + "proxies: 2")
    assert two.sections() == [
        WATCHDOG, "program:proxy", "program:proxy-2", "program:gateway", BTC, ETH,
    ]  # fmt: skip
    assert two["program:proxy"] == one["program:proxy"]
    for name in (WATCHDOG, BTC, ETH):
        assert two[name]["environment"] != one[name]["environment"]
    other = rendered(tmp_path, TWO + "proxies: 2\nproxy_2: {history: 'tcp://127.0.0.1:6000'}")
    changed = [name for name in two.sections() if two[name] != other[name]]
    assert changed == ["program:proxy-2", "program:gateway"]  # which subscribes to both
    assert two["program:proxy-2"]["priority"] == two["program:proxy"]["priority"]


@pytest.mark.parametrize("setting", ["keep_cpus_awake", "realtime_proxies"])
def test_a_setting_of_the_proxies_changes_only_the_proxies(tmp_path: Path, setting: str) -> None:
    before, after = rendered(tmp_path, TWO), rendered(tmp_path, f"{TWO}{setting}: true\n")
    changed = [name for name in before if dict(before[name]) != dict(after[name])]
    assert changed == ["program:proxy"]


@pytest.mark.parametrize(
    "setting", ["proxy_url: http://u:hunter22@p:1", "no_proxy: a", "compression: true"]
)
def test_a_setting_of_the_network_changes_only_the_feeds(tmp_path: Path, setting: str) -> None:
    native = f"{TWO}source: native\n"
    before, after = rendered(tmp_path, native), rendered(tmp_path, native + setting)
    assert {one for one in before.sections() if before[one] != after[one]} == {BTC, ETH}
    assert "hunter22" not in str([dict(after[one]) for one in after.sections()])


def test_the_pause_between_comparisons_changes_only_feeds_whose_book_nothing_checks(
    tmp_path: Path,
) -> None:
    symbols = "symbols: [BTC/USDT, {symbol: BTC/USDT, exchange: phemex}]\n"
    before, after = (
        rendered(tmp_path, f"{symbols}compare_books_every_s: {every_s}") for every_s in (60, 0)
    )
    changed = [name for name in before if dict(before[name]) != dict(after[name])]
    assert changed == ["program:feed-phemex-BTC-USDT"]


def test_the_watchdog_is_an_event_listener_whose_standard_output_is_the_protocols(
    tmp_path: Path,
) -> None:
    listener = rendered(tmp_path, TWO)[WATCHDOG]
    assert {"TICK_5", "PROCESS_STATE_RUNNING"} < set(listener["events"].split(","))
    assert int(listener["buffer_size"]) >= 1000
    assert "redirect_stderr" not in listener
    assert listener["stdout_logfile"] == "NONE"
    assert listener["stderr_logfile"].endswith("watchdog.stderr")


def test_the_include_names_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "feedd.yaml"
    path.write_text(TWO)
    settings = load_config(path)
    names = {feed.name: 1 for feed in settings.feeds()}
    assert render.rendered_from(tmp_path) is None
    render.write(settings, path, tmp_path, names)
    assert render.rendered_from(tmp_path) == path
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def write(root: Path, text: str = TWO) -> None:
    path = root.parent / "feedd.yaml"
    path.write_text(text)
    settings = load_config(path)
    render.write(settings, path, root, {feed.name: 1 for feed in settings.feeds()})


def test_the_log_folder_exists_once_the_include_names_it(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    write(root, TWO + "log_dir: of/its/own\n")
    assert (root / "of/its/own").is_dir()


def test_a_log_folder_that_cannot_be_made_is_an_error_before_the_include_names_it(
    tmp_path: Path,
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "taken").touch()
    with pytest.raises(ConfigError, match=r"log_dir: .*/taken can't be made: File exists"):
        write(root, TWO + "log_dir: taken\n")
    assert render.rendered_from(root) is None
