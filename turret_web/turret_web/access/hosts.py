# SPDX-License-Identifier: Apache-2.0
"""Checks of the Host and Origin headers, against DNS rebinding and requests from pages of other sites."""

from __future__ import annotations

import re
import socket
from collections.abc import Container, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: A Host header: a name, an IPv4 address or an IPv6 address in brackets, with or without a port.
_HOST = re.compile(r'([\w.-]+|\[[0-9A-Fa-f:.]+(?:%\w+)?\])(?::\d{1,5})?', re.ASCII)
#: Addresses to listen on that mean all addresses of this machine.
ALL_ADDRESSES = ('', '0.0.0.0', '::')


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is reachable from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == 'localhost'


class Hosts:
    """Host names of this server. Requests under other names are refused, because DNS rebinding causes such requests.

    Numeric addresses cannot be rebound, so all of them are accepted if the server listens beyond loopback.
    """

    def __init__(self, host: str, more: Iterable[str]) -> None:
        """Create the check.

        Args:
            host: address to listen on.
            more: further names.
        """
        self._host = host
        self._is_loopback = is_loopback(host)
        self._names = {'localhost', host.lower(), *(name.lower() for name in more)}
        if not self._is_loopback:
            name = socket.gethostname().lower()
            self._names |= {name, f'{name}.local'}

    def is_ours(self, header: str) -> bool:
        """Return whether a Host header names this server."""
        match = _HOST.fullmatch(header)
        if match is None:
            return False
        name = match[1].strip('[]').lower()
        if name in self._names:
            return True
        try:
            return ip_address(name).is_loopback or not self._is_loopback
        except ValueError:
            return False

    def public_name(self) -> str:
        """Return the host name for URLs: the address on the network if the server listens on all addresses."""
        if self._is_loopback or self._host not in ALL_ADDRESSES:
            return f'[{self._host}]' if ':' in self._host else self._host
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(('192.0.2.1', 9))  # sends nothing; the kernel chooses the outgoing address
            except OSError:
                return socket.gethostname()
            return str(probe.getsockname()[0])


def check_origin(origin: str, fetch_site: str, host: str, allowed: Container[str]) -> None:
    """Check that a request does not come from a page of another site.

    Args:
        origin: the Origin header; empty for programs other than browsers, and for some requests of browsers.
        fetch_site: the Sec-Fetch-Site header of newer browsers, which covers those too; empty = none.
        host: the Host header, already checked.
        allowed: further origins, like ``https://robots.example``.

    Raises:
        TurretError: NOT_ALLOWED.
    """
    if origin:
        if origin not in allowed and _netloc(origin) != host.lower():
            raise TurretError(ReasonCode.NOT_ALLOWED, f'pages of {origin:.100} may not use this server')
    elif fetch_site not in ('', 'same-origin', 'none'):
        raise TurretError(ReasonCode.NOT_ALLOWED, 'pages of other sites may not use this server')


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ''
