"""Ask exchanges whether they serve feeds, before anything is started or written.

A feed's own source asks, within the limits that all processes share. The embedded exchange is asked
in this process, on a port of its own: it need not run.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from feedd.clock import Clock
from feedd.config.credentials import credential_names
from feedd.errors import ConfigError, FinalError, NoPageError, SourceError
from feedd.sources.configured import make_source
from feedd.venues.registry import market_type_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from feedd.config.settings import Config, Feed
    from feedd.embedded.server import ExchangeServer

WITHIN_S = 15.0  # for all feeds together; the largest market list has 15 MB


class Answers(NamedTuple):
    """What the exchanges answered; a feed in neither map is accepted."""

    refused: dict[Feed, FinalError]
    unchecked: dict[Feed, str]  # with the reason


def ask_exchanges(
    settings: Config,
    feeds: Iterable[Feed],
    environment: Mapping[str, str],
    within_s: float = WITHIN_S,
) -> Answers:
    """Ask whether each live feed's exchange serves its symbol, channels and key.

    Raises ConfigError for an embedded exchange that can't be built.
    """
    live = [feed for feed in feeds if feed.source != "replay"]
    embedded = settings.embedded_exchange if settings.endpoint is None else None
    server = None
    with tempfile.TemporaryDirectory(prefix="feedd-check-") as folder:
        # A check writes to the configuration's folder only what its processes share.
        run_dir = Path(settings.run_dir)
        if embedded is not None or not run_dir.is_dir():
            run_dir = Path(folder)
        if embedded is not None and live:
            # Imported here: aiohttp's server takes a while, and many configurations need none.
            from feedd.embedded.configured_markets import configured_markets  # noqa: PLC0415
            from feedd.embedded.server import ExchangeServer  # noqa: PLC0415

            server = ExchangeServer(configured_markets(embedded, settings.feeds()), Clock())
        return asyncio.run(_ask(settings, server, live, environment, run_dir, within_s))


async def _ask(
    settings: Config,
    server: ExchangeServer | None,
    feeds: list[Feed],
    environment: Mapping[str, str],
    run_dir: Path,
    within_s: float,
) -> Answers:
    answers = Answers({}, {})
    away: dict[tuple[str, str], str] = {}  # exchanges and types of market that do not answer
    checked: set[tuple[str, str]] = set()
    deadline_s = asyncio.get_running_loop().time() + within_s
    async with _serving(settings, server) as asked:
        for feed in feeds:
            kind = (feed.exchange, market_type_on(feed.exchange, feed.symbol))
            if kind in away:
                answers.unchecked[feed] = away[kind]
                continue
            # One signed request shows whether the key is valid.
            keys = environment if kind not in checked else _without_key(environment, feed)
            try:
                async with asyncio.timeout_at(deadline_s):
                    await _prepare(asked, feed, keys, run_dir)
                checked.add(kind)
            except FinalError as error:
                answers.refused[feed] = error
            except NoPageError as error:
                if settings.endpoint is None:
                    answers.unchecked[feed] = away[kind] = str(error)
                else:
                    answers.refused[feed] = ConfigError(
                        f"endpoint {settings.endpoint} has no page with the markets; is its path "
                        f"right? ({error})"
                    )
            except SourceError as error:
                answers.unchecked[feed] = away[kind] = str(error)
            except TimeoutError:
                answers.unchecked[feed] = away[kind] = f"no answer in {within_s:g} s"
    return answers


async def _prepare(
    settings: Config, feed: Feed, environment: Mapping[str, str], run_dir: Path
) -> None:
    source = make_source(settings, feed, feed.channels, dict(environment), run_dir)
    try:
        await source.prepare()
    finally:
        await source.close()


def _without_key(environment: Mapping[str, str], feed: Feed) -> dict[str, str]:
    names = credential_names(feed.exchange)
    return {name: value for name, value in environment.items() if name not in names}


@contextlib.asynccontextmanager
async def _serving(settings: Config, server: ExchangeServer | None) -> AsyncIterator[Config]:
    """Yield the settings to ask with, while the embedded exchange serves, if there is one."""
    if server is None or settings.embedded_exchange is None:
        yield settings
        return
    port = await server.start(0)
    embedded = msgspec.structs.replace(settings.embedded_exchange, port=port)
    try:
        yield msgspec.structs.replace(settings, embedded_exchange=embedded)
    finally:
        await server.stop()
