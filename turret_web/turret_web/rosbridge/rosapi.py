# SPDX-License-Identifier: Apache-2.0
"""The services of ``rosapi``, with which clients inspect the ROS graph. They are answered here, not in the graph.

Only topics and services are listed that the access lists allow some role to use.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.messages.definitions import full_text
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy
from turret_web.gateway.gateway import Gateway, NodeDetails
from turret_web.names import InterfaceType, RosName, service_name, topic_name
from turret_web.rosbridge.definitions import typedefs
from turret_web.rosbridge.parameters import VALUE_FIELDS, declared_types, parameter_value

_ACTION_STATUS = '/_action/status'

Answer = Callable[[dict[str, Any]], dict[str, Any]]
CallService = Callable[[RosName, dict[str, Any]], Awaitable[dict[str, Any]]]


class Rosapi:
    """Answers calls of ``/rosapi/...``."""

    PREFIX = '/rosapi/'

    def __init__(self, gateway: Gateway, policy: Policy) -> None:
        self._gateway = gateway
        self._policy = policy
        self._answers: dict[str, Answer] = {
            'topics': lambda _: self._topics(),
            'topics_and_raw_types': lambda _: self._topics_and_raw_types(),
            'topics_for_type': lambda args: {'topics': _of_type(self._visible_topics(), _text(args, 'type'))},
            'topic_type': lambda args: {'type': _first(self._visible_topics(), _topic(args))},
            'services': lambda _: {'services': list(self._visible_services())},
            'services_for_type': lambda args: {'services': _of_type(self._visible_services(), _text(args, 'type'))},
            'service_type': lambda args: {'type': _first(self._visible_services(), _service(args))},
            'service_providers': lambda args: {'providers': self._providers(_service(args))},
            'service_node': lambda args: {'node': ''.join(self._providers(_service(args))[:1])},
            'action_servers': lambda _: self._action_servers(),
            'nodes': lambda _: {'nodes': sorted(self._gateway.nodes())},
            'node_details': lambda args: self._node_details(RosName(_absolute(_text(args, 'node')))),
            'publishers': lambda args: {'publishers': self._endpoints(self._gateway.publishers, _topic(args))},
            'subscribers': lambda args: {'subscribers': self._endpoints(self._gateway.subscribers, _topic(args))},
            'message_details': lambda args: {'typedefs': typedefs(self._gateway.message(_type(args, 'msg')).kind)},
            'service_request_details': lambda args: {
                'typedefs': typedefs(self._gateway.service(_type(args, 'srv')).request.kind)},
            'service_response_details': lambda args: {
                'typedefs': typedefs(self._gateway.service(_type(args, 'srv')).response.kind)},
            'get_time': lambda _: self._time(),
            'get_ros_version': lambda _: {'version': 2, 'distro': os.environ.get('ROS_DISTRO', 'jazzy')},
        }

    async def call(self, name: str, args: Any, call_service: CallService) -> dict[str, Any]:
        """Answer one call.

        Args:
            name: name of the service, with the prefix.
            args: values of the request.
            call_service: calls a service in the graph on behalf of the client.

        Raises:
            TurretError: NOT_FOUND, rosapi has no such service; or the error of a service that was called.
        """
        verb = name.removeprefix(self.PREFIX)
        args = args if isinstance(args, dict) else {}
        answer = self._answers.get(verb)
        if answer is not None:
            return answer(args)
        if verb in _PARAMETER_ANSWERS:
            node, _, parameter = _text(args, 'name').rpartition(':')
            if not node:
                raise TurretError(ReasonCode.INVALID_ARGUMENT, 'name: expected node:parameter')
            return await _PARAMETER_ANSWERS[verb](call_service, RosName(_absolute(node)), parameter, args)
        if verb == 'get_param_names':
            return {'names': await self._param_names(call_service)}
        raise TurretError(ReasonCode.NOT_FOUND, f'service {name} does not exist')

    def _visible_topics(self) -> dict[str, list[str]]:
        return {
            topic: types for topic, types in sorted(self._gateway.topics().items()) if self._policy.is_visible(topic)}

    def _visible_services(self) -> dict[str, list[str]]:
        return {
            name: types for name, types in sorted(self._gateway.services().items()) if self._policy.is_callable(name)}

    def _topics(self) -> dict[str, Any]:
        topics = self._visible_topics()
        return {'topics': list(topics), 'types': [types[0] for types in topics.values()]}

    def _topics_and_raw_types(self) -> dict[str, Any]:
        answer = self._topics()
        return {**answer, 'typedefs_full_text': [self._full_text(type_name) for type_name in answer['types']]}

    def _full_text(self, type_name: str) -> str:
        try:
            return full_text(self._gateway.message(InterfaceType(type_name, 'msg')).kind)
        except TurretError as error:
            return f'# {error.message}'

    def _endpoints(self, nodes_of: Callable[[RosName], list[str]], topic: RosName) -> list[str]:
        return nodes_of(topic) if self._policy.is_visible(topic) else []

    def _providers(self, service: RosName) -> list[str]:
        if not self._policy.is_callable(service):
            return []
        return [node for node in sorted(self._gateway.nodes()) if service in self._details(node).services]

    def _details(self, node: str) -> NodeDetails:
        try:
            return self._gateway.node_details(RosName(node))
        except TurretError:  # it has ended since it was listed
            return NodeDetails([], [], [])

    def _node_details(self, node: RosName) -> dict[str, Any]:
        details = self._gateway.node_details(node)

        def shown(names: Iterable[str], is_shown: Callable[[str], bool]) -> list[str]:
            return [name for name in names if is_shown(name)]
        return {
            'publishing': shown(details.publishing, self._policy.is_visible),
            'subscribing': shown(details.subscribing, self._policy.is_visible),
            'services': shown(details.services, self._policy.is_callable)}

    def _action_servers(self) -> dict[str, Any]:
        actions = (
            topic.removesuffix(_ACTION_STATUS) for topic in sorted(self._gateway.topics())
            if topic.endswith(_ACTION_STATUS))
        return {'action_servers': [action for action in actions if self._policy.is_usable(action)]}

    def _time(self) -> dict[str, Any]:
        sec, nanosec = divmod(self._gateway.now_ns(), 10**9)
        return {'time': {'sec': sec, 'nanosec': nanosec, 'secs': sec, 'nsecs': nanosec}}  # the latter for roslibpy

    async def _param_names(self, call_service: CallService) -> list[str]:
        names: list[str] = []
        for node in sorted(self._gateway.nodes()):
            service = RosName(f'{node}/list_parameters')
            if self._policy.is_callable(service) and self._gateway.service_type(service):
                listed = await call_service(service, {})
                names += [f'{node}:{name}' for name in listed['result']['names']]
        return names


async def _get_param(call_service: CallService, node: RosName, name: str, args: dict[str, Any]) -> dict[str, Any]:
    value = await _value(call_service, node, name)
    if value is None:
        return {'value': args.get('default_value') or 'null'}
    return {'value': fast_json.dumps(value).decode()}


async def _has_param(call_service: CallService, node: RosName, name: str, _: dict[str, Any]) -> dict[str, Any]:
    return {'exists': await _value(call_service, node, name) is not None}


async def _set_param(call_service: CallService, node: RosName, name: str, args: dict[str, Any]) -> dict[str, Any]:
    text = _text(args, 'value')
    try:
        value = fast_json.loads(text)
    except fast_json.JSONDecodeError:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'value: not valid JSON: {text[:60]!r}') from None

    async def call(verb: str, request: dict[str, Any]) -> dict[str, Any]:
        return await call_service(RosName(f'{node}/{verb}'), request)
    declared = (await declared_types(call, node, [name]))[name]
    return await _write(call_service, node, name, parameter_value(value, declared))


async def _delete_param(call_service: CallService, node: RosName, name: str, _: dict[str, Any]) -> dict[str, Any]:
    return await _write(call_service, node, name, {'type': 0})


async def _write(call_service: CallService, node: RosName, name: str, value: dict[str, Any]) -> dict[str, Any]:
    answer = await call_service(RosName(f'{node}/set_parameters'), {'parameters': [{'name': name, 'value': value}]})
    result = answer['results'][0]
    if not result['successful']:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, result['reason'])
    return {}


_PARAMETER_ANSWERS = {
    'get_param': _get_param, 'has_param': _has_param, 'set_param': _set_param, 'delete_param': _delete_param}


async def _value(call_service: CallService, node: RosName, name: str) -> Any:
    values = (await call_service(RosName(f'{node}/get_parameters'), {'names': [name]}))['values']
    field = VALUE_FIELDS[values[0]['type']] if values else None
    return None if field is None else values[0][field]


def _text(args: dict[str, Any], key: str) -> str:
    value = args.get(key)
    if not isinstance(value, str):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{key}: expected string')
    return value


def _absolute(name: str) -> str:
    return name if name.startswith('/') else f'/{name}'


def _topic(args: dict[str, Any]) -> RosName:
    return topic_name(_text(args, 'topic'))


def _service(args: dict[str, Any]) -> RosName:
    return service_name(_text(args, 'service'))


def _type(args: dict[str, Any], kind: str) -> InterfaceType:
    return InterfaceType(_text(args, 'type'), kind)


def _first(types: dict[str, list[str]], name: str) -> str:
    return ''.join(types.get(name, [])[:1])


def _of_type(names: dict[str, list[str]], type_name: str) -> list[str]:
    def short(name: str) -> str:
        return name.replace('/msg/', '/').replace('/srv/', '/')
    return [name for name, types in names.items() if short(type_name) in map(short, types)]
