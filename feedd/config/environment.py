"""Secrets and overrides from the environment and `.env`."""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.config.load import DEFAULT_PATH
from feedd.errors import ConfigError
from feedd.runtime import secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

DOTENV = Path(".env")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def read_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of `.env` in the working folder, overridden by the environment.

    This is the process' own by default. From then on, logs and errors redact the secrets in both.
    Raises ConfigError for a `.env` that other users can read: it holds keys.
    """
    secrets.register(environment)
    if not DOTENV.is_file():
        return dict(environment)
    if DOTENV.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{DOTENV} can be read by other users; run: chmod 600 {DOTENV}")
    values = _read_dotenv()
    secrets.register(values)
    return {**values, **environment}


def config_path(given: str | None, environment: dict[str, str]) -> Path:
    """Return the configuration file: the one given, else FEEDD_CONFIG, else the default."""
    return Path(given or environment.get("FEEDD_CONFIG") or DEFAULT_PATH)


def _read_dotenv() -> dict[str, str]:
    """Return the variables of `.env`; raise ConfigError for a line that is not read as written.

    No error quotes a line: it may be a key's.
    """
    from dotenv import dotenv_values  # noqa: PLC0415  most have no such file
    from dotenv.parser import parse_stream  # noqa: PLC0415

    try:
        content = DOTENV.read_bytes()
    except OSError as error:
        raise ConfigError(f"{DOTENV}: can't be read: {error.strerror}") from None
    if b"\0" in content:
        raise ConfigError(f"{DOTENV}: contains NUL bytes, as UTF-16 does; save it as UTF-8")
    # As in `os.environ`: the check of a value names its variable and the byte.
    text = content.removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")
    for binding in parse_stream(io.StringIO(text)):
        whole = binding.original.string  # begins with the empty lines above
        line = binding.original.line + whole[: -len(whole.lstrip()) or None].count("\n")
        if binding.error:
            raise ConfigError(f"{DOTENV}:{line}: is not NAME=value")
        if binding.key is not None and not _NAME.fullmatch(binding.key):
            raise ConfigError(
                f"{DOTENV}:{line}: the name before = contains characters other than letters, "
                "digits and _"
            )
    values = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value is not None}
