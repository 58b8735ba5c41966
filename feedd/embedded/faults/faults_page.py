"""The page that switches faults on and off: `/embedded/faults`, in no exchange's protocol.

`GET` lists the waiting, active and ended faults. `POST` adds one as JSON. `DELETE` ends all;
`DELETE /embedded/faults/3` ends that one. An invalid request gets 400 and one sentence.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from feedd.config.faults import CHOICES, NAMES, Fault, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.embedded.faults.registry import Faults

PATH = "/embedded/faults"


class Control:
    """The page's handlers; `advance` starts and ends due faults."""

    def __init__(
        self, faults: Faults, now_s: Callable[[], float], advance: Callable[[], None]
    ) -> None:
        self._faults = faults
        self._now_s = now_s
        self._advance = advance

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the page's routes."""
        router.add_get(PATH, self._get)
        router.add_post(PATH, self._post)
        router.add_delete(PATH, self._delete)
        router.add_delete(PATH + "/{id:[0-9]{1,9}}", self._delete)

    async def _get(self, _request: web.Request) -> web.Response:
        return web.json_response(self._faults.as_json(self._now_s()))

    async def _post(self, request: web.Request) -> web.Response:
        try:
            fault = msgspec.json.decode(await request.read(), type=Fault)
        except msgspec.ValidationError as error:
            return _refusal(_sentence(str(error)))
        except msgspec.DecodeError as error:
            return _refusal(f"the body is not valid JSON: {error}")
        unfit = check(fault)
        if unfit is not None:
            return _refusal(unfit)
        try:
            active = self._faults.add(fault, self._now_s())
        except ValueError as error:
            return _refusal(str(error))
        self._advance()
        return web.json_response({"id": active.id})

    async def _delete(self, request: web.Request) -> web.Response:
        id_ = request.match_info.get("id")
        ended = self._faults.delete(None if id_ is None else int(id_))
        self._advance()
        if id_ is not None and not ended:
            return _refusal(f"fault {id_} is neither waiting nor active; GET {PATH} lists all", 404)
        return web.json_response({"ended": [active.id for active in ended]})


def _sentence(error: str) -> str:
    """Return msgspec's `… - at `$.fault`` with the key in front."""
    what, _, where = error.partition(" - at ")
    key = where.strip("`").removeprefix("$").removeprefix(".")
    if unknown := re.match(r"Invalid enum value '(.*)'", what):
        if key != "fault":
            return f"{key}: {unknown[1]} is not one of {', '.join(CHOICES[key])}"
        close = difflib.get_close_matches(unknown[1], NAMES, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "docs/faults.md lists them"
        return f"fault: unknown name {unknown[1]}; {hint}"
    return f"{key}: {what}" if key else what


def _refusal(text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": text}, status=status)
