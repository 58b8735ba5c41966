"""ccxt's exchange names, read from its folder: importing ccxt takes too long."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path

from feedd.errors import ConfigError


def check_exchange_name(exchange: str) -> None:
    """Raise ConfigError for an unknown exchange, with similar names of ccxt.pro."""
    spec = importlib.util.find_spec("ccxt")
    folders = [] if spec is None else spec.submodule_search_locations or []
    known = {path.stem for folder in folders for path in Path(folder, "pro").glob("[a-z]*.py")}
    if exchange not in known:
        close = difflib.get_close_matches(exchange, sorted(known), n=3)
        hint = f"; is it {' or '.join(close)}?" if close else ""
        raise ConfigError(f"{exchange} is not an exchange of ccxt.pro{hint}")
