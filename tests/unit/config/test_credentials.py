"""Keys that no exchange gave out are found before the first request, without quoting them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from feedd.config.credentials import (
    credential_names,
    credentials,
    unread_variables,
    with_blanks_around,
)
from feedd.config.environment import read_environment
from feedd.errors import ConfigError, CredentialsError
from feedd.runtime.secrets import Redactor

KEY = "kZ7Qm2Xw9Lp4Rt6Vb8Nc1Yd3Fg5Hj0SaKZ7QM2XW9LP4RT6VB8NC1YD3FG5HJ0SA"
SECRET = KEY[::-1]
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----"


def binance(key: str, secret: str = SECRET) -> dict[str, str]:
    return {"BINANCE_API_KEY": key, "BINANCE_SECRET": secret}


@pytest.mark.parametrize(
    ("exchange", "prefix"),
    [
        ("binance", "BINANCE"), ("binanceusdm", "BINANCE"), ("binancecoinm", "BINANCE"),
        ("binanceus", "BINANCE"), ("bybit", "BYBIT"), ("okx", "OKX"),
    ],
)  # fmt: skip
def test_all_markets_of_binance_share_the_names_of_the_keys(exchange: str, prefix: str) -> None:
    names = (f"{prefix}_API_KEY", f"{prefix}_SECRET")
    assert credential_names(exchange) == names
    assert credentials(exchange, dict(zip(names, ("key", "secret"), strict=True))) == (
        "key", "secret",
    )  # fmt: skip


def test_half_of_a_key_is_refused() -> None:
    with pytest.raises(CredentialsError, match="BINANCE_API_KEY is set and BINANCE_SECRET is not"):
        credentials("binanceusdm", {"BINANCE_API_KEY": "x"})
    assert credentials("binanceusdm", {}) is None
    both = {"BYBIT_API_KEY": "key", "BYBIT_SECRET": "secret"}
    assert credentials("bybit", both) == ("key", "secret")


@pytest.mark.parametrize("blank", ["\n", "\r\n", "\t", " ", "\u00a0", "\u2028"])
def test_blanks_around_a_key_are_removed_and_its_variable_is_named(blank: str) -> None:
    given = binance(f"{blank}{KEY}{blank}")
    assert credentials("binance", given) == (KEY, SECRET)
    assert with_blanks_around("binance", given) == ["BINANCE_API_KEY"]
    assert with_blanks_around("binance", binance(KEY)) == []


@pytest.mark.parametrize(
    ("inserted", "named"),
    [
        ("\n", "a line break (U+000A)"),
        ("\r", "a carriage return (U+000D)"),
        ("\t", "a tab (U+0009)"),
        (" ", "a space (U+0020)"),
        ("\u00a0", "no-break space (U+00A0)"),
        ("\u200b", "zero width space (U+200B)"),
        ("\ufeff", "a byte order mark (U+FEFF)"),
        ("\u202c", "pop directional formatting (U+202C)"),
        ("\x1b", "a control character (U+001B)"),
        ("\u0410", "cyrillic capital letter a (U+0410)"),
        ("\udcff", "a byte that is not UTF-8 (0xFF)"),
    ],
)
@pytest.mark.parametrize("variable", ["BINANCE_API_KEY", "BINANCE_SECRET"])
def test_a_character_of_no_key_is_final_and_named_without_the_value(
    variable: str, inserted: str, named: str
) -> None:
    given = {**binance(KEY), variable: KEY[:9] + inserted + KEY[9:]}
    with pytest.raises(CredentialsError) as caught:
        credentials("binance", given)
    text = str(caught.value)
    assert text.startswith(f"{variable} contains {named}, which no key contains; correct it")
    assert "\n" not in text
    assert KEY[:9] not in text
    assert KEY[9:] not in text
    assert caught.value.exit_code == 77


@pytest.mark.parametrize("inserted", ["\u200b", "\ufeff"])
def test_an_invisible_character_at_the_end_of_a_key_is_no_blank(inserted: str) -> None:
    with pytest.raises(CredentialsError, match="BINANCE_API_KEY contains"):
        credentials("binance", binance(KEY + inserted))


@pytest.mark.parametrize("value", [f'"{KEY}"', f"'{KEY}'", f"{KEY}'", f'"{KEY}'])
def test_a_key_in_quotes_is_refused(value: str) -> None:
    with pytest.raises(CredentialsError, match="begins or ends with a quotation mark"):
        credentials("binance", binance(value))


@pytest.mark.parametrize(
    "value",
    ["changeme", "CHANGE_ME", "your_api_key", "YOUR-KEY-HERE", "<key>", "${KEY}", "$KEY", "xxxxxxx",
     "********", "todo", "None", "BINANCE_API_KEY", "my_api_key", "insert-here"],
)  # fmt: skip
def test_a_placeholder_is_no_key(value: str) -> None:
    with pytest.raises(CredentialsError, match="BINANCE_API_KEY has a placeholder as its value"):
        credentials("binance", binance(value))


def test_a_variable_with_its_own_name_in_its_value_is_refused() -> None:
    with pytest.raises(CredentialsError, match="contains its own name"):
        credentials("binance", binance(f"BINANCE_API_KEY={KEY}"))


def test_a_key_pasted_into_both_variables_is_refused() -> None:
    with pytest.raises(CredentialsError, match="have the same value"):
        credentials("binance", binance(KEY, KEY))


def test_a_secret_may_be_a_pem_block() -> None:
    assert credentials("binance", binance(KEY, PEM + "\n")) == (KEY, PEM)


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_an_empty_key_counts_as_unset(value: str) -> None:
    assert credentials("binance", binance(value, value)) is None
    with pytest.raises(CredentialsError, match="BINANCE_SECRET is set and BINANCE_API_KEY is not"):
        credentials("binance", binance(value))


def dotenv(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> dict[str, str]:
    monkeypatch.chdir(folder)
    for name in credential_names("binance"):
        monkeypatch.delenv(name, raising=False)
    (folder / ".env").write_bytes(content)
    (folder / ".env").chmod(0o600)
    return read_environment()


def test_a_byte_order_mark_of_a_file_is_no_part_of_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = f"\ufeffBINANCE_API_KEY='{KEY}'\r\nexport BINANCE_SECRET={SECRET}\r\n".encode()
    read = dotenv(tmp_path, monkeypatch, content)
    assert credentials("binance", read) == (KEY, SECRET)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"# of Binance\n\nA=1\nBINANCE_API_KEY: K3y\n", ".env:4: is not NAME=value"),
        (b"A=1\n\nBINANCE_API_KEY='K3y\n", ".env:3: is not NAME=value"),
        ("A=1\nBINANCE_API_KEY\u200b=K3y\n".encode(), ".env:2: the name before ="),
        ("A=1\nB=2\n".encode("utf-16"), ".env: contains NUL bytes, as UTF-16 does"),
    ],
)
def test_a_line_of_dotenv_that_is_not_read_as_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, error: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        dotenv(tmp_path, monkeypatch, content)
    assert error in str(caught.value)
    assert "K3y" not in str(caught.value)


def test_bytes_of_dotenv_that_are_not_utf8_are_named_with_their_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"BINANCE_API_KEY=abcdef\xe9\nBINANCE_SECRET=ghijkl\n"
    with pytest.raises(CredentialsError, match=r"BINANCE_API_KEY .* not UTF-8 \(0xE9\)"):
        credentials("binance", dotenv(tmp_path, monkeypatch, content))


def test_a_secret_of_bytes_that_are_not_utf8_is_redacted() -> None:
    redactor = Redactor()
    redactor.register({"BINANCE_SECRET": os.fsdecode(b"abcdef\xff")})
    assert redactor.redact("with abcdef%FF and abcdef\udcff") == "with … and …"


def test_a_variable_with_another_name_than_the_keys_is_named() -> None:
    given = {"BINANCE_API_KEY": KEY, "BINANCE_API_SECRET": SECRET, "BINANCE_URL": "x"}
    with pytest.raises(CredentialsError, match=r"is not \(BINANCE_API_SECRET is not read\)"):
        credentials("binance", given)
    both = {"BINANCEUSDM_API_KEY": KEY, "BINANCE_SECRET_KEY": SECRET, "BYBIT_KEY": "x"}
    assert unread_variables("binanceusdm", both) == ["BINANCEUSDM_API_KEY", "BINANCE_SECRET_KEY"]
    assert unread_variables("binance", binance(KEY)) == []
