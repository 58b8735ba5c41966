"""A REST request that a venue describes and the ccxt source sends."""

from __future__ import annotations

from typing import Any, NamedTuple


class CcxtRequest(NamedTuple):
    """A request through one of ccxt's implicit methods, e.g. `fapiPublicGetDepth`."""

    method: str
    params: dict[str, Any]
