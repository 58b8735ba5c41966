"""All feeds of a configuration in one process: what feedd does not do, to see what that costs.

It is started as workers/feed.py is, and builds each feed as that does.
"""

from __future__ import annotations

import argparse
import asyncio
import runpy
import sys
from pathlib import Path

from feedd.config.load import load_config
from feedd.runtime.process import run, worker_arguments

FEED = Path(__file__).resolve().parent.parent / "workers" / "feed.py"


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Run every feed on one loop."""
    worker = runpy.run_path(str(FEED))
    names = [feed.name for feed in load_config(Path(arguments.config)).feeds()]
    ones = [argparse.Namespace(**vars(arguments) | {"name": n, "alone": False}) for n in names]
    await asyncio.gather(*(worker["main"](one, stop) for one in ones))


if __name__ == "__main__":
    given = worker_arguments(__doc__).parse_args()
    sys.exit(run(lambda stop: main(given, stop), "all", given.log_dir))
