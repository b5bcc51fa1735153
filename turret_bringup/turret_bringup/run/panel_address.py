# SPDX-License-Identifier: Apache-2.0
"""HTTP address of the panel: free-port check, readiness probe and address lines."""

from __future__ import annotations

import errno
import getpass
import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_web.web_parameters import WebParameters

#: Port of the panel of the default namespace; the others get those that follow.
FIRST_PORT = 8000
_EVERYWHERE = ('', '0.0.0.0', '::')
_TIMEOUT_S = 0.5


def require_free(host: str, port: int) -> None:
    """Refuse an address that the panel cannot listen on.

    Raises:
        TurretError: the port is in use (ALREADY_EXISTS) or the address is not one of this machine (IO_ERROR).
    """
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno is None:
                raise TurretError(ReasonCode.IO_ERROR, f'"{host}" is not an address of this machine') from error
            if error.errno == errno.EADDRINUSE:
                raise TurretError(
                    ReasonCode.ALREADY_EXISTS,
                    f'port {port} is in use by another program; choose another with --port') from error
            raise TurretError(
                ReasonCode.IO_ERROR, f'cannot listen on {host} port {port}: {error.strerror}') from error


def first_free(host: str, ports: Sequence[int]) -> int:
    """Return the first port that the panel can listen on.

    Raises:
        TurretError: none is free (BUSY), or the address is not one of this machine (IO_ERROR).
    """
    for port in ports:
        try:
            require_free(host, port)
            return port
        except TurretError as error:
            if error.code is not ReasonCode.ALREADY_EXISTS:
                raise
    raise TurretError(ReasonCode.BUSY, 'no port of the panel is free: choose one with --port')


def is_reachable(host: str, port: int) -> bool:
    """Return whether the web gateway answers, with or without encryption."""
    # The certificate is not checked: nothing secret is sent, and a self-signed certificate is usual.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return _answers(http.client.HTTPConnection(_local(host), port, timeout=_TIMEOUT_S)) or _answers(
        http.client.HTTPSConnection(_local(host), port, timeout=_TIMEOUT_S, context=context))


def _answers(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.request('GET', '/healthz')
        connection.getresponse().read()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def addresses(host: str, port: int, environment: Mapping[str, str], tls: bool = False) -> list[str]:
    """Return the lines that show how to reach the panel.

    Args:
        host: address that the web gateway listens on.
        port: its port.
        environment: of the shell; ``SSH_CONNECTION`` indicates a user on another machine.
        tls: whether connections are encrypted.
    """
    local, scheme = _local(host), 'https' if tls else 'http'
    lines = [f'panel: {scheme}://{f"[{local}]" if ":" in local else local}:{port}/']
    if 'SSH_CONNECTION' in environment:
        server = environment['SSH_CONNECTION'].split()[2]
        if host in _EVERYWHERE:
            lines.append(f'from another device: {scheme}://{server}:{port}/')
        else:
            lines.append(
                f'from another device: ssh -L {port}:{local}:{port} {getpass.getuser()}@{server}, '
                f'then open {scheme}://127.0.0.1:{port}/ there')
    return lines


def sign_in(namespace: str, web: WebParameters, terminal: bool) -> list[str]:
    """Return the lines with the sign-in addresses, if a token is needed.

    Args:
        namespace: namespace of the turret.
        web: parameters of the web gateway.
        terminal: whether the lines are shown in a terminal only. A log must not contain tokens.
    """
    from turret_web.access.access import load_tokens, qr_code, sign_in_url, tokens_path
    from turret_web.access.hosts import Hosts, is_loopback

    if is_loopback(web.host):
        return []
    if not terminal:
        return ['sign in with a token: ./turret token show']
    tokens = load_tokens(tokens_path(namespace, web.tokens_file))
    base = f'{"https" if web.tls_certificate else "http"}://{Hosts(web.host, []).public_name()}:{web.port}'
    operators = sign_in_url(base, tokens.operator)
    return [f'for operators: {operators}', f'for viewers: {sign_in_url(base, tokens.viewer)}', qr_code(operators)]


def _local(host: str) -> str:
    return {'': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1'}.get(host, host)
