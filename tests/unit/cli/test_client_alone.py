"""The `feedd` command where only the client library is installed."""

import sys
from types import ModuleType

import pytest

from feedd.__main__ import main


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command import a package that is not installed."""

    def run() -> int:
        import feedd_has_no_such_dependency  # noqa: F401, PLC0415  # type: ignore[import-not-found]

        raise AssertionError

    command = ModuleType("feedd.cli.main")
    monkeypatch.setattr(command, "main", run, raising=False)
    monkeypatch.setitem(sys.modules, "feedd.cli.main", command)


@pytest.mark.usefixtures("missing")
def test_one_line_names_the_missing_package_and_the_extra(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main() == 69
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        "feedd: the package feedd_has_no_such_dependency is missing; install the commands with "
        "what they need: pip install 'feedd[server]'\n"
    )


def test_a_missing_module_of_feedd_itself_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "feedd.cli.main", None)
    with pytest.raises(ModuleNotFoundError):
        main()
