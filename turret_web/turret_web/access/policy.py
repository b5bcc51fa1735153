# SPDX-License-Identifier: Apache-2.0
"""Access rules: which role may use which names. Names that are not listed may not be used.

Names in the lists are patterns of :mod:`fnmatch`; those without a leading slash are relative to the namespace of the
turret. An operator may do everything that a viewer may.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from turret_common.errors import TurretError
from turret_common.name_patterns import NamePatterns
from turret_common.reason_codes import ReasonCode
from turret_web.web_parameters import AccessParameters


class Role(str, enum.Enum):
    """Role of a session."""

    VIEWER = 'viewer'
    OPERATOR = 'operator'


class Use(enum.Enum):
    """Kinds of use that a client makes of a name."""

    SUBSCRIBE = enum.auto()
    PUBLISH = enum.auto()
    CALL = enum.auto()
    CALL_AS_OPERATOR = enum.auto()
    SEND_GOAL = enum.auto()
    OFFER = enum.auto()
    SET_PARAMETER = enum.auto()


#: Separates the name of an action from those of its topics and services.
_INSIDE_ACTION = '/_action/'
_PROVIDING = (Use.PUBLISH, Use.OFFER)


@dataclass(frozen=True)
class Rule:
    """Condition for one use.

    Attributes:
        names: names that may be used.
        role: role that is needed.
        words: the use as a verb phrase with ``{}`` for the name, for error messages.
    """

    names: NamePatterns
    role: Role
    words: str


class Policy:
    """Access rules by use, role and name."""

    def __init__(self, namespace: str, lists: AccessParameters) -> None:
        def rule(patterns: Iterable[str], role: Role, words: str) -> Rule:
            return Rule(NamePatterns(namespace, patterns), role, words)
        self._rules = {
            Use.SUBSCRIBE: rule(lists.topics, Role.VIEWER, 'read topic {}'),
            Use.PUBLISH: rule(lists.operator_topics, Role.OPERATOR, 'publish topic {}'),
            Use.CALL: rule(lists.viewer_services, Role.VIEWER, 'call service {}'),
            Use.CALL_AS_OPERATOR: rule(
                (*lists.viewer_services, *lists.operator_services), Role.OPERATOR, 'call service {}'),
            Use.SEND_GOAL: rule(lists.operator_actions, Role.OPERATOR, 'use action {}'),
            Use.OFFER: rule(lists.operator_offers, Role.OPERATOR, 'offer {}'),
            Use.SET_PARAMETER: rule(lists.parameters, Role.OPERATOR, 'change parameter {}'),
        }

    def check(self, use: Use, role: Role, name: str) -> None:
        """Check that a role may make this use of a name. Topics and services of an action belong to the action.

        Raises:
            TurretError: NOT_ALLOWED.
        """
        action, inside_action, _ = name.partition(_INSIDE_ACTION)
        if inside_action:
            use, name = Use.OFFER if use in _PROVIDING else Use.SEND_GOAL, action
        rule = self._rules[use]
        if name not in rule.names:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'the access lists do not allow to {rule.words.format(name)}')
        if rule.role is Role.OPERATOR and role is not Role.OPERATOR:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'only an operator may {rule.words.format(name)}')

    def check_call(self, role: Role, service: str, args: Any) -> None:
        """Check a service call. Every parameter in a call that writes parameters must be listed.

        Raises:
            TurretError: NOT_ALLOWED, or INVALID_ARGUMENT where the arguments have no list of parameters.
        """
        node, _, verb = service.rpartition('/')
        if _INSIDE_ACTION in service:
            self.check(Use.CALL_AS_OPERATOR, role, service)
        elif verb in ('set_parameters', 'set_parameters_atomically'):
            for name in _parameter_names(args):
                self.check(Use.SET_PARAMETER, role, f'{node}:{name}')
        elif service not in self._rules[Use.CALL].names:
            self.check(Use.CALL_AS_OPERATOR, role, service)

    def is_visible(self, topic: str) -> bool:
        """Return whether any role may read or publish a topic, which is none inside an action."""
        if _INSIDE_ACTION in topic:
            return False
        return topic in self._rules[Use.SUBSCRIBE].names or topic in self._rules[Use.PUBLISH].names

    def is_callable(self, service: str) -> bool:
        """Return whether any role may call a service."""
        return service in self._rules[Use.CALL_AS_OPERATOR].names

    def is_usable(self, action: str) -> bool:
        """Return whether any role may send goals to an action."""
        return action in self._rules[Use.SEND_GOAL].names

    def is_open_to_viewers(self, service: str) -> bool:
        """Return whether every role may call a service."""
        return service in self._rules[Use.CALL].names


def _parameter_names(args: Any) -> list[str]:
    """Return the names in the arguments of ``set_parameters``."""
    changes = args.get('parameters') if isinstance(args, dict) else None
    if not isinstance(changes, list):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'parameters: expected a list')
    names = [change.get('name') if isinstance(change, dict) else None for change in changes]
    if not all(isinstance(name, str) for name in names):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'parameters: expected objects with a name')
    return [str(name) for name in names]
