"""One exchange of ccxt.pro is imported alone and equals the one in the whole of ccxt.

`make test-ccxt-latest` runs these against the newest ccxt.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# A description of the class of each exchange, by name.
DESCRIBED = """
def described(classes):
    return {
        name: [
            [f"{base.__module__}.{base.__qualname__}" for base in its.__mro__],
            sorted(dir(its)),
            repr(its().describe()),
        ]
        for name, its in classes.items()
    }
"""


def fresh(code: str, *arguments: str, path: Path | None = None) -> Any:
    """Run code in a new Python process; return the last line of its output."""
    ran = subprocess.run(
        [sys.executable, "-c", "import json, sys\n" + DESCRIBED + code, *arguments],
        capture_output=True, text=True, timeout=200, check=False,
        env=None if path is None else {"PYTHONPATH": str(path)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def ccxt_folder() -> Path:
    spec = importlib.util.find_spec("ccxt")
    return Path(str(spec and spec.origin)).parent


@pytest.mark.process
def test_a_source_loads_no_other_exchange() -> None:
    loaded = fresh("""
from feedd.sources.ccxt.source import CcxtSource
CcxtSource("binanceusdm", "BTC/USDT:USDT", ("ticker",))
print(json.dumps([name for name in sys.modules if name.startswith("ccxt.")]))
""")
    exchanges = [name for name in loaded if ".base" not in name and ".abstract" not in name]
    assert sorted(exchanges) == [
        "ccxt.async_support", "ccxt.async_support.binance", "ccxt.async_support.binanceusdm",
        "ccxt.pro", "ccxt.pro.binance", "ccxt.pro.binanceusdm",
    ]  # fmt: skip


@pytest.mark.process
def test_every_exchange_is_the_class_that_all_of_ccxt_has(ccxt_folder: Path) -> None:
    names = sorted(path.stem for path in Path(ccxt_folder, "pro").glob("[a-z]*.py"))
    assert len(names) > 50
    code = "print(json.dumps(described({name: exchange(name) for name in sys.argv[1:]})))"
    alone = fresh(
        f"""
from feedd.sources.ccxt import lean_import
exchange = lean_import.exchange_class
def everything(error): raise error
lean_import._import_all = everything
{code}""",
        *names,
    )
    among_all = fresh(f"import ccxt.pro\nexchange = vars(ccxt.pro).get\n{code}", *names)
    for name in names:
        assert alone[name] == among_all[name], name


@pytest.mark.process
def test_where_ccxt_has_changed_all_of_it_is_imported_with_the_same_errors(
    ccxt_folder: Path, tmp_path: Path
) -> None:
    """Modules that need what only the package's own `__init__` has can't be imported alone."""
    changed = tmp_path / "ccxt" / "pro"
    changed.mkdir(parents=True)
    for folder, copy in (ccxt_folder / "pro", changed), (ccxt_folder, changed.parent):
        for path in folder.iterdir():
            if path != ccxt_folder / "pro":
                (copy / path.name).symlink_to(path)
    for name, line in {
        "__init__.py": "moved = 1", "binanceusdm.py": "from ccxt.pro import moved",
    }.items():  # fmt: skip
        (changed / name).unlink()
        (changed / name).write_text(f"{line}\n{(ccxt_folder / 'pro' / name).read_text()}")
    found = fresh(
        """
import structlog
log = structlog.testing.capture_logs()
from feedd.sources.ccxt import error_translation as ccxt_errors
with log as lines:
    from feedd.sources.ccxt.lean_import import exchange_class
    its = [exchange_class("binanceusdm"), exchange_class("bybit")]
import ccxt.pro
from ccxt.async_support.base.ws import client
errors = (ccxt, ccxt.pro, ccxt.async_support, client, ccxt_errors.ccxt)
print(json.dumps([
    ccxt.__file__,
    its == [ccxt.pro.binanceusdm, ccxt.pro.bybit],
    len({id(module.NetworkError) for module in errors}),
    len(ccxt.pro.exchanges) > 50,
    [line["log_level"] for line in lines],
]))
""",
        path=tmp_path,
    )
    assert found == [str(changed.parent / "__init__.py"), True, 1, True, ["warning"]]
