"""The recording's format, and the command's answers to files that are none."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import PYTHON, REPOSITORY
from unit.audit.handmade_logs import FEED, TRADE, mark, trade_seen, trade_sent

from feedd.audit.recording import event_line, head_line, message_line
from feedd.client.events import Gap, Other, Trade, UpstreamGap

HEAD = json.loads(head_line(1, "client", [""]))


def audit(folder: Path, truth: list[Any] | str, seen: list[Any] | str, *options: str) -> Any:
    for name, lines in (("truth", truth), ("seen", seen)):
        whole = (
            lines if isinstance(lines, str) else "".join(f"{json.dumps(one)}\n" for one in lines)
        )
        (folder / name).write_text(whole)
    return subprocess.run(
        [PYTHON, "-m", "feedd", "audit", str(folder / "truth"), str(folder / "seen"), *options],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_events_are_lines_with_all_their_fields() -> None:
    trade = Trade("BTC/USDT:USDT", 1, 2.5, 3.0, "buy", "binanceusdm", 4, session=5, seq=6, id=7)
    line = json.loads(event_line(9, trade))
    assert (line["ns"], line["topic"]) == (9, TRADE)
    assert line["payload"]["price"] == 2.5
    assert line["payload"]["client.origin"] == "live"
    assert json.loads(event_line(9, Gap(TRADE, 1, 2, 3, 'a "reason"'))) == {
        "ns": 9, "notice": "Gap", "topic": TRADE, "session": 1, "from_seq": 2, "to_seq": 3,
        "reason": 'a "reason"',
    }  # fmt: skip
    told = json.loads(event_line(9, UpstreamGap(FEED, "trade", None, "id-1", "lost")))
    assert (told["notice"], told["from_id"], told["to_id"]) == ("UpstreamGap", None, "id-1")
    other = Other("weather", b"\x81\xa1a\x01", "binanceusdm", "BTC/USDT:USDT", 1, 2)
    assert json.loads(event_line(9, other))["payload"] == {"a": 1, "client.origin": "live"}
    assert json.loads(message_line(9, TRADE, {"seq": 1})) == {
        "ns": 9, "topic": TRADE, "payload": {"seq": 1},
    }  # fmt: skip


@pytest.mark.process
def test_the_command_exits_0_or_1_and_names_the_topic(tmp_path: Path) -> None:
    truth = [trade_sent(n, n) for n in (1, 2, 3)]
    marks = tmp_path / "truth.marks"
    marks.write_text(json.dumps(mark("opened", 0)) + '\n{"mark":"clo')  # still being written
    ticks = [trade_seen(n, n, n) for n in (1, 2, 3)]
    good = audit(tmp_path, truth, [HEAD, *ticks, {"ns": 1, "end": "SIGINT", "lines": 5}])
    assert (good.returncode, good.stderr) == (0, "")
    assert "no breach" in good.stdout
    bad = audit(tmp_path, truth, [HEAD, ticks[0], ticks[2]])
    assert bad.returncode == 1
    assert f"{TRADE}  missing: of seq 2 to 2 of session 1" in bad.stdout
    marks.write_text('{"mark":"closed"}\n')
    torn = audit(tmp_path, truth, [HEAD, *ticks])
    assert torn.returncode == 78
    assert "truth.marks, line 1: is not a mark of a truth log: " in torn.stderr
    marks.unlink()
    machine = audit(tmp_path, truth, [HEAD, ticks[0], ticks[2]], "--json")
    assert machine.returncode == 1
    assert json.loads(machine.stdout)["topics"][TRADE]["missing"] == 1


@pytest.mark.process
def test_a_torn_last_line_is_not_read(tmp_path: Path) -> None:
    truth = "".join(json.dumps(trade_sent(n, n)) + "\n" for n in (1, 2)) + '{"sent_ns":1,"con'
    seen = "".join(json.dumps(one) + "\n" for one in [HEAD, trade_seen(1, 1, 1)]) + '{"ns":'
    assert audit(tmp_path, truth, seen).returncode == 0


@pytest.mark.process
@pytest.mark.parametrize(
    ("truth", "seen", "says"),
    [
        ("nonsense\n", [HEAD], "truth, line 1: is not a line of a truth log"),
        ('{"sent_ns":1}\n', [HEAD], "truth, line 1: is not a line of a truth log"),
        ([], [], "is not JSON"),
        ([], [{"topic": 1}], "is not a recording of a subscriber; feedd tail --json writes one"),
        ([], [HEAD, {"ns": 1, "topic": TRADE, "payload": {}}], "seen, line 2: is not a line of a"),
        ([], [HEAD], "holds no message"),
    ],
)
def test_a_file_of_neither_format_is_refused(
    tmp_path: Path, truth: Any, seen: Any, says: str
) -> None:
    refused = audit(tmp_path, truth, seen)
    assert refused.returncode == 78
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_first_line_names_the_type_of_subscriber() -> None:
    file = io.BytesIO(head_line(1, "plain", ["trade.", "status."]))
    assert json.loads(file.read()) == {
        "recording": 1, "by": "plain", "ns": 1, "topics": ["trade.", "status."],
    }  # fmt: skip
