"""Secrets and overrides from the environment and `.env`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from feedd.config.load import DEFAULT_PATH
from feedd.errors import ConfigError
from feedd.runtime import secrets
from feedd.venues.registry import KEY_PREFIXES

DOTENV = Path(".env")


def read_environment() -> dict[str, str]:
    """Return the variables of `.env` in the working folder, overridden by the environment.

    From then on, logs and errors redact the secrets in both. Raises ConfigError for a `.env` that
    other users can read: it holds keys.
    """
    secrets.register(os.environ)
    if not DOTENV.is_file():
        return dict(os.environ)
    if DOTENV.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{DOTENV} can be read by other users; run: chmod 600 {DOTENV}")
    from dotenv import dotenv_values  # noqa: PLC0415  most have no such file

    values = {key: value for key, value in dotenv_values(DOTENV).items() if value is not None}
    secrets.register(values)
    return {**values, **os.environ}


def config_path(given: str | None, environment: dict[str, str]) -> Path:
    """Return the configuration file: the one given, else FEEDD_CONFIG, else the default."""
    return Path(given or environment.get("FEEDD_CONFIG") or DEFAULT_PATH)


def credential_names(exchange: str) -> tuple[str, str]:
    """Return the variables of an exchange's API key and secret.

    Their prefix is the exchange's name in capitals; all markets of a venue share the venue's name.
    """
    prefix = next((venue for venue in KEY_PREFIXES if exchange.startswith(venue)), exchange).upper()
    return f"{prefix}_API_KEY", f"{prefix}_SECRET"


def credentials(exchange: str, environment: dict[str, str]) -> tuple[str, str] | None:
    """Return the API key and secret for an exchange, or None without them.

    They come from the variables of `credential_names`. Raises ConfigError if only one is set.
    """
    names = credential_names(exchange)
    key, secret = (environment.get(name, "") for name in names)
    if bool(key) != bool(secret):
        present, absent = names if key else reversed(names)
        raise ConfigError(
            f"{present} is set and {absent} is not; set both, or neither: public data needs no key"
        )
    return (key, secret) if key else None
