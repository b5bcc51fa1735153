# SPDX-License-Identifier: Apache-2.0
"""The services of rosapi, as roslib and roslibpy call them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from web_testing import ADD, NOTE, STATUS, FakeGateway, on_loop

from turret_common.errors import TurretError
from turret_common.messages.definitions import full_text
from turret_common.messages.schema import Array, Field, Primitive, Sequence, Struct, Text
from turret_web.access.policy import Policy
from turret_web.rosbridge.definitions import typedefs
from turret_web.rosbridge.rosapi import Rosapi
from turret_web.web_parameters import AccessParameters


class Graph:
    """rosapi over a fake graph with one node that has parameters."""

    def __init__(self) -> None:
        self.gateway = FakeGateway()
        self.gateway.topic_types['/secret'] = NOTE.name
        self.gateway.topic_types['/turret/gimbal/home/_action/status'] = NOTE.name
        for service in ('/turret/status/get_faults', '/hidden/service', '/turret/status/list_parameters'):
            self.gateway.serve(service, lambda values: {})
        self.parameters: dict[str, Any] = {'rate_hz': {'type': 3, 'double_value': 2.0}}
        self.types = {'rate_hz': 3, 'fixed': 2, 'x': 3, 'list': 9}
        self.rosapi = Rosapi(self.gateway, Policy('/turret', AccessParameters()))

    async def call(self, verb: str, **args: Any) -> dict[str, Any]:
        return await self.rosapi.call(f'/rosapi/{verb}', args, self._service)

    async def _service(self, service: str, request: dict[str, Any]) -> dict[str, Any]:
        node, _, verb = service.rpartition('/')
        assert node == '/turret/status'
        if verb == 'list_parameters':
            return {'result': {'names': list(self.parameters)}}
        if verb == 'get_parameters':
            return {'values': [self.parameters.get(name, {'type': 0}) for name in request['names']]}
        if verb == 'describe_parameters':
            return {'descriptors': [
                {'name': name, 'type': self.types.get(name, 0), 'description': '' if name == 'use_sim_time' else 'text'}
                for name in request['names']]}
        change = request['parameters'][0]
        if change['name'] == 'fixed':
            return {'results': [{'successful': False, 'reason': 'fixed is read-only'}]}
        self.parameters[change['name']] = change['value']
        return {'results': [{'successful': True, 'reason': ''}]}


@on_loop
async def test_topics_and_services_that_may_be_used_are_listed() -> None:
    graph = Graph()
    assert await graph.call('topics') == {
        'topics': ['/turret/status', '/turret/vision/note'], 'types': [STATUS.name, NOTE.name]}
    assert await graph.call('topics_for_type', type='demo_msgs/Note') == {'topics': ['/turret/vision/note']}
    assert await graph.call('topic_type', topic='/turret/status') == {'type': STATUS.name}
    assert await graph.call('topic_type', topic='/none') == {'type': ''}
    assert await graph.call('services') == {'services': ['/turret/status/get_faults', '/turret/status/list_parameters']}
    assert await graph.call('services_for_type', type='demo_msgs/Add') == {
        'services': ['/turret/status/get_faults', '/turret/status/list_parameters']}
    assert await graph.call('service_type', service='/turret/status/get_faults') == {'type': ADD}
    raw = await graph.call('topics_and_raw_types')
    assert raw['typedefs_full_text'][1] == 'string text\nfloat64 number\n'


@on_loop
async def test_nodes_and_their_parts() -> None:
    graph = Graph()
    assert await graph.call('nodes') == {'nodes': ['/turret/status', '/turret/web']}
    assert await graph.call('node_details', node='/turret/status') == {
        'publishing': ['/turret/status'], 'subscribing': [], 'services': ['/turret/status/get_faults']}
    assert await graph.call('publishers', topic='/turret/status') == {'publishers': ['/turret/status']}
    assert await graph.call('subscribers', topic='/turret/status') == {'subscribers': []}
    assert await graph.call('service_node', service='/turret/status/get_faults') == {'node': '/turret/status'}
    assert await graph.call('service_node', service='/none') == {'node': ''}
    assert (await graph.call('service_providers', service='/turret/status/get_faults'))['providers'] == [
        '/turret/status', '/turret/web']
    assert await graph.call('action_servers') == {'action_servers': ['/turret/gimbal/home']}
    with pytest.raises(TurretError, match='there is no node /none'):
        await graph.call('node_details', node='/none')


@on_loop
async def test_time_has_the_names_of_both_ros_versions() -> None:
    assert (await Graph().call('get_time'))['time'] == {'sec': 12, 'nanosec': 34, 'secs': 12, 'nsecs': 34}


@on_loop
async def test_parameters_are_json_text() -> None:
    graph = Graph()
    assert await graph.call('get_param', name='/turret/status:rate_hz') == {'value': '2.0'}
    assert await graph.call('get_param', name='turret/status:none', default_value='7') == {'value': '7'}
    assert await graph.call('has_param', name='/turret/status:rate_hz') == {'exists': True}
    assert await graph.call('has_param', name='/turret/status:none') == {'exists': False}
    for kind, value, stored in (
            (1, True, {'type': 1, 'bool_value': True}), (2, 3, {'type': 2, 'integer_value': 3}),
            (3, 0.5, {'type': 3, 'double_value': 0.5}), (3, 2, {'type': 3, 'double_value': 2.0}),
            (4, 'a', {'type': 4, 'string_value': 'a'}), (7, [1, 2], {'type': 7, 'integer_array_value': [1, 2]}),
            (8, [1, 2.5], {'type': 8, 'double_array_value': [1, 2.5]}),
            (8, [], {'type': 8, 'double_array_value': []}), (9, [], {'type': 9, 'string_array_value': []}),
            (6, [True], {'type': 6, 'bool_array_value': [True]}), (9, ['a'], {'type': 9, 'string_array_value': ['a']})):
        graph.types['x'] = kind
        await graph.call('set_param', name='/turret/status:x', value=json.dumps(value))
        assert graph.parameters['x'] == stored
        assert json.loads((await graph.call('get_param', name='/turret/status:x'))['value']) == value
    assert await graph.call('get_param_names') == {'names': ['/turret/status:rate_hz', '/turret/status:x']}
    await graph.call('delete_param', name='/turret/status:x')
    assert graph.parameters['x'] == {'type': 0}


@pytest.mark.parametrize(('verb', 'args', 'text'), [
    ('set_param', {'name': '/turret/status:fixed', 'value': '1'}, 'fixed is read-only'),
    ('set_param', {'name': '/turret/status:x', 'value': '{"a": 1}'}, 'takes a double'),
    ('set_param', {'name': '/turret/status:x', 'value': '[]'}, 'takes a double'),
    ('set_param', {'name': '/turret/status:list', 'value': '"a"'}, 'takes a list of strings'),
    ('set_param', {'name': '/turret/status:use_sim_time', 'value': 'true'}, 'no parameter use_sim_time'),
    ('topic_type', {'topic': '/turret/a b'}, 'not a ROS name'),
    ('node_details', {'node': '/'}, 'not a ROS name'),
    ('node_details', {'node': ''}, 'not a ROS name'),
    ('publishers', {'topic': '/turret/status\0'}, 'not a ROS name'),
    ('get_param', {'name': '/turret/a b:x'}, 'not a ROS name'),
    ('message_details', {'type': 'demo_msgs/action/Count'}, 'not a msg type'),
    ('service_request_details', {'type': 'demo_msgs/action/Count_Goal'}, 'not a srv type'),
    ('set_param', {'name': '/turret/status:x', 'value': 'word'}, 'not valid JSON'),
    ('set_param', {'name': '/turret/status:x'}, 'value: expected string'),
    ('get_param', {'name': 'rate_hz'}, 'expected node:parameter'),
    ('topic_type', {}, 'topic: expected string'),
    ('message_details', {'type': 'a/B'}, 'not installed'),
    ('fly', {}, 'does not exist')])
def test_what_is_wrong_is_reported(verb: str, args: dict[str, Any], text: str) -> None:
    @on_loop
    async def scenario() -> None:
        with pytest.raises(TurretError, match=text):
            await Graph().call(verb, **args)
    scenario()


@on_loop
async def test_details_of_types() -> None:
    graph = Graph()
    details = (await graph.call('message_details', type='turret_msgs/TurretStatus'))['typedefs']
    assert [each['type'] for each in details] == [
        'turret_msgs/TurretStatus', 'std_msgs/Header', 'builtin_interfaces/Time']
    assert details[0]['fieldnames'] == ['header', 'seq']
    assert details[0]['fieldtypes'] == ['std_msgs/Header', 'uint32']
    assert (await graph.call('service_request_details', type=ADD))['typedefs'][0]['fieldnames'] == ['a', 'b']
    assert (await graph.call('service_response_details', type=ADD))['typedefs'][0]['fieldtypes'] == ['int64']


def test_arrays_constants_and_texts_of_types() -> None:
    inner = Struct('demo_msgs/msg/Inner', (Field('on', Primitive('bool'), False),))
    kind = Struct('demo_msgs/msg/Outer', (
        Field('grid', Array(Primitive('float64'), 9), []), Field('parts', Sequence(inner), []),
        Field('few', Sequence(Text(5), 3), []), Field('more', inner, {})), (('LIMIT', Primitive('int64'), 4),))
    outer, described = typedefs(kind)
    assert outer['fieldtypes'] == ['double', 'demo_msgs/Inner', 'string<=5', 'demo_msgs/Inner']
    assert outer['fieldarraylen'] == [9, 0, 0, -1]
    assert outer['examples'] == ['[]', '[]', '[]', '{}']
    assert (outer['constnames'], outer['constvalues']) == (['LIMIT'], ['4'])
    assert described['fieldtypes'] == ['boolean']
    assert full_text(kind) == (
        'int64 LIMIT=4\nfloat64[9] grid\ndemo_msgs/Inner[] parts\nstring<=5[<=3] few\ndemo_msgs/Inner more\n'
        + '=' * 80 + '\nMSG: demo_msgs/Inner\nbool on\n')
