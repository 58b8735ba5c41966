"""workers/feed.py on asyncio's own loop instead of uvloop's; it is started as that is."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path

import uvloop

if __name__ == "__main__":
    uvloop.run = asyncio.run
    worker = Path(__file__).resolve().parent.parent / "workers" / "feed.py"
    runpy.run_path(str(worker), run_name="__main__")
