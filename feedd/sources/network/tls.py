"""Certificates that connections to exchanges trust, and the reason of one that is refused.

By default these are the public authorities of certifi. SSL_CERT_FILE replaces them and
SSL_CERT_DIR adds to them, as for any program with OpenSSL; the setting `ca_file` adds to them.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from feedd.config.network import PORTS, check_ca_file
from feedd.errors import ConfigError, FeeddError
from feedd.sources.error_texts import one_line

if TYPE_CHECKING:
    from feedd.config.network import Network
    from feedd.sources.network.dial import Dialer

PROBE_WITHIN_S = 5.0
# X509_V_ERR_… of openssl/x509_vfy.h
NOT_YET_VALID, EXPIRED, OTHER_NAMES = 9, 10, (62, 64)


class Certificate(NamedTuple):
    """What a reason names of a certificate."""

    issuer: str
    not_before: datetime
    not_after: datetime


def tls_for(url: str, network: Network) -> ssl.SSLContext | None:
    """Return the context of all connections of a feed; None for a URL without TLS."""
    return tls_context(network) if url.startswith("https:") else None


def tls_context(network: Network) -> ssl.SSLContext:
    """Return a context with the certificates that a network trusts.

    Raises ConfigError for certificates that can't be read.
    """
    import certifi  # noqa: PLC0415  only the live setting needs it

    file, folder = (network.variables.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if file and (unfit := check_ca_file(file)):
        raise ConfigError(f"SSL_CERT_FILE: {unfit}")
    if folder and not Path(folder).is_dir():
        raise ConfigError(f"SSL_CERT_DIR: {folder} is not a folder")
    context = ssl.create_default_context(cafile=file or certifi.where(), capath=folder or None)
    if network.ca_file is not None:
        if unfit := check_ca_file(network.ca_file):
            raise ConfigError(f"ca_file: {unfit}")
        context.load_verify_locations(cafile=network.ca_file)
    return context


async def refused_certificate(dialer: Dialer, url: str, error: ssl.SSLCertVerificationError) -> str:
    """Return the reason of a refused certificate; it is requested once more, for its issuer."""
    host = urlsplit(url).hostname or ""
    try:
        async with asyncio.timeout(PROBE_WITHIN_S):
            certificate = await _certificate(dialer, url, host)
    except (OSError, FeeddError, ValueError, TimeoutError):
        certificate = None
    return certificate_text(host, error, certificate, datetime.now(UTC))


def certificate_text(
    host: str, error: ssl.SSLCertVerificationError, certificate: Certificate | None, now: datetime
) -> str:
    """Return why a host's certificate is not accepted, and the remedy."""
    code = error.verify_code
    issued = "" if certificate is None else f", issued by {certificate.issuer},"
    about = f"the certificate of {host}{issued}"
    # Where the host's own certificate is in time, it is an issuer's that is not.
    own = certificate is None or not certificate.not_before <= now <= certificate.not_after
    if code == NOT_YET_VALID and own:
        since = "" if certificate is None else f" before {_shown(certificate.not_before)}"
        return f"{about} is not valid{since}, and it is {_shown(now)}: check this machine's clock"
    if code == EXPIRED and own:
        since = "" if certificate is None else f" on {_shown(certificate.not_after)}"
        return f"{about} expired{since}, and it is {_shown(now)}: check this machine's clock"
    if code in OTHER_NAMES:
        return f"{about} is for another host ({one_line(error.verify_message)})"
    return (
        f"{about} is not trusted ({one_line(error.verify_message)}); if a proxy or firewall of "
        "your network issues it, name its CA certificate: ca_file: FILE, or SSL_CERT_FILE"
    )


async def _certificate(dialer: Dialer, url: str, host: str) -> Certificate:
    """Return the certificate that a host presents; no request is sent."""
    from cryptography import x509  # noqa: PLC0415  200 ms, and only where TLS fails

    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    parts = urlsplit(url)
    port = parts.port or PORTS[parts.scheme]
    connected = await dialer.connect(url, host, port, PROBE_WITHIN_S)
    try:
        _, writer = await asyncio.open_connection(
            sock=connected, ssl=unverified, server_hostname=host
        )
    except BaseException:
        connected.close()
        raise
    try:
        session = writer.get_extra_info("ssl_object")
        presented = x509.load_der_x509_certificate(session.getpeercert(binary_form=True))
    finally:
        writer.transport.abort()
    names = [str(attribute.value) for attribute in presented.issuer]
    return Certificate(
        one_line(", ".join(names)) or "nobody",
        presented.not_valid_before_utc,
        presented.not_valid_after_utc,
    )


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
