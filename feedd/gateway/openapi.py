"""OpenAPI description of the HTTP API, with the schemas of the types that are sent."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, NamedTuple

import msgspec

import feedd
from feedd.gateway import candles, documents, trends
from feedd.gateway.api import events, market, series
from feedd.gateway.stream.encoding import WIDE
from feedd.gateway.stream.stream_query import MAX_CONFLATE_MS, MAX_PREFIXES
from feedd.topic_prefixes import HEADS

VERSION = "3.1.0"
SCHEMA = "#/components/schemas/{name}"
JSON = "application/json"
INFO = """Read-only: nothing here starts, stops or changes anything.
A feed is named `<exchange>.<symbol>.`, as in topics on the wire; `symbol=` and `exchange=` name
one too. Errors are JSON: `error` is what is wrong, `remedy` what to do. JavaScript rounds integers
above 2^53: with `ints=string` those of these keys are text: """


class Parameter(NamedTuple):
    """A query parameter."""

    name: str
    description: str
    schema: dict[str, Any]
    repeated: bool = False


class Operation(NamedTuple):
    """What GET of a path answers; `content` is the type of its JSON, or another media type."""

    path: str
    summary: str
    content: Any
    parameters: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()


def _number(lowest: int, highest: int | None = None, default: int | None = None) -> dict[str, Any]:
    given = {"minimum": lowest, "maximum": highest, "default": default}
    return {"type": "integer", **{key: one for key, one in given.items() if one is not None}}


_TEXT = {"type": "string"}
_FEED = ("feed", "symbol", "exchange")
_PARAMETERS = {
    one.name: one
    for one in (
        Parameter("feed", "the feed, `<exchange>.<symbol>.`", _TEXT),
        Parameter("symbol", "instead of feed: `BTC/USDT:USDT` or `BTCUSDT`", _TEXT),
        Parameter("exchange", "with symbol, where several exchanges have it", _TEXT),
        Parameter("before", "only entries with a lower `number`: the next page", _number(0)),
        Parameter("ints", "`string`: integers that may exceed 2^53 as text",
                  {"enum": ["number", "string"], "default": "number"}),
        Parameter("topic", "`<channel>.<exchange>.<symbol>.`, instead of feed and channel", _TEXT),
        Parameter("channel", "with feed or symbol", {"enum": list(HEADS)}),
        Parameter("session", "of the feed; by default the newest", _number(0)),
        Parameter("from", "first `seq`; by default the newest messages", _number(1)),
        Parameter("to", "last `seq`", _number(1)),
        Parameter("series", "only this one of the series", {"enum": list(trends.SERIES)}),
        Parameter("topics", f"prefix of topics, up to {MAX_PREFIXES}; all but statuses by default",
                  _TEXT, repeated=True),
        Parameter("conflate_ms", "the latest message of each topic, once in so many ms",
                  _number(0, MAX_CONFLATE_MS, 0)),
        Parameter("snapshot", "begin with the last message of each topic",
                  {"type": "boolean", "default": True}),
        Parameter("entries", "entries of the answer",
                  _number(1, events.MOST_ENTRIES, events.DEFAULT_ENTRIES)),
        Parameter("ticks", "messages of the answer",
                  _number(1, market.MOST_TICKS, market.DEFAULT_TICKS)),
        Parameter("candles", "candles of the answer",
                  _number(1, candles.KEPT, series.DEFAULT_CANDLES)),
    )
}  # fmt: skip
# Of several paths, each with bounds of its own.
_NAMES = {"entries": "limit", "ticks": "limit", "candles": "limit", "topics": "topic"}

OPERATIONS = (
    Operation("/healthz", "Whether the gateway runs", documents.Alive),
    Operation("/readyz", "Whether every feed is live and every process runs", documents.Ready,
              errors=(503,)),
    Operation("/api/status", "Health of all processes", documents.StatusReport, errors=(503,)),
    Operation("/api/overview", "State of the whole project, for a page", documents.Overview,
              errors=(503,)),
    Operation("/api/gaps", "Gaps, newest first", documents.Gaps,
              (*_FEED, "entries", "before", "ints"), (400, 404)),
    Operation("/api/timeline", "Gaps, restarts, changes of state and stops, newest first",
              documents.Timeline, (*_FEED, "entries", "before", "ints"), (400, 404)),
    Operation("/api/book", "The last book of a feed", documents.LastBook, (*_FEED, "ints"),
              (400, 404)),
    Operation("/api/ticks", "Messages in the proxies' history, by pages", documents.TickPage,
              ("topic", *_FEED, "channel", "session", "from", "to", "ticks", "ints"),
              (400, 404, 503)),
    Operation("/api/candles", "Candles since the gateway's start", documents.CandleList,
              (*_FEED, "candles"), (400, 404)),
    Operation("/api/trends", "Last price, latency and rate over time", documents.TrendList,
              (*_FEED, "series"), (400, 404)),
    Operation("/api/openapi.json", "This description", JSON),
    Operation("/stream", "Ticks, statuses and notices as they come: WebSocket, if the request is "
              "an upgrade, else server-sent events", "text/event-stream",
              ("topics", "ints", "conflate_ms", "snapshot"), (400, 403, 503)),
    Operation("/metrics", "Metrics for Prometheus, as text or OpenMetrics", "text/plain",
              errors=(503,)),
    Operation("/", "The page", "text/html"),
    Operation("/page/{name}", "A file of the page", "*/*", errors=(404,)),
)  # fmt: skip


@cache
def description() -> bytes:
    """Return the description as JSON."""
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    """Return the description as plain data."""
    types = [one.content for one in OPERATIONS if not isinstance(one.content, str)]
    schemas, components = msgspec.json.schema_components(
        [*types, documents.Problem], ref_template=SCHEMA
    )
    contents = dict(zip(types, schemas, strict=False))
    return {
        "openapi": VERSION,
        "info": {
            "title": "feedd gateway",
            "version": feedd.__version__,
            "description": f"{INFO}{', '.join(sorted(WIDE))}, and the values of next_seq.",
        },
        "paths": {one.path: {"get": _operation(one, contents)} for one in OPERATIONS},
        "components": {"schemas": {name: _wide(one) for name, one in components.items()}},
    }


def _operation(operation: Operation, contents: dict[Any, Any]) -> dict[str, Any]:
    if isinstance(operation.content, str):
        content: dict[str, Any] = {operation.content: {}}
        what = operation.summary
    else:
        content = {JSON: {"schema": contents[operation.content]}}
        what = inspect.getdoc(operation.content) or operation.summary
    problem = {JSON: {"schema": {"$ref": SCHEMA.format(name="Problem")}}}
    codes = {400: "A parameter is wrong", 403: "Refused", 404: "Not known", 503: "Not available"}
    parameters = [_parameter(_PARAMETERS[name]) for name in operation.parameters]
    if "{name}" in operation.path:
        parameters.append({"name": "name", "in": "path", "required": True, "schema": _TEXT})
    return {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": what, "content": content},
            **{
                str(one): {"description": codes[one], "content": problem}
                for one in operation.errors
            },
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = parameter.schema
    return {
        "name": _NAMES.get(parameter.name, parameter.name),
        "in": "query",
        "description": parameter.description,
        "schema": {"type": "array", "items": schema} if parameter.repeated else schema,
    }


def _wide(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a component's schema, in which a wide integer may be text."""
    properties = schema.get("properties", {})
    for name in WIDE & properties.keys():
        properties[name] = {
            "anyOf": [properties[name], {"type": "string", "pattern": "^-?[0-9]+$"}]
        }
    if "next_seq" in properties:
        properties["next_seq"]["additionalProperties"] = {"type": ["integer", "string"]}
    return schema
