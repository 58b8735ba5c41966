"""The tree of feedd's errors; the class decides whether to retry or to stop.

`FeeddError`
    `FinalError`               stop: a retry changes nothing, the process ends with `exit_code`
        `ConfigError`          78, EX_CONFIG
            `DeploymentError`  78, raised by a stream that reports nothing
        `CredentialsError`     77, EX_NOPERM
        `RestrictedError`      77
        `EndpointInUseError`   69, EX_UNAVAILABLE
        `UnknownSymbolError`   65, EX_DATAERR
    `SourceError`              retry: the exchange is unreachable or faulty, reconnect without end
        `NoPageError`          retry: the exchange's address has not the page of its markets
        `LimitError`           retry after `retry_after_s`: this machine's budget is exhausted

The exit codes are those of sysexits.h. supervisord restarts no process that ends with one.
"""

from __future__ import annotations


class FeeddError(Exception):
    """Base of all errors that feedd raises on purpose. The text names the remedy."""


class FinalError(FeeddError):
    """Stop: only a person can remove the cause."""

    exit_code = 70  # EX_SOFTWARE


class ConfigError(FinalError):
    """Missing, unreadable or contradictory configuration."""

    exit_code = 78


class DeploymentError(ConfigError):
    """Endpoint at which only deployments other than the required one publish."""


class CredentialsError(FinalError):
    """API key that the exchange rejects, or that is only half set."""

    exit_code = 77


class RestrictedError(FinalError):
    """Location that the exchange does not serve."""

    exit_code = 77


class EndpointInUseError(FinalError):
    """Address that another process still holds after all retries."""

    exit_code = 69


class UnknownSymbolError(FinalError):
    """Symbol that the exchange does not list."""

    exit_code = 65


class SourceError(FeeddError):
    """Retry: a fault of the exchange or of the network; the source reconnects."""


class NoPageError(SourceError):
    """HTTP 404 for the page of the markets: a wrong address, or a proxy that is being set up."""


class LimitError(SourceError):
    """Exhausted or locked budget of the machine's workers; no request was sent."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


FINAL_EXIT_CODES = tuple(sorted({error.exit_code for error in FinalError.__subclasses__()}))
