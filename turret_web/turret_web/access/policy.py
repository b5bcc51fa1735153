"""Who may do what. Nothing passes that is not listed.

Names in the lists are patterns of :mod:`fnmatch`; those without a leading slash are relative to the turret's namespace.
An operator may do whatever a viewer may.
"""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Iterable
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.web_parameters import AccessParameters


class Role(str, enum.Enum):
    """What a session may do."""

    VIEWER = 'viewer'
    OPERATOR = 'operator'


class Names:
    """A list of patterns as one regular expression."""

    def __init__(self, namespace: str, patterns: Iterable[str]) -> None:
        absolute = (pattern if pattern.startswith('/') else f'{namespace}/{pattern}' for pattern in patterns)
        text = '|'.join(fnmatch.translate(pattern) for pattern in absolute)
        self._expression = re.compile(text) if text else None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._expression is not None and self._expression.match(name) is not None


class Policy:
    """Decides by role and name. Every method raises NOT_ALLOWED with one clear sentence, or returns."""

    def __init__(self, namespace: str, lists: AccessParameters) -> None:
        self._readable = Names(namespace, lists.topics)
        self._writable = Names(namespace, lists.operator_topics)
        self._services = {
            Role.VIEWER: Names(namespace, lists.viewer_services),
            Role.OPERATOR: Names(namespace, (*lists.viewer_services, *lists.operator_services)),
        }
        self._operator_actions = Names(namespace, lists.operator_actions)
        self._offers = Names(namespace, lists.operator_offers)
        self._parameters = Names(namespace, lists.parameters)

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
        action, inside_action, _ = service.partition('/_action/')
        if inside_action:
            self.check_action(role, action)
            return
        node, _, verb = service.rpartition('/')
        if verb in ('set_parameters', 'set_parameters_atomically'):
            self._check_set_parameters(role, node, args)
        elif service not in self._services[Role.OPERATOR]:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'service {service} is not among those that may be called')
        elif service not in self._services[role]:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'only an operator may call {service}')

    def check_action(self, role: Role, action: str) -> None:
        """Refuse an action that is not listed, or a viewer: every action moves something."""
        if action not in self._operator_actions:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'action {action} is not among those that may be used')
        if role is not Role.OPERATOR:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'only an operator may use {action}')

    def check_offer(self, role: Role, name: str) -> None:
        """Refuse to offer a service or an action that is not listed, or as a viewer."""
        if name not in self._offers:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'{name} is not among the services and actions to be offered')
        if role is not Role.OPERATOR:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'only an operator may offer {name}')

    def is_visible(self, topic: str) -> bool:
        """Say whether somebody might read or publish a topic."""
        return topic in self._readable or topic in self._writable

    def is_callable(self, service: str) -> bool:
        """Say whether somebody might call a service."""
        return service in self._services[Role.OPERATOR]

    def is_harmless(self, service: str) -> bool:
        """Say whether everybody may call a service."""
        return service in self._services[Role.VIEWER]

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

