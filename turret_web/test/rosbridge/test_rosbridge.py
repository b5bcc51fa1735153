# SPDX-License-Identifier: Apache-2.0
"""Every operation of the rosbridge protocol, through a real socket."""

from __future__ import annotations

import asyncio
import base64
import struct
import zlib
from typing import Any

import cbor2
import pytest
from web_testing import (
    ADD,
    COUNT,
    COUNT_FEEDBACK,
    COUNT_GOAL,
    COUNT_RESULT,
    NOTE,
    TIME,
    FakeGateway,
    on_loop,
    serving,
    until,
)

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec
from turret_common.messages.schema import Array, Field, Primitive, Struct
from turret_web.gateway.gateway import ServiceCodec
from turret_web.web_parameters import AccessParameters

NOTES = '/turret/vision/note'
LISTS = AccessParameters(
    operator_topics=('demo/note', 'vision/note'), operator_services=('safety/*', 'demo/*'),
    operator_actions=('demo/*',), operator_offers=('demo/*',))


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


# --- topics ---


@on_loop
async def test_subscribe_delivers_messages_in_rosbridge_form(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, type='demo_msgs/Note')
        await client.settle()
        gateway.emit(NOTES, {'text': 'hé "x"', 'number': 1.5})
        assert await client.receive() == {
            'op': 'publish', 'topic': NOTES, 'msg': {'text': 'hé "x"', 'number': 1.5}}


@on_loop
async def test_a_number_that_is_not_finite_is_null(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES)
        await client.settle()
        for number in (float('nan'), float('inf')):
            gateway.emit(NOTES, {'number': number})
            assert (await client.receive())['msg']['number'] is None


