"""A process' log as a whole, in its own process: the format of its lines, and its end."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import PYTHON, clean_environment

pytestmark = pytest.mark.process

HEAD = """
import asyncio, logging, os, sys, threading, warnings
from pathlib import Path
import structlog
from feedd.config.environment import read_environment
from feedd.runtime.logs import setup as logs
from feedd.runtime.process import run
log = structlog.get_logger()
"""


def run(folder: Path, main: str, **environment: str) -> Any:
    """Run a process whose main function has the body `main`; return the completed process."""
    body = "".join(f"    {line}\n" for line in main.strip().splitlines())
    code = f"{HEAD}async def main(stop):\n{body}\nsys.exit(run(main, 'p', Path('logs')))"
    return subprocess.run(
        [PYTHON, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**clean_environment(), **environment},
    )  # fmt: skip


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "logs" / "p.log").read_text().splitlines()]


def test_every_line_starts_with_time_level_and_event_and_ends_with_its_context(
    tmp_path: Path,
) -> None:
    done = run(
        tmp_path,
        """
log.info("first", n=1)
logs.bind(exchange="bybit", symbol="BTC/USDT:USDT")
logs.bind(session=7)
threading.Thread(target=lambda: log.warning("elsewhere")).start()
await asyncio.create_task(asyncio.to_thread(log.info, "own", symbol="ETH/USDT", level="x"))
""",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, elsewhere, own = lines(tmp_path)
    assert list(first) == ["timestamp", "level", "event", "n", "process", "exchange", "symbol",
                           "session"]  # fmt: skip
    assert list(first.values())[1:] == ["info", "first", 1, "p", None, None, None]
    assert list(elsewhere.values())[1:] == ["warning", "elsewhere", "p", "bybit", "BTC/USDT:USDT",
                                            7]  # fmt: skip
    assert (own["level"], own["symbol"], own["session"]) == ("info", "ETH/USDT", 7)


def test_messages_of_libraries_and_python_go_to_the_log_and_not_to_standard_error(
    tmp_path: Path,
) -> None:
    done = run(
        tmp_path,
        """
logging.getLogger("aiohttp.client").warning("unclosed %s", "session")
logging.getLogger("asyncio").error("never awaited", exc_info=KeyError("task"))
logging.getLogger("x").warning("%d", "no number")
logging.getLogger("x").info("nobody asked")
warnings.warn("old", DeprecationWarning)
threading.Thread(target=lambda: 1 / 0).start()
class Bad:
    def __del__(self):
        raise ValueError("in a finalizer")
Bad()
""",
        PYTHONWARNINGS="always",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, second, third, old, *rest = lines(tmp_path)
    assert (first["level"], first["event"], first["logger"]) == (
        "warning", "unclosed session", "aiohttp.client",
    )  # fmt: skip
    assert (second["level"], second["event"]) == ("error", "never awaited")
    assert "KeyError: 'task'" in second["exception"]
    assert "no number" in third["event"]
    assert old["logger"] == "py.warnings"
    texts = "\n".join(str(line) for line in rest)
    assert len(rest) == 2
    assert "ZeroDivisionError" in texts
    assert "in a finalizer" in texts


def test_queued_lines_and_repeat_counts_are_flushed_on_exit(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
for n in range(3000):
    log.info("tick", n=n)
    log.warning("again", n=n)
""",
    )
    assert done.returncode == 0
    written = lines(tmp_path)
    assert [line["n"] for line in written if line["event"] == "tick"] == list(range(3000))
    again = [line for line in written if line["event"] == "again"]
    assert [line["n"] for line in again] == [0, 1, 2, 3, 4, 2999]
    assert again[-1]["repeated"] == 2995
    assert again[-1]["process"] == "p"


def test_values_that_json_cannot_hold_are_written_as_text(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
log.info("odd", big=10**30, half="\\udc80", path=Path("/x"), keys={1: {2}}, nan=float("nan"))
log.error("half \\udc80")
""",
    )
    assert done.returncode == 0
    odd, half = lines(tmp_path)
    assert (odd["big"], odd["path"], odd["nan"]) == (str(10**30), "/x", None)
    assert "udc80" in odd["half"]
    assert "udc80" in half["event"]


def test_a_secret_is_in_no_line_no_traceback_and_not_on_standard_error(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("BYBIT_SECRET='of \"the\" file'\nBYBIT_API_KEY=shadowed\n")
    env.chmod(0o600)
    done = run(
        tmp_path,
        """
def leak():
    values = read_environment()
    log.warning("as it is", values=values, text=repr(values))
    log.info("signed", url="/account?recvWindow=5000&signature=0123abcd")
    raise RuntimeError("with " + values["BYBIT_SECRET"] + values["BYBIT_API_KEY"] + " shadowed")
leak()
""",
        BYBIT_API_KEY="of-the-environment",
    )
    assert done.returncode == 1
    written = (tmp_path / "logs" / "p.log").read_text() + done.stderr
    assert "RuntimeError: with …… …" in done.stderr
    assert any("RuntimeError: with …… …" in line.get("exception", "") for line in lines(tmp_path))
    for secret in (
        'of "the" file',
        'of \\"the\\" file',
        "of-the-environment",
        "shadowed",
        "0123ab",
    ):
        assert secret not in written


def test_an_env_file_that_others_can_read_is_refused_in_the_log_and_on_standard_error(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("BYBIT_SECRET=abcdef\n")
    (tmp_path / ".env").chmod(0o640)
    done = run(tmp_path, "read_environment()")
    assert done.returncode == 78
    assert done.stderr == "p: .env can be read by other users; run: chmod 600 .env\n"
    (line,) = lines(tmp_path)
    assert (line["level"], line["exit_code"]) == ("error", 78)
    assert "chmod 600 .env" in line["event"]


def test_a_folder_that_can_not_be_made_is_a_mistake_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    done = run(tmp_path, "pass")
    assert done.returncode == 78
    assert done.stderr.startswith("p: can't write its log: ")
    assert len(done.stderr.splitlines()) == 1


def test_supervised_a_full_pipe_on_standard_error_holds_up_neither_work_nor_end(
    tmp_path: Path,
) -> None:
    main = """
for descriptor in (1, 2):
    try:
        while True:
            os.write(descriptor, b"x" * 65536)
    except BlockingIOError:
        pass
log.info("full")
read_environment()
"""
    (tmp_path / ".env").write_text("BYBIT_SECRET=abcdef\n")
    (tmp_path / ".env").chmod(0o640)
    body = "".join(f"    {line}\n" for line in main.strip().splitlines())
    code = f"{HEAD}async def main(stop):\n{body}\nsys.exit(run(main, 'p', Path('logs')))"
    process = subprocess.Popen(
        [PYTHON, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**clean_environment(), "SUPERVISOR_ENABLED": "1"},
    )  # fmt: skip
    assert process.wait(30) == 78  # without a reader of the pipe
    process.communicate()
    full, refused = lines(tmp_path)
    assert full["event"] == "full"
    assert "chmod 600" in refused["event"]
