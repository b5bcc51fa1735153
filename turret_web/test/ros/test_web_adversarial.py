# SPDX-License-Identifier: Apache-2.0
"""Malformed and unusual requests in a real graph: each is answered, and none affects other clients."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from std_msgs.msg import String
from test_web_node import Bridge, start

from turret_common.testing.waiting import wait_until
from turret_msgs.action import Home
from turret_msgs.msg import FireRequest
from turret_msgs.srv import Stop
from turret_web.web_node import WebNode

RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BAD_ENDS = ('a b', '1x', 'x/', '/x', '{x}', 'a' * 300, 'x\0', 'x\0/state', '\u2603', '')
HOME = 'turret_msgs/action/Home'


@pytest.fixture
def web(ros: Any) -> Any:
    return start(ros, **{'access.operator_topics': ['demo/*']})


@pytest.fixture
def bridge(web: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Bridge]:
    client = Bridge(web.address[1])
    yield client
    client.close()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def ask(bridge: Bridge, request_id: str, **message: Any) -> dict[str, Any]:
    bridge.send(id=request_id, **message)
    return bridge.wait(id=request_id)


def test_a_zero_character_in_a_name_does_not_pass_the_access_list(ros: Any, web: Any, bridge: Bridge) -> None:
    ros.probe.create_publisher(FireRequest, 'controller/fire_request', 10)
    for number, topic in enumerate(('/turret/controller/fire_request\0/state', '/turret/safety/fire_grant\0/state')):
        answer = ask(bridge, f's{number}', op='subscribe', topic=topic, type='turret_msgs/msg/FireRequest')
        assert (answer['op'], answer['level']) == ('status', 'error')
        assert 'not a ROS name' in answer['msg']
    assert ros.probe.count_subscribers('/turret/controller/fire_request') == 0


@pytest.mark.parametrize('end', BAD_ENDS, ids=ascii)
def test_names_that_ros_does_not_accept_are_answered(bridge: Bridge, end: str) -> None:
    name = f'/turret/camera/{end}'
    for number, type_name in enumerate(({}, {'type': 'std_msgs/msg/String'})):
        assert ask(bridge, f's{number}', op='subscribe', topic=name, **type_name)['op'] == 'status'
        assert ask(bridge, f'c{number}', op='call_service', service=name, **type_name)['result'] is False
    answer = ask(bridge, 'g', op='send_action_goal', action=name, action_type=HOME, args={})
    assert (answer['op'], answer['result']) == ('action_result', False)
    for verb, key in (('publishers', 'topic'), ('subscribers', 'topic'), ('node_details', 'node'),
                      ('topic_type', 'topic'), ('service_node', 'service')):
        answer = ask(bridge, verb, op='call_service', service=f'/rosapi/{verb}', args={key: name})
        assert (answer['op'], answer['result']) == ('service_response', False)
    parameter = ask(bridge, 'p', op='call_service', service='/rosapi/get_param', args={'name': f'{name}:x'})
    assert parameter['result'] is False


@pytest.mark.parametrize('type_name', [HOME, f'{HOME}_SendGoal', 'x', 'os/path', ''])
def test_types_of_another_kind_are_answered(ros: Any, bridge: Bridge, type_name: str) -> None:
    ros.probe.create_service(Stop, 'safety/stop', lambda request, response: response)
    wait_until(lambda: ros.probe.count_services('/turret/safety/stop'))
    wait_until(lambda: ask(bridge, f't{time.monotonic()}', op='call_service', service='/turret/safety/stop')['result'])
    assert ask(bridge, 's', op='subscribe', topic='/turret/camera/later', type=type_name)['level'] == 'error'
    assert ask(bridge, 'a', op='advertise', topic='/turret/demo/note', type=type_name)['level'] == 'error'
    if type_name:
        assert ask(
            bridge, 'c', op='call_service', service='/turret/safety/stop', type=type_name)['result'] is False
    for verb in ('message_details', 'service_request_details'):
        if not (verb == 'service_request_details' and type_name.endswith('_SendGoal')):
            answer = ask(bridge, verb, op='call_service', service=f'/rosapi/{verb}', args={'type': type_name})
            assert answer['result'] is False
    assert ask(bridge, 'time', op='call_service', service='/rosapi/get_time')['result'] is True


def test_a_wrong_action_type_disables_the_action_for_no_one(ros: Any, web: Any, bridge: Bridge) -> None:
    def execute(goal: Any) -> Any:
        goal.succeed()
        return Home.Result(success=True)
    server = ActionServer(ros.probe, Home, 'gimbal/home', execute)
    wait_until(lambda: web.count_services('/turret/gimbal/home/_action/get_result'))
    wrong = {'op': 'send_action_goal', 'action': '/turret/gimbal/home', 'args': {}}
    answer = ask(bridge, 'w', **wrong, action_type='turret_msgs/action/RunPattern')
    assert 'has type turret_msgs/action/Home, not turret_msgs/action/RunPattern' in answer['values']
    for number in range(20):
        answer = ask(bridge, f'n{number}', **{**wrong, 'action': f'/turret/gimbal/none{number}'}, action_type=HOME)
        assert 'does not exist' in answer['values']
    assert not [name for name, _ in ros.probe.get_service_names_and_types() if 'none' in name]
    answer = ask(bridge, 'r', **wrong, action_type=HOME)
    assert (answer['status'], answer['result']) == (4, True)
    server.destroy()


@pytest.mark.parametrize('gap_s', [0.0, 0.0005, 0.002, 0.005, 0.02])
def test_a_cancel_right_after_its_goal_is_not_lost(ros: Any, web: Any, bridge: Bridge, gap_s: float) -> None:
    cancelled = Future()

    def cancel(_: Any) -> CancelResponse:
        cancelled.set_result(True)
        return CancelResponse.ACCEPT

    async def execute(goal: Any) -> Any:
        await cancelled
        goal.canceled()
        return Home.Result(message='stopped')
    server = ActionServer(ros.probe, Home, 'gimbal/home', execute, cancel_callback=cancel)
    wait_until(lambda: web.count_services('/turret/gimbal/home/_action/get_result'))
    bridge.send(op='send_action_goal', action='/turret/gimbal/home', action_type=HOME, args={}, id='g')
    time.sleep(gap_s)  # the case that is tested
    bridge.send(op='cancel_action_goal', action='/turret/gimbal/home', id='g')
    assert bridge.wait(id='g')['status'] == 5
    server.destroy()


def test_a_cancel_that_fails_is_answered(ros: Any, web: Any, bridge: Bridge) -> None:
    done = Future()

    async def execute(goal: Any) -> Any:
        await done
        goal.succeed()
        return Home.Result()
    server = ActionServer(
        ros.probe, Home, 'gimbal/home', execute, cancel_callback=lambda _: CancelResponse.REJECT)
    wait_until(lambda: web.count_services('/turret/gimbal/home/_action/get_result'))
    bridge.send(op='send_action_goal', action='/turret/gimbal/home', action_type=HOME, args={}, id='g')
    answer = ask(bridge, 'g', op='cancel_action_goal', action='/turret/gimbal/home')
    assert (answer['op'], answer['level']) == ('status', 'error')
    assert 'was not cancelled' in answer['msg']
    ros.probe.executor.create_task(done.set_result, None)  # from here it would not wake the executor
    assert bridge.wait(op='action_result')['status'] == 4
    server.destroy()


def texts(bridge: Bridge) -> list[str]:
    return [message['msg']['data'] for message in bridge.messages if message['op'] == 'publish']


@pytest.mark.parametrize(('before', 'after'), [
    (RELIABLE, BEST_EFFORT), (LATCHED, RELIABLE), (BEST_EFFORT, RELIABLE), (LATCHED, BEST_EFFORT)])
def test_a_subscription_follows_a_publisher_that_is_replaced(
        ros: Any, bridge: Bridge, before: QoSProfile, after: QoSProfile) -> None:
    def published_until_received(publisher: Any, text: str) -> None:
        def received() -> bool:
            publisher.publish(String(data=text))
            time.sleep(0.02)
            return text in texts(bridge)
        wait_until(received, what=text)
    bridge.send(op='subscribe', topic='/turret/vision/note', type='std_msgs/msg/String')
    first = ros.probe.create_publisher(String, 'vision/note', before)
    published_until_received(first, 'first')
    ros.probe.destroy_publisher(first)
    second = ros.probe.create_publisher(String, 'vision/note', after)
    published_until_received(second, 'second')


def test_bursts_arrive_whole_also_for_who_subscribed_before_the_publisher_existed(ros: Any, bridge: Bridge) -> None:
    bridge.send(op='subscribe', topic='/turret/vision/note', type='std_msgs/msg/String')
    wait_until(lambda: ros.probe.count_subscribers('/turret/vision/note'))
    publisher = ros.probe.create_publisher(String, 'vision/note', RELIABLE)

    def is_reliable() -> bool:
        found = ros.probe.get_subscriptions_info_by_topic('/turret/vision/note')
        return bool(found) and found[0].qos_profile.reliability is ReliabilityPolicy.RELIABLE
    wait_until(lambda: is_reliable() and publisher.get_subscription_count())
    for number in range(150):
        publisher.publish(String(data=str(number)))
        if number % 50 == 49:
            wait_until(lambda number=number: len(texts(bridge)) == number + 1)
    assert texts(bridge) == [str(number) for number in range(150)]


def test_forty_calls_of_one_service_at_the_same_time_are_answered(ros: Any, web: Any, bridge: Bridge) -> None:
    ros.probe.create_service(Stop, 'safety/stop', lambda request, response: response)
    wait_until(lambda: web.count_services('/turret/safety/stop'))
    for number in range(60):
        bridge.send(op='call_service', service='/turret/safety/stop', id=f'c{number}')
    wait_until(lambda: len(bridge.messages) == 60)
    assert {(message['op'], message['result']) for message in bridge.messages} == {('service_response', True)}


def test_two_types_of_one_topic_at_the_same_time_are_refused_without_an_internal_error(
        web: Any, bridge: Bridge) -> None:
    other = Bridge(web.address[1])
    for number in range(20):
        topic = f'/turret/demo/note{number}'
        bridge.send(op='advertise', topic=topic, type='std_msgs/msg/String', id=f'a {number}')
        other.send(op='advertise', topic=topic, type='std_msgs/msg/Int64', id=f'b {number}')
    for client in (bridge, other):
        assert ask(client, 'time', op='call_service', service='/rosapi/get_time')['result']
    refused = [message for client in (bridge, other) for message in client.messages if message['op'] == 'status']
    assert len(refused) == 20
    assert not [message for message in refused if 'internal error' in message['msg']]
    other.close()


def test_a_stop_does_not_wait_for_the_executor_of_the_node(ros: Any) -> None:
    ros.probe.create_service(Stop, 'safety/stop', lambda request, response: response)
    web = WebNode(  # nothing spins it
        namespace='turret', context=ros.context, parameter_overrides=[Parameter('port', value=0)])
    client = Bridge(web.address[1])
    try:
        wait_until(lambda: web.count_services('/turret/safety/stop'))
        for number in range(20):
            answer = ask(client, f'stop {number}', op='call_service', service='/turret/safety/stop')
            assert answer['result'] is True, answer
    finally:
        client.close()
        web.destroy_node()


def test_a_latched_message_of_a_publisher_that_ended_is_not_sent(ros: Any, web: Any, bridge: Bridge) -> None:
    publisher = ros.probe.create_publisher(String, 'vision/note', LATCHED)
    publisher.publish(String(data='old'))
    wait_until(lambda: web.count_publishers('/turret/vision/note'))
    bridge.send(op='subscribe', topic='/turret/vision/note', id='1')
    wait_until(lambda: texts(bridge) == ['old'])
    late = Bridge(web.address[1])
    late.send(op='subscribe', topic='/turret/vision/note')
    wait_until(lambda: texts(late) == ['old'])
    ros.probe.destroy_publisher(publisher)
    wait_until(lambda: not web.count_publishers('/turret/vision/note'))
    other = ros.probe.create_publisher(String, 'vision/note', LATCHED)
    wait_until(other.get_subscription_count)
    third = Bridge(web.address[1])
    third.send(op='subscribe', topic='/turret/vision/note', type='std_msgs/msg/String')
    time.sleep(1.2)  # a review of the publishers
    fourth = Bridge(web.address[1])
    fourth.send(op='subscribe', topic='/turret/vision/note', type='std_msgs/msg/String')
    assert ask(fourth, 'time', op='call_service', service='/rosapi/get_time')['result']
    assert texts(fourth) == []
    other.publish(String(data='new'))
    wait_until(lambda: texts(fourth) == ['new'])
    for client in (late, third, fourth):
        client.close()


def test_a_wrong_early_type_locks_out_no_one(ros: Any, web: Any, bridge: Bridge) -> None:
    topic = '/turret/camera/later'
    bridge.send(op='subscribe', topic=topic, type='std_msgs/msg/Int64', id='wrong')
    wait_until(lambda: ros.probe.count_subscribers(topic))
    answer = ask(bridge, 't', op='call_service', service='/rosapi/topic_type', args={'topic': topic})
    assert answer['values'] == {'type': ''}
    early = Bridge(web.address[1])
    early.send(op='subscribe', topic=topic, type='std_msgs/msg/String')
    context = Context()  # in one context, a topic has one type
    rclpy.init(context=context, domain_id=ros.domain_id)
    other = Node('other', namespace='turret', context=context)
    publisher = other.create_publisher(String, 'camera/later', RELIABLE)
    wait_until(lambda: web.count_publishers(topic))
    late = Bridge(web.address[1])
    late.send(op='subscribe', topic=topic)

    def received() -> bool:
        publisher.publish(String(data='right'))
        time.sleep(0.02)
        return 'right' in texts(early) and 'right' in texts(late)
    wait_until(received)
    assert 'has type std_msgs/msg/String, not std_msgs/msg/Int64' in bridge.wait(id='wrong')['msg']
    for client in (early, late):
        client.close()
    other.destroy_node()
    rclpy.try_shutdown(context=context)


def test_parameters_that_the_turret_did_not_declare_cannot_be_set(ros: Any, web: Any, bridge: Bridge) -> None:
    controller = ros.add(Node('controller', namespace='turret', context=ros.context))
    wait_until(lambda: web.count_services('/turret/controller/set_parameters'))
    wait_until(lambda: web.count_services('/turret/controller/describe_parameters'))
    change = {'parameters': [{'name': 'use_sim_time', 'value': {'type': 1, 'bool_value': True}}]}
    for request_id, service, args in (
            ('1', '/turret/controller/set_parameters', change),
            ('2', '/turret/controller/set_parameters_atomically', change),
            ('3', '/rosapi/set_param', {'name': '/turret/controller:use_sim_time', 'value': 'true'})):
        answer = ask(bridge, request_id, op='call_service', service=service, args=args)
        assert answer['result'] is False
        assert 'not a parameter of the turret' in answer['values']
    assert controller.get_parameter('use_sim_time').value is False


class Offering:
    """A web node whose executor sleeps until it is woken, as in its own process, and a client that offers."""

    def __init__(self, ros: Any) -> None:
        overrides = [Parameter(name, value=value) for name, value in {
            'port': 0, 'access.operator_offers': ['demo/*']}.items()]
        self.context = Context()
        rclpy.init(context=self.context, domain_id=ros.domain_id)
        self.web = WebNode(namespace='turret', context=self.context, parameter_overrides=overrides)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.web)
        self.error: Exception | None = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._spin)
        self.thread.start()
        self.client = Bridge(self.web.address[1])

    def _spin(self) -> None:
        try:
            while not self.ending.is_set():
                self.executor.spin_once()
        except Exception as error:  # noqa: BLE001  reported by the test
            self.error = error

    def close(self) -> None:
        self.ending.set()
        self.executor.create_task(lambda: None)  # ends spin_once(), which waits on after wake()
        self.thread.join(5.0)
        assert not self.thread.is_alive()
        self.web.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def offering(ros: Any) -> Iterator[Offering]:
    setup = Offering(ros)
    yield setup
    setup.close()
    assert setup.error is None


def test_an_offered_service_answers_nine_of_nine_and_survives_the_end_of_its_client(
        ros: Any, offering: Offering) -> None:
    bridge = offering.client
    bridge.send(op='advertise_service', service='/turret/demo/stop', type='turret_msgs/srv/Stop')
    client = ros.probe.create_client(Stop, 'demo/stop')
    assert client.wait_for_service(5.0)
    for number in range(9):
        future = client.call_async(Stop.Request(reason=str(number)))
        request = wait_until(lambda number=number: next((
            message for message in bridge.messages
            if message['op'] == 'call_service' and message['args']['reason'] == str(number)), None))
        bridge.send(op='service_response', service='/turret/demo/stop', id=request['id'],
                    values={'message': f'hello {number}'}, result=True)
        wait_until(future.done, what=f'answer {number}')
        assert future.result().message == f'hello {number}'
    pending = client.call_async(Stop.Request(reason='pending'))
    wait_until(lambda: any(message.get('args', {}).get('reason') == 'pending' for message in bridge.messages))
    bridge.close()
    wait_until(pending.done, what='the answer to a request whose client has ended')
    wait_until(lambda: not ros.probe.count_services('/turret/demo/stop'))
    second = Bridge(offering.web.address[1])
    assert ask(second, 'time', op='call_service', service='/rosapi/get_time')['result']
    second.close()


@pytest.mark.parametrize(('kind', 'type_name'), [('service', 'turret_msgs/srv/Stop'), ('action', HOME)])
def test_one_of_two_clients_that_offer_the_same_at_the_same_time_is_refused(
        ros: Any, kind: str, type_name: str) -> None:
    web = start(ros, **{'access.operator_offers': ['demo/*']})
    clients = [Bridge(web.address[1]) for _ in range(2)]
    for number in range(5):
        offer = {kind: f'/turret/demo/same{number}', 'type': type_name, 'op': f'advertise_{kind}'}
        for client in clients:
            client.send(id=f'o{number}', **offer)
        answers = []
        for client in clients:  # what comes after an offer is answered after it
            client.send(op='unknown', id=f'end{number}')
            client.wait(id=f'end{number}')
            answers += [message for message in client.messages if message.get('id') == f'o{number}']
        assert [answer['level'] for answer in answers] == ['error']
        assert 'already' in answers[0]['msg']
    for client in clients:
        client.close()


@pytest.mark.parametrize(('kind', 'offer'), [
    ('service', {'service': '/turret/demo/stop', 'type': 'turret_msgs/srv/Stop'}),
    ('action', {'action': '/turret/demo/home', 'type': 'turret_msgs/Home'})])
def test_what_a_client_offered_may_be_offered_by_the_next_one_at_once(
        ros: Any, offering: Offering, kind: str, offer: dict[str, str]) -> None:
    first = offering.client
    first.send(op=f'advertise_{kind}', **offer)
    assert ask(first, 'time', op='call_service', service='/rosapi/get_time')['result']
    client = ros.probe.create_client(Stop, 'demo/stop')
    if kind == 'service':
        assert client.wait_for_service(5.0)
        client.call_async(Stop.Request(reason='pending'))
        first.wait(op='call_service')
    second = Bridge(offering.web.address[1])
    first.close()
    second.send(op=f'advertise_{kind}', id='again', **offer)
    assert ask(second, 'time', op='call_service', service='/rosapi/get_time')['result']
    assert not [message for message in second.messages if message['op'] == 'status']
    second.close()


def test_an_offered_action_keeps_the_order_of_goals_and_survives_the_end_of_its_client(
        ros: Any, offering: Offering) -> None:
    bridge = offering.client
    bridge.send(op='advertise_action', action='/turret/demo/home', type=HOME)
    client = ActionClient(ros.probe, Home, 'demo/home')
    assert client.wait_for_server(5.0)

    def goals() -> list[dict[str, Any]]:
        return [message for message in bridge.messages if message['op'] == 'send_action_goal']
    for round_number in range(4):
        sent = [client.send_goal_async(Home.Goal(lease_id=f'{round_number}.{number}')) for number in range(2)]
        wait_until(lambda: len(goals()) == 2 * round_number + 2)  # noqa: B023  used before the next round
        new = goals()[-2:]
        assert {goal['action_type'] for goal in new} == {HOME}  # as the client wrote it
        assert [goal['args']['lease_id'] for goal in new] == [f'{round_number}.0', f'{round_number}.1']
        for goal in new:
            bridge.send(op='action_result', action='/turret/demo/home', id=goal['id'], values={'message': 'done'},
                        status=4, result=True)
        for future in sent:
            wait_until(future.done)
            result = future.result().get_result_async()
            wait_until(result.done)
            assert (result.result().status, result.result().result.message) == (4, 'done')
    last = client.send_goal_async(Home.Goal())
    wait_until(last.done)
    result = last.result().get_result_async()
    bridge.close()
    wait_until(result.done, what='the end of a goal whose client has ended')
    assert result.result().status == 6
    wait_until(lambda: not ros.probe.count_services('/turret/demo/home/_action/send_goal'))
    second = Bridge(offering.web.address[1])
    assert ask(second, 'time', op='call_service', service='/rosapi/get_time')['result']
    second.close()
    client.destroy()
