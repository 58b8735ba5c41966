"""Every error that feedd raises, and the answer to what follows from it.

`FeeddError`
    `FinalError`               trying again changes nothing: the process ends with `exit_code`
        `ConfigError`          78, EX_CONFIG
        `CredentialsError`     77, EX_NOPERM
        `EndpointInUseError`   69, EX_UNAVAILABLE
        `UnknownSymbolError`   65, EX_DATAERR
    `SourceError`              the exchange is away or misbehaves: connect again, for ever
        `LimitError`           what this machine may ask is used up: not before `retry_after_s`

The exit codes are those of sysexits.h; supervisord restarts none of them.
"""

from __future__ import annotations


class FeeddError(Exception):
    """The base of all errors that feedd raises on purpose; its text says what to do."""


class FinalError(FeeddError):
    """An error that ends the process: only a person can mend its cause."""

    exit_code = 70  # EX_SOFTWARE


class ConfigError(FinalError):
    """The configuration is missing, unreadable or impossible."""

    exit_code = 78


class CredentialsError(FinalError):
    """The exchange refuses the API key, or half of one is set."""

    exit_code = 77


class EndpointInUseError(FinalError):
    """Another process holds the address, and still does after the retries."""

    exit_code = 69


class UnknownSymbolError(FinalError):
    """The exchange does not list the symbol."""

    exit_code = 65


class SourceError(FeeddError):
    """A fault of the exchange or of the way to it; the source connects again."""


class LimitError(SourceError):
    """What all workers of this machine share is used up, or held; nothing was asked."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


FINAL_EXIT_CODES = tuple(sorted(error.exit_code for error in FinalError.__subclasses__()))
