"""HTTP address of the panel: free-port check, readiness probe and address lines."""

from __future__ import annotations

import errno
import getpass
import http.client
import socket
from collections.abc import Mapping

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_EVERYWHERE = ('', '0.0.0.0', '::')


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


def is_reachable(host: str, port: int) -> bool:
    """Return whether the web gateway answers."""
    connection = http.client.HTTPConnection(_local(host), port, timeout=0.2)
    try:
        connection.request('GET', '/healthz')
        connection.getresponse().read()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def addresses(host: str, port: int, environment: Mapping[str, str]) -> list[str]:
    """Return the lines that show how to reach the panel.

    Args:
        host: address that the web gateway listens on.
        port: its port.
        environment: of the shell; ``SSH_CONNECTION`` indicates a user on another machine.
    """
    local = _local(host)
    lines = [f'panel: http://{f"[{local}]" if ":" in local else local}:{port}/']
    if 'SSH_CONNECTION' in environment:
        server = environment['SSH_CONNECTION'].split()[2]
        if host in _EVERYWHERE:
            lines.append(f'from another device: http://{server}:{port}/')
        else:
            lines.append(
                f'from another device: ssh -L {port}:{local}:{port} {getpass.getuser()}@{server}, '
                f'then open http://127.0.0.1:{port}/ there')
    return lines


def _local(host: str) -> str:
    return {'': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1'}.get(host, host)
