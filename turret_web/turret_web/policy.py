"""Who may do what. Nothing passes that is not listed.

Names in the lists are patterns of :mod:`fnmatch`; those without a leading slash are relative to the turret's namespace.
An operator may do whatever a viewer may.
"""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Container, Iterable
from typing import Any
from urllib.parse import urlsplit

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.web_parameters import AccessParameters


class Role(str, enum.Enum):
    """What a session may do."""

    VIEWER = 'viewer'
    OPERATOR = 'operator'


class _Names:
    """A list of patterns as one regular expression."""

    def __init__(self, namespace: str, patterns: Iterable[str]) -> None:
        absolute = (pattern if pattern.startswith('/') else f'{namespace}/{pattern}' for pattern in patterns)
        text = '|'.join(fnmatch.translate(pattern) for pattern in absolute)
        self._expression = re.compile(text) if text else None

    def __contains__(self, name: str) -> bool:
        return self._expression is not None and self._expression.match(name) is not None


class Policy:
    """Decides by role and name. Every method raises NOT_ALLOWED with one clear sentence, or returns."""

    def __init__(self, namespace: str, lists: AccessParameters) -> None:
        self._readable = _Names(namespace, lists.topics)
        self._writable = _Names(namespace, lists.operator_topics)
        self._services = {
            Role.VIEWER: _Names(namespace, lists.viewer_services),
            Role.OPERATOR: _Names(namespace, (*lists.viewer_services, *lists.operator_services)),
        }
        self._parameters = _Names(namespace, lists.parameters)

    def check_subscribe(self, topic: str) -> None:
        """Refuse to subscribe to what is not listed."""
        if topic not in self._readable:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'topic {topic} is not among those that may be read')

    def check_publish(self, role: Role, topic: str) -> None:
        """Refuse to publish what is not listed, or as a viewer."""
        if topic not in self._writable:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'topic {topic} is not among those that may be published')
        if role is not Role.OPERATOR:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'only an operator may publish {topic}')

    def check_call(self, role: Role, service: str, args: Any) -> None:
        """Refuse a service that is not listed for the role; writing parameters, unless every one of them is listed."""
        node, _, verb = service.rpartition('/')
        if verb in ('set_parameters', 'set_parameters_atomically'):
            self._check_set_parameters(role, node, args)
        elif service not in self._services[Role.OPERATOR]:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'service {service} is not among those that may be called')
        elif service not in self._services[role]:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'only an operator may call {service}')

    def _check_set_parameters(self, role: Role, node: str, args: Any) -> None:
        if role is not Role.OPERATOR:
            raise TurretError(ReasonCode.NOT_ALLOWED, 'only an operator may change parameters')
        changes = args.get('parameters') if isinstance(args, dict) else None
        if not isinstance(changes, list):
            raise TurretError(ReasonCode.INVALID_ARGUMENT, 'parameters: expected a list')
        for change in changes:
            name = change.get('name') if isinstance(change, dict) else None
            if not isinstance(name, str) or f'{node}:{name}' not in self._parameters:
                raise TurretError(ReasonCode.NOT_ALLOWED, f'parameter {name} of {node} may not be changed from here')


def check_host(header: str | None, hosts: Container[str | None]) -> None:
    """Refuse a request whose Host names anybody but us, which is what DNS rebinding does.

    Args:
        header: the Host header.
        hosts: names and addresses that are ours, in lower case, without port; IPv6 without brackets.

    Raises:
        TurretError: NOT_ALLOWED.
    """
    try:
        name = urlsplit(f'//{header or ""}').hostname
    except ValueError:
        name = None
    if name not in hosts:
        raise TurretError(ReasonCode.NOT_ALLOWED, f'this server does not answer for the host "{header or ""}"')


def check_origin(origin: str | None, fetch_site: str | None, host: str | None, allowed: Container[str | None]) -> None:
    """Refuse requests that a page of another site sends.

    Args:
        origin: the Origin header; programs other than browsers send none.
        fetch_site: the Sec-Fetch-Site header of newer browsers, which also covers requests without Origin.
        host: the Host header, already checked.
        allowed: further origins, like ``https://robots.example``.

    Raises:
        TurretError: NOT_ALLOWED.
    """
    if origin in allowed:
        return
    if origin is not None:
        if urlsplit(origin).netloc.lower() != (host or '').lower():
            raise TurretError(ReasonCode.NOT_ALLOWED, f'pages of {origin} may not use this server')
    elif fetch_site not in (None, 'same-origin', 'none'):
        raise TurretError(ReasonCode.NOT_ALLOWED, 'pages of other sites may not use this server')
