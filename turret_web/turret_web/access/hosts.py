"""Where requests may come from: the names under which this server is reached, and the sites whose pages may use it."""

from __future__ import annotations

import socket
from collections.abc import Container, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


def is_loopback(host: str) -> bool:
    """Say whether an address to listen on is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


class Hosts:
    """The names of this server. A request under any other name is refused, because that is what DNS rebinding makes.

    Addresses written as numbers cannot be rebound, so where the server listens wider than loopback all are good.
    """

    def __init__(self, host: str, more: Iterable[str]) -> None:
        """Make it.

        Args:
            host: address that the server listens on.
            more: further names.
        """
        self._host = host
        self._is_loopback = is_loopback(host)
        self._names = {'localhost', host.lower(), *(name.lower() for name in more)}
        if not self._is_loopback:
            name = socket.gethostname().lower()
            self._names |= {name, f'{name}.local'}

    def is_ours(self, header: str) -> bool:
        """Say whether a Host header names this server."""
        try:
            name = urlsplit(f'//{header}').hostname or ''
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            return ip_address(name).is_loopback or not self._is_loopback
        except ValueError:
            return False

    def public_name(self) -> str:
        """Return what to write into an address for others: the one on the network where every one is listened on."""
        if self._is_loopback or self._host not in ('', '0.0.0.0', '::'):
            return f'[{self._host}]' if ':' in self._host else self._host
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(('192.0.2.1', 9))  # sends nothing; the kernel chooses our address for the way out
            except OSError:
                return socket.gethostname()
            return str(probe.getsockname()[0])


def check_origin(origin: str, fetch_site: str, host: str, allowed: Container[str]) -> None:
    """Refuse requests that a page of another site sends.

    Args:
        origin: the Origin header; empty for programs other than browsers, and for some requests of browsers.
        fetch_site: the Sec-Fetch-Site header of newer browsers, which covers those too; empty = none.
        host: the Host header, already found to be ours.
        allowed: further origins, like ``https://robots.example``.

    Raises:
        TurretError: NOT_ALLOWED.
    """
    if origin:
        if origin not in allowed and urlsplit(origin).netloc.lower() != host.lower():
            raise TurretError(ReasonCode.NOT_ALLOWED, f'pages of {origin} may not use this server')
    elif fetch_site not in ('', 'same-origin', 'none'):
        raise TurretError(ReasonCode.NOT_ALLOWED, 'pages of other sites may not use this server')
