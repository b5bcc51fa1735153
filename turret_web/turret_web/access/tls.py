# SPDX-License-Identifier: Apache-2.0
"""TLS: a certificate of the user, or a self-signed one that is created here."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.paths import state_dir, write_atomically
from turret_common.reason_codes import ReasonCode

#: The value of the parameter ``tls_certificate`` that requests a self-signed certificate.
SELF_SIGNED = 'self-signed'

_VALID_DAYS = 3650


def own_certificate(namespace: str) -> Path:
    """Return the file of the self-signed certificate of a turret, with its key."""
    return state_dir(namespace) / 'web.pem'


def make_context(certificate: str, key: str, own: Path) -> ssl.SSLContext | None:
    """Return the TLS context for connections; None for no encryption.

    Args:
        certificate: path of a PEM file, :data:`SELF_SIGNED`, or empty for no encryption.
        key: path of the key's PEM file; empty if the certificate's file holds it.
        own: path of the self-signed certificate with its key.

    Raises:
        TurretError: IO_ERROR, the files cannot be read or do not match, or no certificate can be created.
    """
    if not certificate:
        return None
    if certificate == SELF_SIGNED:
        if not own.exists():
            write_atomically(own, _make_certificate())
        certificate, key = str(own), ''
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(Path(certificate).expanduser(), Path(key).expanduser() if key else None)
    except (OSError, ssl.SSLError) as error:
        raise TurretError(ReasonCode.IO_ERROR, f'certificate {certificate}: {error}') from error
    return context


def fingerprint(certificate: str, own: Path) -> str:
    """Return the SHA-256 of the certificate that :func:`make_context` uses, in hexadecimal; empty = no encryption."""
    if not certificate:
        return ''
    text = (own if certificate == SELF_SIGNED else Path(certificate).expanduser()).read_text()
    first = text[text.index('-----BEGIN CERT'):].partition(ssl.PEM_FOOTER)[0] + ssl.PEM_FOOTER
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


def _make_certificate() -> bytes:
    """Return a new key and its certificate, as PEM."""
    host = socket.gethostname()
    names = ','.join(f'DNS:{name}' for name in (host, f'{host}.local', 'localhost'))
    command = [
        'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
        '-days', str(_VALID_DAYS), '-subj', f'/CN={host[:64]}', '-addext', f'subjectAltName={names}',
        '-keyout', '-', '-out', '-']
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise TurretError(
            ReasonCode.IO_ERROR, f'no certificate could be created (is openssl installed?): {error}') from error
