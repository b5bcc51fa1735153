"""Encryption: the user's certificate, or one that is made here and signed by nobody."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.state_dir import write_atomically

#: The value of the parameter ``tls_certificate`` that asks for a certificate of our own.
SELF_SIGNED = 'self-signed'

_VALID = datetime.timedelta(days=3650)


def make_context(certificate: str, key: str, own: Path) -> ssl.SSLContext | None:
    """Return what encrypts connections; None where nothing should.

    Args:
        certificate: path of a PEM file, :data:`SELF_SIGNED`, or empty for no encryption.
        key: path of the key's PEM file; empty where the certificate's file holds it.
        own: where our own certificate is kept, with its key.

    Raises:
        TurretError: IO_ERROR, the files cannot be read or do not go together.
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


def _make_certificate() -> bytes:
    """Return a new key and its certificate, as PEM."""
    from cryptography import x509  # only where it is asked for
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host[:64])])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(
            [x509.DNSName(name) for name in (host, f'{host}.local', 'localhost')]), critical=False)
        .sign(key, hashes.SHA256()))
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
