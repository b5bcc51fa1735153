# SPDX-License-Identifier: Apache-2.0
"""Names and types from outside, parsed once where they come in.

A :class:`RosName` or an :class:`InterfaceType` exists only if its text follows the grammar of ROS, so code that
takes one need not check it again. Both are strings, because rclpy, patterns and JSON take strings.
"""

from __future__ import annotations

import re
from typing import NoReturn

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_NAME = re.compile(r'(?:/[A-Za-z_][A-Za-z0-9_]*)+')
_TYPE = re.compile(r'([a-z][a-z0-9_]*)/(?:(msg|srv|action)/)?([A-Z][A-Za-z0-9]*)(_[A-Za-z]+)?')

#: Maximum lengths of absolute names. The middleware allows 255 characters for a topic, with its prefix; services and
#: the services and topics of an action get further prefixes and suffixes.
TOPIC_LENGTH = 247
SERVICE_LENGTH = 239
ACTION_LENGTH = 215

#: Suffixes of the types that make up an action, by the kind of interface that they are.
_PARTS_OF_ACTIONS = {
    'msg': ('_Goal', '_Result', '_Feedback', '_FeedbackMessage'), 'srv': ('_SendGoal', '_GetResult'), 'action': ()}
_SHOWN = 60


class RosName(str):
    """Absolute name of a topic, service, action or node, valid by the grammar of ROS.

    Raises:
        TurretError: INVALID_ARGUMENT, the text is not a valid absolute name.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> RosName:
        """Check the text."""
        if len(text) > TOPIC_LENGTH:
            _refuse(text, f'a name longer than {TOPIC_LENGTH} characters')
        if _NAME.fullmatch(text) is None:
            _refuse(text, 'not a ROS name: letters, digits and underscores between single slashes')
        return super().__new__(cls, text)

    @property
    def node(self) -> RosName:
        """The name without its last part: the node of a service like ``/turret/camera/set_parameters``."""
        return RosName(self.rpartition('/')[0])


class InterfaceType(str):
    """Type of a message, service or action as ``package/kind/Name``.

    Raises:
        TurretError: INVALID_ARGUMENT, the text is not a type of this kind.
    """

    __slots__ = ()

    def __new__(cls, text: str, kind: str) -> InterfaceType:
        """Check the text; ``package/Name`` is completed with the kind (``msg``, ``srv`` or ``action``)."""
        match = _TYPE.fullmatch(text) if len(text) <= TOPIC_LENGTH else None
        if match is None:
            _refuse(text, f'not a type: expected package/{kind}/Name')
        package, folder, name, suffix = match.groups()
        part_of_action = folder == 'action' and suffix in _PARTS_OF_ACTIONS[kind]
        if (suffix or folder not in (None, kind)) and not part_of_action:
            _refuse(text, f'not a {kind} type: expected package/{kind}/Name')
        return super().__new__(cls, f'{package}/{folder or kind}/{name}{suffix or ""}')


def topic_name(text: str) -> RosName:
    """Return the name of a topic; a missing leading slash is added (INVALID_ARGUMENT)."""
    return _absolute(text, TOPIC_LENGTH)


def service_name(text: str) -> RosName:
    """Return the name of a service; a missing leading slash is added (INVALID_ARGUMENT)."""
    return _absolute(text, SERVICE_LENGTH)


def action_name(text: str) -> RosName:
    """Return the name of an action; a missing leading slash is added (INVALID_ARGUMENT)."""
    return _absolute(text, ACTION_LENGTH)


def _absolute(text: str, length: int) -> RosName:
    name = text if text.startswith('/') else f'/{text}'
    if len(name) > length:
        _refuse(text, f'a name longer than {length} characters')
    return RosName(name)


def _refuse(text: str, why: str) -> NoReturn:
    shown = text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'
    raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{shown!a} is {why}')
