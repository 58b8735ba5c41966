"""One exchange of ccxt.pro, without the hundred others that `import ccxt.pro` loads.

The packages' `__init__` import every exchange: 0.5 s and 60 MB a process. Here three packages
replace `ccxt`, `ccxt.async_support` and `ccxt.pro`, in the real folders, and import a name when
it is first used. Their modules are ccxt's own
(https://github.com/ccxt/ccxt/blob/v4.5.90/python/ccxt/pro/__init__.py). Where that fails, as it
may with another version, all of ccxt is imported.

`ccxt` here is the package or its replacement; its errors are the same objects either way.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from types import ModuleType
from typing import Any

import msgspec
import structlog

ERRORS = "ccxt.base.errors"
_EXCHANGE = {
    "ccxt": "ccxt.base.exchange",
    "ccxt.async_support": "ccxt.async_support.base.exchange",
    "ccxt.pro": "ccxt.async_support.base.exchange",
}
_COMMON = (ERRORS, "ccxt.base.decimal_to_precision", "ccxt.base.precise")

_log = structlog.get_logger()


class _Package(ModuleType):
    """Replaces a package whose `__init__` imports all of its modules."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            for home in (*_COMMON, _EXCHANGE[self.__name__]):
                found = vars(importlib.import_module(home)).get(name)
                if found is not None:
                    self.__dict__[name] = found
                    return found
            if importlib.util.find_spec(f"{self.__name__}.{name}") is not None:
                importlib.import_module(f"{self.__name__}.{name}")
                return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Let the name of an exchange be its class, as `__init__` does, and not its module."""
        if isinstance(value, ModuleType):
            value = vars(value).get(name, value)
        super().__setattr__(name, value)


def exchange_class(name: str) -> Any:
    """Return ccxt.pro's class of an exchange; raise ModuleNotFoundError where there is none."""
    try:
        return _class(name)
    except Exception as error:
        if not isinstance(sys.modules.get("ccxt"), _Package):
            raise
        _import_all(error)
        return _class(name)


read_json = msgspec.json.decode  # raises ValueError


def decompressed(client: Any, data: bytes) -> bytes:
    """Return a binary frame's data as a WebSocket client of ccxt's decompresses it."""
    functions: Any = importlib.import_module("ccxt.async_support.base.ws.functions")
    if client.gunzip:
        return functions.gunzip(data)  # type: ignore[no-any-return]
    return functions.inflate(data) if client.inflate else data


def exact_json() -> None:
    """Let ccxt's WebSocket clients read integers of any size: orjson makes floats beyond 2**64.

    https://github.com/ccxt/ccxt/blob/v4.5.90/python/ccxt/async_support/base/ws/client.py
    """
    client: Any = importlib.import_module("ccxt.async_support.base.ws.client")
    if not isinstance(client.json_parser, _ExactJson):
        client.json_parser = _ExactJson(client.json_parser.dumps)


def monotonic_throttle() -> None:
    """Let ccxt's throttle follow a clock that never steps: a step back would block all requests.

    https://github.com/ccxt/ccxt/blob/v4.5.90/python/ccxt/async_support/base/throttler.py
    """
    throttler: Any = importlib.import_module("ccxt.async_support.base.throttler")
    throttler.time = time.monotonic


class _ExactJson:
    """Replaces orjson in a module of ccxt's."""

    def __init__(self, dumps: Any) -> None:
        self.dumps = dumps
        self.loads = read_json


def _class(name: str) -> Any:
    return getattr(importlib.import_module(f"ccxt.pro.{name}"), name)


def _stand_in() -> Any:
    """Return `ccxt`; from here on its packages are replaced, if possible."""
    if "ccxt" not in sys.modules:
        try:
            for name in _EXCHANGE:
                _place(name)
            base = importlib.import_module(_EXCHANGE["ccxt"])
            sys.modules["ccxt"].__version__ = base.__version__  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001  another version may raise anything
            _import_all(error)
    return importlib.import_module("ccxt")


def _place(name: str) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"{name} is not a package")
    package = _Package(name)
    package.__spec__, package.__loader__, package.__file__ = spec, spec.loader, spec.origin
    package.__package__, package.__path__ = name, spec.submodule_search_locations
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)


def _import_all(error: Exception) -> None:
    """Import ccxt as it is; of the replacements only the error classes remain."""
    _log.warning("ccxt can't be imported in part; importing all of it", why=repr(error))
    errors = sys.modules.get(ERRORS)
    for name in [name for name in sys.modules if name.partition(".")[0] == "ccxt"]:
        del sys.modules[name]
    if errors is not None:
        sys.modules[ERRORS] = errors  # who catches them has these
    importlib.import_module("ccxt.pro")


ccxt = _stand_in()
