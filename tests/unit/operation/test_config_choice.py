"""A start changes the configuration only if asked; a refusal names both files."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd.errors import ConfigError
from feedd.operation.config_choice import choose


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return the default, and another file."""
    monkeypatch.chdir(tmp_path)
    default, demo = Path("feedd.yaml"), tmp_path / "demo.yaml"
    for path in (default, demo):
        path.write_text("")
    return default, demo


def test_without_a_given_file_the_last_one_is_continued_and_named(
    files: tuple[Path, Path],
) -> None:
    default, demo = files
    choice = choose(None, demo, default, runs=False)
    assert choice.path == demo
    assert choice.line is not None
    assert choice.line.startswith(f"continuing with {demo}, which ran here last")
    assert f"--config {default}" in choice.line


def test_the_default_is_taken_where_it_ran_last_or_nothing_ever_ran(
    files: tuple[Path, Path],
) -> None:
    default, _ = files
    assert choose(None, None, default, runs=False) == (default, None)
    assert choose(None, default.resolve(), default, runs=False) == (default, None)


def test_where_the_last_one_is_missing_both_are_named(files: tuple[Path, Path]) -> None:
    default, demo = files
    demo.unlink()
    with pytest.raises(ConfigError, match=rf"{demo} ran here last, and is missing.*{default}"):
        choose(None, demo, default, runs=False)
    assert choose(None, demo, default, runs=True).path == demo  # it runs all the same


def test_another_file_than_the_running_one_is_refused_and_both_are_named(
    files: tuple[Path, Path],
) -> None:
    default, demo = files
    with pytest.raises(ConfigError, match=rf"runs here on {demo}, not on {default}"):
        choose(default, demo, default, runs=True)
    assert choose(default, demo, default, runs=False).path == default  # it was asked for


@pytest.mark.parametrize("runs", [True, False])
def test_a_given_file_that_is_missing_is_the_error(files: tuple[Path, Path], *, runs: bool) -> None:
    default, demo = files
    with pytest.raises(ConfigError, match=r"nope\.yaml: no such file"):
        choose(Path("nope.yaml"), demo, default, runs=runs)


def test_the_running_file_may_be_given_although_it_is_missing(files: tuple[Path, Path]) -> None:
    default, demo = files
    demo.unlink()
    assert choose(demo, demo, default, runs=True).path == demo
