# SPDX-License-Identifier: Apache-2.0
"""The description of the API fits what the API does."""

from __future__ import annotations

from web_testing import STATUS, FakeGateway, on_loop, serving

from turret_common.messages.schema import Array, Primitive, Sequence, Text
from turret_web.routes.openapi import json_schema


@on_loop
async def test_services_that_may_be_called_are_described() -> None:
    gateway = FakeGateway()
    for name in (
            '/turret/safety/stop', '/turret/laser/arm', '/hidden/service', '/turret/gimbal/home/_action/send_goal'):
        gateway.serve(name, lambda values: {'sum': 0})
    async with serving(gateway) as door:
        status, document = await door.get('/api/openapi.json')
        assert status == 200
        assert sorted(document['paths']) == ['/api/laser/arm', '/api/safety/stop', '/api/status']
        assert document['paths']['/api/safety/stop']['post']['description'] == 'for viewers and operators'
        arm = document['paths']['/api/laser/arm']['post']
        assert arm['description'] == 'for operators'
        assert list(arm['requestBody']['content']['application/json']['schema']['properties']) == ['a', 'b']
        for path in ('/api/laser/arm', '/api/safety/stop'):
            assert (await door.request('POST', path))[0] == 200


def test_types_as_json_schema() -> None:
    assert json_schema(Primitive('uint8')) == {'type': 'integer', 'minimum': 0, 'maximum': 255}
    assert json_schema(Primitive('int16')) == {'type': 'integer', 'minimum': -32768, 'maximum': 32767}
    assert json_schema(Primitive('bool')) == {'type': 'boolean'}
    assert json_schema(Primitive('float32'))['type'] == ['number', 'null']
    assert json_schema(Sequence(Primitive('uint8'))) == {'type': 'string', 'contentEncoding': 'base64'}
    assert json_schema(Array(Text(5), 2)) == {
        'type': 'array', 'items': {'type': 'string', 'maxLength': 5}, 'minItems': 2, 'maxItems': 2}
    assert json_schema(Sequence(Text(), 3))['maxItems'] == 3
    assert list(json_schema(STATUS)['properties']) == ['header', 'seq']
