"""JSON responses, and errors as JSON: what is wrong, and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiohttp import web

from feedd.gateway.wide_integers import integers_as_text

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

SEE = "GET /api/openapi.json describes all paths"

_log = structlog.get_logger()
_encode = msgspec.json.encode


class ApiError(Exception):
    """An answer other than the requested one: status, what is wrong, and what to do."""

    def __init__(self, status: int, error: str, remedy: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.remedy = remedy


def json_response(content: Any, status: int = 200, *, texts: bool = False) -> web.Response:
    """Return content as JSON that no browser or proxy keeps.

    With `texts`, the integers of some keys are text (`feedd.gateway.wide_integers`).
    """
    if texts:
        content = integers_as_text(msgspec.to_builtins(content))
    return web.Response(
        body=_encode(content),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def error_response(error: ApiError) -> web.Response:
    """Return an error as `{"error": …, "remedy": …}`."""
    return json_response({"error": error.error, "remedy": error.remedy}, error.status)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of a handler and of the router into JSON."""
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error)
    except web.HTTPNotFound:
        return error_response(ApiError(404, f"there is no {request.path}", SEE))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return error_response(
            ApiError(405, f"{request.path} can't be used with {request.method}", f"use {allowed}")
        )
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return error_response(ApiError(error.status, error.reason, SEE))
    except Exception:  # noqa: BLE001  one request's fault is not the others'; it is logged
        _log.exception("a fault in feedd", path=request.path)
        remedy = "the gateway's log has the details: feedd logs gateway"
        return error_response(ApiError(500, "a fault in feedd", remedy))