@on_loop
async def test_the_type_of_a_topic_is_known_without_saying_it(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        assert 'does not exist yet' in await client.error(op='subscribe', topic='/turret/vision/later')
        assert 'has type demo_msgs/msg/Note' in await client.error(op='subscribe', topic=NOTES, type='std_msgs/Header')
        assert 'not installed' in await client.error(op='subscribe', topic='/turret/vision/later', type='a_msgs/B')
        await client.send(op='subscribe', topic='/turret/vision/later', type='demo_msgs/Note')
        await client.settle()
        gateway.topic_types['/turret/vision/later'] = NOTE.name
        gateway.emit('/turret/vision/later', {'text': 'at last'})
        assert (await client.receive())['msg']['text'] == 'at last'


@on_loop
async def test_unsubscribe_ends_one_or_all_and_the_last_one_ends_the_ros_subscription(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        for name in ('a', 'b', 'c'):
            await client.send(op='subscribe', topic=NOTES, id=name)
        await client.settle()
        assert len(gateway.feeds[NOTES]) == 1
        await client.send(op='unsubscribe', topic=NOTES, id='a')
        await client.settle()
        gateway.emit(NOTES, {})
        assert (await client.receive())['op'] == 'publish'
        await client.send(op='unsubscribe', topic=NOTES)
        await client.settle()
        assert gateway.feeds[NOTES] == []
        assert 'no such subscription' in await client.error(op='unsubscribe', topic=NOTES)


@on_loop
async def test_several_subscriptions_of_a_client_to_one_topic_share_one_stream(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, id='a', throttle_rate=60_000)
        for name in ('b', 'c'):
            await client.send(op='subscribe', topic=NOTES, id=name)
        await client.settle()
        for number in (1, 2):
            gateway.emit(NOTES, {'number': number})
            assert (await client.receive())['msg']['number'] == number
        await client.send(op='subscribe', topic=NOTES, id='d', compression='cbor')
        await client.settle()
        gateway.emit(NOTES, {'number': 3})
        assert cbor2.loads(await client.receive())['msg']['number'] == 3
        await client.send(op='unsubscribe', topic=NOTES[1:], id='d')  # the same topic without its leading slash
        for name in ('a', 'b', 'c'):
            await client.send(op='unsubscribe', topic=NOTES, id=name)
        await client.settle()
        assert gateway.feeds[NOTES] == []


@on_loop
async def test_what_a_subscription_asked_for_ends_with_it(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, id='slow', throttle_rate=60_000)
        await client.send(op='subscribe', topic=NOTES, id='fast', compression='cbor')
        await client.settle()
        for number in (1, 2):
            gateway.emit(NOTES, {'number': number})
            assert cbor2.loads(await client.receive())['msg']['number'] == number
        await client.send(op='unsubscribe', topic=NOTES, id='fast')
        await client.settle()
        for number in (3, 4, 5):
            gateway.emit(NOTES, {'number': number})
        assert (await client.receive())['msg']['number'] == 3
        await client.settle()  # and none of the others
        del gateway.topic_types[NOTES]  # a subscription ends also when the topic has ended
        await client.send(op='subscribe', topic=NOTES, type=NOTE.name, id='fast', compression='cbor')
        await client.send(op='unsubscribe', topic=NOTES, id='fast')
        await client.send(op='unsubscribe', topic=NOTES, id='slow')
        await client.settle()
        assert gateway.feeds[NOTES] == []


@on_loop
async def test_subscribing_again_under_one_id_replaces_the_first(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, id='a')
        await client.send(op='subscribe', topic=NOTES, id='a', compression='cbor')
        await client.settle()
        gateway.emit(NOTES, {'text': 'once'})
        assert cbor2.loads(await client.receive())['msg']['text'] == 'once'
        assert 'settle' in str(await client.ask(op='?', id='settle'))


@on_loop
async def test_a_late_client_gets_the_latched_message(gateway: FakeGateway) -> None:
    gateway.latched.add(NOTES)
    async with serving(gateway) as door, door.connect() as first, door.connect() as second:
        await first.send(op='subscribe', topic=NOTES)
        await first.settle()
        gateway.emit(NOTES, {'text': 'state'})
        await second.send(op='subscribe', topic=NOTES)
        assert (await second.receive())['msg']['text'] == 'state'


@on_loop
async def test_a_late_client_gets_nothing_old_of_other_topics(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as first, door.connect() as second:
        await first.send(op='subscribe', topic=NOTES)
        await first.settle()
        gateway.emit(NOTES, {'text': 'old'})
        await second.send(op='subscribe', topic=NOTES)
        await second.settle()


@on_loop
async def test_throttle_keeps_the_newest_and_queue_length_keeps_more(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, id='newest', throttle_rate=150)
        await client.settle()
        for number in range(6):
            gateway.emit(NOTES, {'number': number})
        assert [(await client.receive())['msg']['number'] for _ in range(2)] == [0, 5]
        await client.send(op='unsubscribe', topic=NOTES)
        await client.send(op='subscribe', topic=NOTES, throttle_rate=40, queue_length=3)
        await client.settle()
        started = asyncio.get_running_loop().time()
        for number in range(6):
            gateway.emit(NOTES, {'number': number})
        assert [(await client.receive())['msg']['number'] for _ in range(4)] == [0, 3, 4, 5]
        assert asyncio.get_running_loop().time() - started > 0.115


@on_loop
async def test_numbers_may_be_written_as_whole_or_not(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, id='a', throttle_rate=33.3, queue_length=2.0, fragment_size=1e3)
        await client.settle()
        assert '"queue_length" has the wrong type' in await client.error(op='subscribe', topic=NOTES, queue_length=2.5)


@on_loop
async def test_values_in_order_must_be_as_many_as_the_fields_at_most(gateway: FakeGateway) -> None:
    gateway.serve('/turret/camera/demo', lambda values: {'sum': values['a'] + values['b']})
    async with serving(gateway) as door, door.connect() as client:
        call = {'op': 'call_service', 'service': '/turret/camera/demo'}
        assert (await client.ask(**call, args=[1, 2]))['values'] == {'sum': 3}
        assert (await client.ask(**call, args=[1]))['values'] == {'sum': 1}
        answer = await client.ask(**call, args=[1, 2, 3])
        assert (answer['result'], answer['values']) == (False, '3 values, but demo_msgs/srv/Add_Request has 2 fields')


@on_loop
async def test_cbor_and_cbor_raw_are_binary(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, compression='cbor')
        await client.settle()
        gateway.emit(NOTES, {'text': 'a', 'number': 2.5})
        assert cbor2.loads(await client.receive()) == {
            'op': 'publish', 'topic': NOTES, 'msg': {'text': 'a', 'number': 2.5}}
        await client.send(op='unsubscribe', topic=NOTES)
        await client.send(op='subscribe', topic=NOTES, compression='cbor-raw')
        await client.settle()
        gateway.emit(NOTES, {'text': 'a', 'number': 2.5})
        raw = cbor2.loads(await client.receive())['msg']
        assert raw['bytes'] == bytes.fromhex('00010000' '02000000' '6100' '0000') + struct.pack('<d', 2.5)
        assert raw['secs'] > 1.6e9


@on_loop
async def test_png_carries_the_json_as_pixels(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, compression='png')
        await client.settle()
        gateway.emit(NOTES, {'text': 'x' * 100})
        message = await client.receive()
        assert message['op'] == 'png'
        text = _png_text(base64.b64decode(message['data']))
        assert text.strip('\n').endswith('"number":0.0}}')
        assert '"op":"publish"' in text


def _png_text(png: bytes) -> str:
    width, height = struct.unpack('>II', png[16:24])
    position, pixels = 8, b''
    while position < len(png):
        size, kind = struct.unpack('>I4s', png[position:position + 8])
        if kind == b'IDAT':
            pixels += png[position + 8:position + 8 + size]
        assert zlib.crc32(png[position + 4:position + 8 + size]) == struct.unpack(
            '>I', png[position + 8 + size:position + 12 + size])[0]
        position += 12 + size
    rows = zlib.decompress(pixels)
    stride = 1 + 3 * width
    assert len(rows) == stride * height
    return b''.join(rows[row * stride + 1:(row + 1) * stride] for row in range(height)).decode()


@on_loop
async def test_large_messages_are_cut_where_the_client_asks_for_it(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, fragment_size=100)
        await client.settle()
        gateway.emit(NOTES, {'text': 'é' * 250})
        first = await client.receive()
        parts = [first, *[await client.receive() for _ in range(first['total'] - 1)]]
        assert [part['num'] for part in parts] == list(range(len(parts)))
        assert {part['id'] for part in parts} == {first['id']}
        assert all(len(part['data']) <= 100 for part in parts)
        assert 'é' * 250 in ''.join(part['data'] for part in parts)
        gateway.emit(NOTES, {'text': 'short'})
        assert (await client.receive())['op'] == 'publish'
        assert 'the minimum is 16' in await client.error(op='subscribe', topic=NOTES, fragment_size=1)


@on_loop
async def test_fragments_from_the_client_are_put_together_in_any_order(gateway: FakeGateway) -> None:
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        whole = '{"op":"publish","topic":"/turret/vision/note","msg":{"text":"in pieces"}}'
        pieces = [whole[at:at + 20] for at in range(0, len(whole), 20)]
        for number in reversed(range(len(pieces))):
            await client.send(op='fragment', id='f', data=pieces[number], num=number, total=len(pieces))
        await client.settle()
        assert gateway.published == [(NOTES, {'text': 'in pieces', 'number': 0.0})]
        assert 'invalid fragment' in await client.error(op='fragment', id='f', data='', num=3, total=2)


@on_loop
async def test_incomplete_messages_are_bounded_in_memory(gateway: FakeGateway) -> None:
    async with serving(gateway, limits={'message_bytes': 10_000}) as door, door.connect() as client:
        for number in range(200):
            await client.send(op='fragment', id='empty', data='', num=number, total=10_000)
        for name in 'abcd':
            await client.send(op='fragment', id=name, data='x' * 9000, num=0, total=2)
        await client.send(op='no such operation', id='end')
        refused = []
        while (answer := await client.receive())['id'] != 'end':
            refused.append((answer['id'], 'dropped' if 'is dropped' in answer['msg'] else 'too large'))
        assert refused == [('empty', 'too large'), ('empty', 'dropped'), ('a', 'dropped'), ('b', 'dropped')]


@on_loop
async def test_fragments_are_bounded(gateway: FakeGateway) -> None:
    async with serving(gateway, limits={'message_bytes': 1000}) as door, door.connect() as client:
        await client.send(op='fragment', id='f', data='x' * 600, num=0, total=3)
        assert 'larger than 1000' in await client.error(op='fragment', id='f', data='x' * 600, num=1, total=3)


@on_loop
async def test_publish_with_and_without_advertise(gateway: FakeGateway) -> None:
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        await client.send(op='advertise', topic=NOTES, type='demo_msgs/msg/Note', latch=True)
        await client.send(op='publish', topic=NOTES, msg={'text': 'one'})
        await client.settle()
        assert gateway.published_topics == [NOTES]
        await client.send(op='unadvertise', topic=NOTES)
        await client.settle()
        assert gateway.published_topics == []
        await client.send(op='publish', topic=NOTES, msg={'number': 2})
        await client.settle()
        assert [values for _, values in gateway.published] == [
            {'text': 'one', 'number': 0.0}, {'text': '', 'number': 2.0}]
    await until(lambda: not gateway.published_topics)


@on_loop
async def test_publishing_what_is_wrong_is_refused_with_the_reason(gateway: FakeGateway) -> None:
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        async def error(msg: Any) -> str:
            return await client.error(op='publish', topic=NOTES, msg=msg)
        assert 'color: demo_msgs/msg/Note has no such field; it has text, number' in await error({'color': 1})
        assert 'text: expected string, got 3' in await error({'text': 3})
        assert 'number: expected float64, got a string' in await error({'number': '3'})
        assert 'wrong type' in await error([1])
        assert 'has type demo_msgs/msg/Note' in await client.error(op='advertise', topic=NOTES, type='std_msgs/Header')
        assert 'lists do not allow' in await client.error(op='publish', topic='/turret/gimbal/command', msg={})
        assert 'does not exist yet' in await client.error(op='publish', topic='/turret/demo/note', msg={})
        assert gateway.published == []


@on_loop
async def test_everything_a_client_had_is_given_back_when_it_goes(gateway: FakeGateway) -> None:
    async with serving(gateway, access=LISTS) as door:
        async with door.connect() as client:
            await client.send(op='subscribe', topic=NOTES)
            await client.send(op='advertise', topic=NOTES, type='demo_msgs/Note')
            await client.send(op='advertise_service', service='/turret/demo/add', type=ADD)
            await client.send(op='advertise_action', action='/turret/demo/count', type=COUNT)
            await client.settle()
            assert (len(gateway.feeds[NOTES]), len(gateway.published_topics), len(gateway.offered)) == (1, 1, 2)
        await until(lambda: not (gateway.feeds[NOTES] or gateway.published_topics or gateway.offered))


# --- services ---


@on_loop
async def test_call_service(gateway: FakeGateway) -> None:
    gateway.serve('/turret/demo/add', lambda values: {'sum': values['a'] + values['b']})
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        answer = {'op': 'service_response', 'service': '/turret/demo/add', 'values': {'sum': 5}, 'result': True}
        call = {'op': 'call_service', 'service': '/turret/demo/add'}
        assert await client.ask(**call, args={'a': 2, 'b': 3}, id='x') == {**answer, 'id': 'x'}
        assert await client.ask(**call, args=[2, 3], type='demo_msgs/Add') == answer
        assert (await client.ask(**call))['values'] == {'sum': 0}


@on_loop
async def test_a_failed_call_says_why(gateway: FakeGateway) -> None:
    gateway.serve('/turret/demo/add', lambda values: {'sum': 0})

    async def never(_: Any) -> dict[str, Any]:
        await asyncio.sleep(60.0)
        return {}
    gateway.answers['/turret/demo/slow'] = never
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        async def failure(service: str, **more: Any) -> str:
            answer = await client.ask(op='call_service', service=service, id='x', **more)
            assert (answer['op'], answer['result'], answer['id']) == ('service_response', False, 'x')
            return str(answer['values'])
        assert 'a: expected int64, got a string' in await failure('/turret/demo/add', args={'a': '1'})
        assert 'no such field' in await failure('/turret/demo/add', args={'c': 1})
        assert 'does not exist' in await failure('/turret/demo/nothing')
        assert 'has type demo_msgs/srv/Add, not demo_msgs/srv/Other' in await failure(
            '/turret/demo/add', type='demo_msgs/Other')
        assert 'lists do not allow to call' in await failure('/turret/web/shutdown')
        assert 'did not answer' in await failure('/turret/demo/slow', timeout=0.05)


@on_loop
async def test_a_slow_service_holds_up_nothing_else(gateway: FakeGateway) -> None:
    release = asyncio.Event()

    async def slow(_: Any) -> dict[str, Any]:
        await release.wait()
        return {'sum': 1}
    gateway.answers['/turret/demo/slow'] = slow
    gateway.serve('/turret/demo/add', lambda values: {'sum': 2})
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        await client.send(op='call_service', service='/turret/demo/slow', id='slow')
        assert (await client.ask(op='call_service', service='/turret/demo/add', id='quick'))['id'] == 'quick'
        release.set()
        assert (await client.receive())['id'] == 'slow'


@on_loop
async def test_calls_under_way_are_bounded(gateway: FakeGateway) -> None:
    async def never(_: Any) -> dict[str, Any]:
        await asyncio.sleep(60.0)
        return {}
    gateway.answers['/turret/demo/slow'] = never
    async with serving(gateway, access=LISTS, limits={'calls': 2}) as door, door.connect() as client:
        for _ in range(2):
            await client.send(op='call_service', service='/turret/demo/slow')
        answer = await client.ask(op='call_service', service='/turret/demo/slow', id=3)
        assert (answer['op'], answer['id'], answer['result']) == ('service_response', 3, False)
        assert 'more than 2 pending calls' in answer['values']


@on_loop
async def test_a_client_can_offer_a_service(gateway: FakeGateway) -> None:
    codec = gateway.service(ADD)
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        await client.send(op='advertise_service', service='/turret/demo/add', type=ADD)
        await client.settle()
        answer = asyncio.create_task(gateway.offered['/turret/demo/add'](codec.request.encode({'a': 1, 'b': 2}, 0)))
        request = await client.receive()
        assert (request['op'], request['service'], request['args']) == (
            'call_service', '/turret/demo/add', {'a': 1, 'b': 2})
        assert 'sum: expected' in await client.error(
            op='service_response', service='/turret/demo/add', id=request['id'], values={'sum': 'x'}, result=True)
        await client.send(
            op='service_response', service='/turret/demo/add', id=request['id'], values={'sum': 3}, result=True)
        assert codec.response.to_json(await answer) == {'sum': 3}
        assert 'is pending' in await client.error(
            op='service_response', service='/turret/demo/add', id=request['id'], values={'sum': 3}, result=True)
        failing = asyncio.create_task(gateway.offered['/turret/demo/add'](codec.request.encode({}, 0)))
        request = await client.receive()
        await client.send(
            op='service_response', service='/turret/demo/add', id=request['id'], values='out of paper', result=False)
        with pytest.raises(TurretError, match='out of paper'):
            await failing
        await client.send(op='unadvertise_service', service='/turret/demo/add')
        await client.settle()
        assert gateway.offered == {}
        assert 'not advertised' in await client.error(op='unadvertise_service', service='/turret/demo/add')
        assert 'lists do not allow' in await client.error(
            op='advertise_service', service='/turret/laser/fire', type=ADD)


# --- actions ---


class CountServer:
    """The services and the topic that an action is made of, as a node would offer them."""

    def __init__(self, gateway: FakeGateway) -> None:
        uuid = Struct('unique_identifier_msgs/msg/UUID', (Field('uuid', Array(Primitive('uint8'), 16), [0] * 16),))
        info = Struct('action_msgs/msg/GoalInfo', (Field('goal_id', uuid, {}), Field('stamp', TIME, {})))

        def service(name: str, request: tuple[Field, ...], response: tuple[Field, ...]) -> None:
            gateway.service_types[name] = ServiceCodec(
                Codec(Struct(f'{name}_Request', request)), Codec(Struct(f'{name}_Response', response)))
        service(f'{COUNT}_SendGoal', (Field('goal_id', uuid, {}), Field('goal', COUNT_GOAL, {})),
                (Field('accepted', Primitive('bool'), False), Field('stamp', TIME, {})))
        service(f'{COUNT}_GetResult', (Field('goal_id', uuid, {}),),
                (Field('status', Primitive('int8'), 0), Field('result', COUNT_RESULT, {})))
        service('action_msgs/srv/CancelGoal', (Field('goal_info', info, {}),),
                (Field('return_code', Primitive('int8'), 0),))
        feedback = Struct(
            f'{COUNT}_FeedbackMessage', (Field('goal_id', uuid, {}), Field('feedback', COUNT_FEEDBACK, {})))
        gateway.types[feedback.name] = Codec(feedback)
        self.feedback_topic = '/turret/demo/count/_action/feedback'
        gateway.topic_types[self.feedback_topic] = feedback.name
        self.gateway = gateway
        self.cancelled = asyncio.Event()
        self.goal_id = ''
        gateway.answers['/turret/demo/count/_action/send_goal'] = self.send_goal
        gateway.answers['/turret/demo/count/_action/get_result'] = self.get_result
        gateway.answers['/turret/demo/count/_action/cancel_goal'] = self.cancel

    async def send_goal(self, values: dict[str, Any]) -> dict[str, Any]:
        self.goal_id = values['goal_id']['uuid']
        return {'accepted': values['goal']['to'] >= 0}

    async def get_result(self, values: dict[str, Any]) -> dict[str, Any]:
        assert values['goal_id']['uuid'] == self.goal_id
        other = base64.b64encode(bytes(16)).decode()
        for goal_id, at in ((other, 99), (self.goal_id, 1), (self.goal_id, 2)):
            self.gateway.emit(self.feedback_topic, {'goal_id': {'uuid': goal_id}, 'feedback': {'at': at}})
        await self.cancelled.wait()
        return {'status': 5, 'result': {'reached': 2}}

    async def cancel(self, values: dict[str, Any]) -> dict[str, Any]:
        assert values['goal_info']['goal_id']['uuid'] == self.goal_id
        self.cancelled.set()
        return {}


@on_loop
async def test_a_goal_from_sending_over_feedback_and_cancelling_to_its_result(gateway: FakeGateway) -> None:
    CountServer(gateway)
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        goal = {'op': 'send_action_goal', 'action': '/turret/demo/count', 'action_type': COUNT, 'id': 'g'}
        first = await client.ask(**goal, args={'to': 3}, feedback=True)
        assert first == {'op': 'action_feedback', 'action': '/turret/demo/count', 'values': {'at': 1}, 'id': 'g'}
        assert (await client.receive())['values'] == {'at': 2}
        again = await client.ask(**goal)
        assert (again['result'], again['values']) == (False, 'goal g is active already')
        assert await client.ask(op='cancel_action_goal', action='/turret/demo/count', id='g') == {
            'op': 'action_result', 'action': '/turret/demo/count', 'values': {'reached': 2}, 'status': 5,
            'result': True, 'id': 'g'}
        assert 'no goal g' in await client.error(op='cancel_action_goal', action='/turret/demo/count', id='g')


@on_loop
async def test_a_goal_that_cannot_be_is_answered(gateway: FakeGateway) -> None:
    CountServer(gateway)
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        async def failure(**more: Any) -> str:
            answer = await client.ask(**{
                'op': 'send_action_goal', 'action': '/turret/demo/count', 'action_type': COUNT, 'id': 'g', **more})
            assert (answer['op'], answer['result'], answer['status']) == ('action_result', False, 0)
            return str(answer['values'])
        assert 'rejected' in await failure(args={'to': -1})
        assert await failure(args={'to': 'x'}) == 'to: expected int32, got a string'
        assert 'not installed' in await failure(action_type='a/action/B')
        assert 'lists do not allow' in await failure(action='/turret/laser/burst')


@on_loop
async def test_a_client_can_offer_an_action(gateway: FakeGateway) -> None:
    codec = gateway.action(COUNT)
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        await client.send(op='advertise_action', action='/turret/demo/count', type=COUNT)
        await client.settle()
        handler = gateway.offered['/turret/demo/count']
        feedback: list[bytes] = []
        result = asyncio.create_task(handler.execute('g1', codec.goal.encode({'to': 2}, 0), feedback.append))
        assert await client.receive() == {
            'op': 'send_action_goal', 'action': '/turret/demo/count', 'action_type': COUNT, 'args': {'to': 2},
            'feedback': True, 'id': 'g1'}
        handler.cancel('g1')
        assert (await client.receive())['op'] == 'cancel_action_goal'
        answer = {'action': '/turret/demo/count', 'id': 'g1'}
        await client.send(op='action_feedback', values={'at': 1}, **answer)
        assert 'not a final status of a goal' in await client.error(
            op='action_result', values={}, status=2, result=True, **answer)
        await client.send(op='action_result', values={'reached': 1}, status=5, result=True, **answer)
        status, data = await result
        assert (status, codec.result.to_json(data)) == (5, {'reached': 1})
        assert [codec.feedback.to_json(message) for message in feedback] == [{'at': 1}]
        assert 'no goal g1' in await client.error(op='action_feedback', values={}, **answer)
        orphan = asyncio.create_task(handler.execute('g2', codec.goal.encode({}, 0), feedback.append))
        await client.receive()
        await client.send(op='unadvertise_action', action='/turret/demo/count')
        assert (await orphan)[0] == 6
        assert gateway.offered == {}


# --- status messages and wrong input ---


@on_loop
async def test_set_level_decides_what_is_reported(gateway: FakeGateway) -> None:
    async with serving(gateway, access=LISTS) as door, door.connect() as client:
        await client.send(op='unadvertise', topic=NOTES)
        await client.settle()  # a warning is not sent by default
        await client.send(op='set_level', level='warning')
        assert (await client.ask(op='unadvertise', topic=NOTES))['level'] == 'warning'
        assert 'none of' in await client.error(op='set_level', level='loud')
        await client.send(op='set_level', level='none')
        await client.send(op='no such operation')
        await client.send(op='set_level', level='error')
        await client.settle()


@on_loop
async def test_wrong_messages_are_answered_and_change_nothing(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        for text, reason in (
                ('{', 'not valid JSON'), ('[]', 'a JSON object'), ('{}', '"op" is missing'),
                ('{"op":1}', '"op" has the wrong type'), ('{"op":"fly"}', 'operation "fly" is not supported'),
                ('{"op":"subscribe"}', '"topic" is missing'), ('{"op":"subscribe","topic":3}', 'wrong type'),
                ('{"op":"subscribe","topic":"/turret/status","throttle_rate":"x"}', 'wrong type'),
                ('{"op":"subscribe","topic":"/turret/status","compression":"zip"}', 'none of none, png, cbor'),
                ('{"op":"subscribe","topic":"/secret"}', 'lists do not allow to read'),
                ('{"op":"?","id":[]}', '"id" has the wrong type'), ('[' * 40 + ']' * 40, 'nested deeper'),
                ('{"op":"publish","topic":"/x","msg":' + '{"a":' * 40 + '1' + '}' * 41, 'nested deeper')):
            await client.socket.send_str(text)
            answer = await client.receive()
            assert (answer['op'], answer['level']) == ('status', 'error')
            assert reason in answer['msg']
        assert gateway.feeds == {}


@on_loop
async def test_a_message_that_is_too_large_ends_the_connection(gateway: FakeGateway) -> None:
    async with serving(gateway, limits={'message_bytes': 1000}) as door, door.connect() as client:
        await client.socket.send_str('x' * 1001)
        message = await client.socket.receive(5.0)
        assert client.socket.closed, message
        assert client.socket.close_code == 1009


@on_loop
async def test_connections_and_subscriptions_are_bounded(gateway: FakeGateway) -> None:
    async with serving(gateway, limits={'clients': 1, 'subscriptions': 2}) as door, door.connect() as client:
        status, answer = await door.get('/rosbridge')
        assert (status, answer['success']) == (429, False)
        for name in 'ab':
            await client.send(op='subscribe', topic=NOTES, id=name)
        assert 'more than 2' in await client.error(op='subscribe', topic=NOTES, id='c')


@on_loop
async def test_a_client_that_sends_too_fast_is_slowed_down_and_loses_nothing(gateway: FakeGateway) -> None:
    async with serving(gateway, access=LISTS, limits={'messages_per_s': 100.0}) as door, door.connect() as client:
        started = asyncio.get_running_loop().time()
        for number in range(130):
            await client.send(op='publish', topic=NOTES, msg={'number': number})
        await client.settle()
        assert [values['number'] for _, values in gateway.published] == list(range(130))
        assert asyncio.get_running_loop().time() - started > 0.25


@on_loop
@pytest.mark.parametrize('args', ['[' + '[],' * 20_000 + '[]]', '[' + '1,' * 110_000 + '1]'])
async def test_a_call_that_is_too_large_is_answered_as_a_call(gateway: FakeGateway, args: str) -> None:
    async with serving(gateway) as door, door.connect() as client:
        for text in ('{"op":"call_service","service":"/x","args":%s,"id":"a:1"}',
                     '{"id": "a:1", "args": %s, "service": "/x", "op": "call_service"}'):
            await client.socket.send_str(text % args)
            answer = await client.receive()
            assert (answer['op'], answer['result'], answer['id']) == ('service_response', False, 'a:1')
            assert 'in one message' in answer['values']
