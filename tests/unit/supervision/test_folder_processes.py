"""Which processes a folder has started."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd.supervision.folder_processes import Seen, of_folder

ROOT = Path("/srv/my feeds")
PYTHON = "/srv/my feeds/.venv/bin/python"


def whats(*words: str, cwd: str | None = str(ROOT), started_from: str | None = None) -> list[str]:
    seen = Seen(7, "me", words, cwd, started_from)
    return [one.what for one in of_folder([seen], ROOT)]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((PYTHON, "-m", "supervisor.supervisord", "-c", f"{ROOT}/supervisord.conf"), "supervisord"),
        ((PYTHON, "-u", "/opt/feedd/bin/supervisord", "-n"), "supervisord"),
        ((PYTHON, "workers/feed.py", "feed-x-BTC", "--config", "c"), "worker feed feed-x-BTC"),
        ((PYTHON, "/opt/feedd/workers/proxy.py", "--config", "c"), "worker proxy"),
        ((PYTHON, "-m", "feedd", "--config", "c", "demo"), "feedd demo"),
        ((PYTHON, ".venv/bin/feedd", "replay", "r"), "feedd replay"),
        ((PYTHON, "-m", "feedd.operation.one_feed", "BTC/USDT"),
         "scripts/run_feed_handler.sh BTC/USDT"),
        (("bash", "scripts/run_feed_handler.sh"), "scripts/run_feed_handler.sh"),
        ((PYTHON, "scripts/load_test_feed_handler.py"), "scripts/load_test_feed_handler.py"),
        ((PYTHON, "-m", "bench", "main"), "bench"),
    ],
)  # fmt: skip
def test_what_a_folder_runs_is_found(words: tuple[str, ...], what: str) -> None:
    assert whats(*words) == [what]
    assert whats(*words, cwd=f"{ROOT} (deleted)") == [what]


@pytest.mark.parametrize(
    "words",
    [
        (PYTHON, "-m", "supervisor.supervisord"),
        (PYTHON, "workers/feed.py", "feed-x-BTC"),
        (PYTHON, f"{ROOT}/workers/feed.py", "feed-x-BTC"),
        (PYTHON, "-m", "feedd", "demo"),
    ],
)
def test_another_folders_processes_are_not_found(words: tuple[str, ...]) -> None:
    for cwd in ("/srv/other", "/srv/my feeds 2", "/srv", "/"):
        assert whats(*words, cwd=cwd) == []
    assert whats(*words, started_from="/srv/other") == []


def test_another_project_below_the_folder_is_not_its_own(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    (inner / "logs").mkdir(parents=True)
    (tmp_path / "logs").mkdir()
    (inner / "supervisord.conf").touch()
    for cwd, count in ((inner, 0), (inner / "logs", 0), (tmp_path / "logs", 1), (tmp_path, 1)):
        seen = Seen(7, "me", (PYTHON, "-m", "feedd", "record"), str(cwd))
        assert len(of_folder([seen], tmp_path)) == count


@pytest.mark.parametrize(
    "words",
    [
        (PYTHON, "examples/strategy.py"),
        (PYTHON, "-m", "feedd", "tail"),
        (PYTHON, "-m", "feedd", "status"),
        (PYTHON, "-m", "pytest"),
        (PYTHON, "-c", "import feedd"),
        ("vim", "workers/feed.py"),
        ("make", "demo"),
        ("less", "supervisord"),
        (PYTHON,),
    ],
)
def test_a_persons_own_programs_are_not_found(words: tuple[str, ...]) -> None:
    assert whats(*words) == []


def test_a_load_tests_processes_are_found_wherever_they_work() -> None:
    proxy = (PYTHON, f"{ROOT}/workers/proxy.py")
    assert whats(*proxy, cwd="/tmp/x", started_from=str(ROOT)) == ["worker proxy"]
    assert whats(PYTHON, f"{ROOT}/scripts/load_test_feed_handler.py", cwd="/home/me") == [
        "scripts/load_test_feed_handler.py"
    ]


def test_another_users_process_is_known_by_the_paths_of_its_command_line() -> None:
    command = (PYTHON, "-m", "supervisor.supervisord", "-c", f"{ROOT}/supervisord.conf")
    assert whats(*command, cwd=None) == ["supervisord"]
    elsewhere = ("/opt/python", "-m", "supervisor.supervisord", "-c", "/srv/x/supervisord.conf")
    assert whats(*elsewhere, cwd=None) == []
