"""Choice of the configuration file: the one given, the one that runs, or the one that ran last.

A start switches between a demo and live data only if asked: without a given file, it continues
with the configuration that ran last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class Choice(NamedTuple):
    """A configuration file, and a line for the user where it is not the expected one."""

    path: Path
    line: str | None = None


def choose(given: Path | None, last: Path | None, default: Path, *, runs: bool) -> Choice:
    """Return the file that a command works on.

    `last` is the file that runs, or ran last. Raises ConfigError where a file other than the
    given one runs, for a given file that is missing, and where the last one is missing and none is
    given.
    """
    if given is not None:
        if runs and last is not None and given.resolve() != last:
            _check_exists(given)
            raise ConfigError(
                f"feedd runs here on {last}, not on {given}; stop it first: feedd stop"
            )
        if not runs:
            _check_exists(given)
        return Choice(given)
    if last is None or last == default.resolve():
        return Choice(default)
    if runs:
        return Choice(last)
    if not last.exists():
        raise ConfigError(
            f"{last} ran here last, and is missing; to start {default} instead, give it: "
            f"--config {default}"
        )
    return Choice(
        last, f"continuing with {last}, which ran here last; for {default}: --config {default}"
    )


def _check_exists(given: Path) -> None:
    if not given.exists():
        raise ConfigError(f"{given}: no such file; name another with --config or FEEDD_CONFIG")
