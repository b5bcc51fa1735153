# SPDX-License-Identifier: Apache-2.0
"""The node in a real graph: topics with every quality of service, services, actions, parameters, and roslibpy."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from rcl_interfaces.msg import Log, ParameterDescriptor
from rclpy.action import ActionClient, ActionServer
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from turret_common.errors import TurretError
from turret_common.ros import qos as ros_qos
from turret_common.ros.qos import FollowedQos
from turret_common.ros.serialization import serialized
from turret_common.testing.waiting import wait_until
from turret_msgs.action import Home
from turret_msgs.msg import LaserState, TurretStatus
from turret_msgs.srv import SetMode, Stop
from turret_web.access.access import load_tokens, tokens_path
from turret_web.web_node import WebNode

BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class Bridge:
    """A rosbridge client on a thread of its own, for tests that are busy with ROS."""

    def __init__(self, port: int) -> None:
        self.messages: list[dict[str, Any]] = []
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._socket: Any = None
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._read()), daemon=True)
        self._thread.start()
        wait_until(lambda: self._socket is not None)

    async def _read(self) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(
                f'http://127.0.0.1:{self._port}/rosbridge') as self._socket:
            async for message in self._socket:
                self.messages.append(json.loads(message.data))

    def send(self, **message: Any) -> None:
        asyncio.run_coroutine_threadsafe(self._socket.send_str(json.dumps(message)), self._loop).result(5.0)

    def wait(self, **expected: Any) -> dict[str, Any]:
        """Return the first message that has these members."""
        def found() -> Any:
            return next((m for m in self.messages if expected.items() <= m.items()), None)
        return dict(wait_until(found, what=f'{expected} among {self.messages}'))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._socket.close(), self._loop).result(5.0)
        self._thread.join(5.0)


def start(ros: Any, **parameters: Any) -> Any:
    overrides = [Parameter(name, value=value) for name, value in {'port': 0, **parameters}.items()]
    return ros.add(WebNode(namespace='turret', context=ros.context, parameter_overrides=overrides))


@pytest.fixture
def web(ros: Any) -> Any:
    return start(ros)


@pytest.fixture
def bridge(web: Any) -> Iterator[Bridge]:
    client = Bridge(web.address[1])
    yield client
    client.close()


def test_tokens_are_neither_printed_nor_logged(ros: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Viewers may read the log; what is printed is kept in files."""
    logs: list[Log] = []
    ros.probe.create_subscription(Log, '/rosout', logs.append, QoSProfile(
        depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    node = start(ros, host='0.0.0.0')
    tokens = load_tokens(tokens_path(node.get_namespace()))
    wait_until(lambda: any('./turret token show' in log.msg for log in logs))
    printed = ''.join(capfd.readouterr()) + ''.join(log.msg for log in logs)
    assert tokens.operator not in printed
    assert tokens.viewer not in printed


def test_messages_reach_a_client_whatever_their_quality_of_service(ros: Any, bridge: Bridge) -> None:
    publishers = {
        'status': (TurretStatus, ros_qos.STATUS), 'laser/state': (LaserState, ros_qos.STATE),
        'vision/note': (String, BEST_EFFORT)}
    made = {topic: ros.probe.create_publisher(cls, topic, qos) for topic, (cls, qos) in publishers.items()}
    made['laser/state'].publish(LaserState(driver='early'))
    wait_until(lambda: all(ros.probe.count_publishers(topic) for topic in made))
    for topic in made:
        bridge.send(op='subscribe', topic=f'/turret/{topic}')
    assert bridge.wait(topic='/turret/laser/state')['msg']['driver'] == 'early'
    wait_until(lambda: all(publisher.get_subscription_count() for publisher in made.values()))
    made['status'].publish(TurretStatus(seq=3))
    made['vision/note'].publish(String(data='quick'))
    assert bridge.wait(topic='/turret/status')['msg']['seq'] == 3
    assert bridge.wait(topic='/turret/vision/note')['msg'] == {'data': 'quick'}


def test_a_subscription_adapts_to_publishers_that_come_later(ros: Any, bridge: Bridge) -> None:
    def durability() -> Any:
        found = ros.probe.get_subscriptions_info_by_topic('/turret/laser/state')
        return found[0].qos_profile.durability if found else None
    bridge.send(op='subscribe', topic='/turret/laser/state', type='turret_msgs/LaserState')
    wait_until(lambda: durability() is DurabilityPolicy.VOLATILE)
    late = ros.probe.create_publisher(LaserState, 'laser/state', BEST_EFFORT)
    wait_until(late.get_subscription_count)
    late.publish(LaserState(driver='best effort'))
    assert bridge.wait(topic='/turret/laser/state')['msg']['driver'] == 'best effort'
    ros.probe.destroy_publisher(late)
    bridge.messages.clear()
    state = ros.probe.create_publisher(LaserState, 'laser/state', ros_qos.STATE)
    second = ros.probe.create_publisher(LaserState, 'laser/state', ros_qos.STATE)
    wait_until(lambda: durability() is DurabilityPolicy.TRANSIENT_LOCAL)
    state.publish(LaserState(driver='latched'))
    bridge.wait(topic='/turret/laser/state')
    ros.probe.destroy_publisher(second)


def test_text_that_is_not_utf_8_reaches_a_client(ros: Any, bridge: Bridge) -> None:
    publisher = ros.probe.create_publisher(String, 'vision/note', ros_qos.STATE)
    publisher.publish(serialized(String(data='20 xC')).replace(b'x', b'\xb0'))
    bridge.send(op='subscribe', topic='/turret/vision/note', type='std_msgs/msg/String')
    assert bridge.wait(op='publish')['msg'] == {'data': '20 \N{REPLACEMENT CHARACTER}C'}


def test_subscribing_and_unsubscribing_quickly_starts_one_review(
        ros: Any, web: Any, bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    reviews: list[float] = []
    review = FollowedQos.review

    def counted(followed: FollowedQos) -> bool:
        reviews.append(time.monotonic())
        return review(followed)
    monkeypatch.setattr(FollowedQos, 'review', counted)
    for _ in range(50):
        bridge.send(op='subscribe', topic='/turret/vision/note', type='std_msgs/msg/String')
        bridge.send(op='unsubscribe', topic='/turret/vision/note')
    bridge.send(op='subscribe', topic='/turret/vision/note', type='std_msgs/msg/String')
    bridge.send(op='call_service', service='/rosapi/get_time', id='done')
    bridge.wait(id='done')
    reviews.clear()
    wait_until(lambda: len(reviews) >= 3)
    assert reviews[2] - reviews[0] > 1.5  # one review a second


def test_publishing_through_the_bridge(ros: Any) -> None:
    bridge = Bridge(start(ros, **{'access.operator_topics': ['demo/*']}).address[1])
    states = ros.collect(LaserState, 'demo/laser', ros_qos.COMMAND)
    bridge.send(op='advertise', topic='/turret/demo/laser', type='turret_msgs/LaserState')
    wait_until(lambda: ros.probe.count_publishers('demo/laser'))

    def received() -> bool:
        bridge.send(op='publish', topic='/turret/demo/laser', msg={'driver': 'd', 'power': 0.5})
        time.sleep(0.02)
        return bool(states)
    wait_until(received)
    assert (states[0].driver, states[0].power) == ('d', 0.5)
    bridge.close()


def test_services_over_the_bridge_and_over_http(ros: Any, web: Any, bridge: Bridge) -> None:
    def set_mode(request: Any, response: Any) -> Any:
        response.success, response.message = request.mode == 2, request.lease_id
        return response
    ros.probe.create_service(SetMode, 'controller/set_mode', set_mode)
    wait_until(lambda: dict(web.get_service_names_and_types()).get('/turret/controller/set_mode'))
    bridge.send(
        op='call_service', service='/turret/controller/set_mode', args={'lease_id': 'é', 'mode': 2}, id='1')
    assert bridge.wait(id='1') == {
        'op': 'service_response', 'service': '/turret/controller/set_mode', 'result': True, 'id': '1',
        'values': {'success': True, 'code': 0, 'message': 'é'}}
    url = f'http://127.0.0.1:{web.address[1]}/api/controller/set_mode'
    with urllib.request.urlopen(urllib.request.Request(url, b'{"mode": 1}')) as answer:
        assert json.load(answer)['success'] is False


def test_a_service_that_goes_away_during_a_call_is_reported(
        ros: Any, bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.gateway.ros_gateway._ALIVE_S', 0.05)
    other = Node('other', namespace='turret', context=ros.context)  # not spun, so it never answers
    service = other.create_service(Stop, 'safety/stop', lambda request, response: response)
    wait_until(lambda: dict(ros.probe.get_service_names_and_types()).get('/turret/safety/stop'))
    bridge.send(op='call_service', service='/turret/safety/stop', id='1', timeout=0.3)
    assert 'did not answer within 0.3 s' in bridge.wait(id='1')['values']
    bridge.send(op='call_service', service='/turret/safety/stop', id='2')
    time.sleep(0.2)
    other.destroy_service(service)
    assert 'ended before it answered' in bridge.wait(id='2')['values']
    other.destroy_node()
    bridge.send(op='call_service', service='/turret/safety/stop', id='3')
    assert 'has no server now' in bridge.wait(id='3')['values']


def test_parameters_of_listed_nodes_may_be_changed(ros: Any, bridge: Bridge) -> None:
    camera = ros.add(Node('camera', namespace='turret', context=ros.context))
    camera.declare_parameter('exposure_us', 100.0, ParameterDescriptor(description='Exposure time'))
    change = {'parameters': [{'name': 'exposure_us', 'value': {'type': 2, 'integer_value': 250}}]}  # JSON has no 250.0
    wait_until(lambda: dict(ros.probe.get_service_names_and_types()).get('/turret/camera/set_parameters'))
    bridge.send(op='call_service', service='/turret/camera/set_parameters', args=change, id='1')
    assert bridge.wait(id='1')['values']['results'][0]['successful']
    assert camera.get_parameter('exposure_us').value == 250.0
    bridge.send(op='call_service', service='/turret/web/set_parameters', args=change, id='2')
    assert 'do not allow to change parameter' in bridge.wait(id='2')['values']
    bridge.send(op='call_service', service='/rosapi/get_param', args={'name': '/turret/camera:exposure_us'}, id='3')
    assert bridge.wait(id='3')['values'] == {'value': '250.0'}


def test_actions(ros: Any, bridge: Bridge) -> None:
    def execute(goal: Any) -> Any:
        goal.publish_feedback(Home.Feedback())
        assert bridge.wait(op='action_feedback')['id'] == 'g'
        goal.succeed()
        return Home.Result(success=True, message='home')
    server = ActionServer(ros.probe, Home, 'gimbal/home', execute)
    wait_until(lambda: dict(ros.probe.get_service_names_and_types()).get('/turret/gimbal/home/_action/get_result'))
    bridge.send(
        op='send_action_goal', action='/turret/gimbal/home', action_type='turret_msgs/action/Home', args={},
        feedback=True, id='g')
    result = bridge.wait(op='action_result')
    assert (result['id'], result['status'], result['result'], result['values']['message']) == ('g', 4, True, 'home')
    server.destroy()


@pytest.fixture
def generous(ros: Any) -> Iterator[Bridge]:
    """A client that may offer services and actions."""
    client = Bridge(start(ros, **{'access.operator_offers': ['demo/*']}).address[1])
    yield client
    client.close()


def test_a_client_offers_a_service(ros: Any, generous: Bridge) -> None:
    generous.send(op='advertise_service', service='/turret/demo/stop', type='turret_msgs/srv/Stop')
    client = ros.probe.create_client(Stop, 'demo/stop')
    assert client.wait_for_service(5.0)
    future = client.call_async(Stop.Request())
    request = generous.wait(op='call_service')
    generous.send(
        op='service_response', service='/turret/demo/stop', id=request['id'], values={'message': 'hello'}, result=True)
    wait_until(future.done)
    assert future.result().message == 'hello'


def test_a_client_offers_an_action(ros: Any, generous: Bridge) -> None:
    generous.send(op='advertise_action', action='/turret/demo/home', type='turret_msgs/action/Home')
    client = ActionClient(ros.probe, Home, 'demo/home')
    assert client.wait_for_server(5.0)
    feedback: list[Any] = []
    sent = client.send_goal_async(Home.Goal(), feedback.append)
    goal = generous.wait(op='send_action_goal')
    wait_until(sent.done)
    answer = {'action': '/turret/demo/home', 'id': goal['id']}
    generous.send(op='action_feedback', values={}, **answer)
    wait_until(lambda: feedback)
    cancelled = sent.result().cancel_goal_async()
    assert generous.wait(op='cancel_action_goal')['id'] == goal['id']
    wait_until(cancelled.done)
    generous.send(op='action_result', values={'message': 'stopped'}, status=5, result=True, **answer)
    result = sent.result().get_result_async()
    wait_until(result.done)
    assert (result.result().status, result.result().result.message) == (5, 'stopped')
    client.destroy()


def test_video_is_subscribed_only_while_a_person_watches(ros: Any, web: Any) -> None:
    publisher = ros.probe.create_publisher(CompressedImage, 'camera/image_raw/compressed', ros_qos.IMAGE_OUT)
    wait_until(lambda: ros.probe.count_publishers('camera/image_raw/compressed'))
    ending = threading.Event()

    def publish() -> None:
        image = CompressedImage(format='jpeg', data=b'\xff\xd8image\xff\xd9')
        image.header.stamp.sec = 5
        while not ending.wait(0.02):
            publisher.publish(image)
    thread = threading.Thread(target=publish)
    thread.start()
    try:
        url = f'http://127.0.0.1:{web.address[1]}/snapshot?topic=/turret/camera/image_raw'
        with urllib.request.urlopen(url, timeout=10.0) as answer:
            assert answer.read() == b'\xff\xd8image\xff\xd9'
            assert answer.headers['X-Timestamp'] == '5.000000'
        wait_until(lambda: publisher.get_subscription_count() == 0)
    finally:
        ending.set()
        thread.join()


def test_a_port_in_use_refuses_the_start(ros: Any, web: Any) -> None:
    with pytest.raises(TurretError, match='cannot listen'):
        start(ros, port=web.address[1])


ROSLIBPY = textwrap.dedent('''
    import sys
    import roslibpy

    ros = roslibpy.Ros('127.0.0.1', int(sys.argv[1]))
    ros.run(10)
    statuses = []
    topic = roslibpy.Topic(ros, '/turret/status', 'turret_msgs/msg/TurretStatus')
    topic.subscribe(statuses.append)
    stop = roslibpy.Service(ros, '/turret/safety/stop', 'turret_msgs/srv/Stop')
    answer = stop.call(roslibpy.ServiceRequest({}), timeout=10)
    while len(statuses) < 3:
        pass
    assert '/turret/status' in ros.get_topics()
    assert ros.get_topic_type('/turret/status') == 'turret_msgs/msg/TurretStatus'
    assert '/turret/probe' in ros.get_nodes()
    assert '/turret/safety/stop' in ros.get_services()
    assert ros.get_time()['secs'] > 0
    assert ros.get_message_details('turret_msgs/TurretStatus')['typedefs'][0]['fieldnames'][0] == 'header'
    topic.unsubscribe()
    ros.terminate()
    print(answer['message'], [b['seq'] - a['seq'] for a, b in zip(statuses, statuses[1:])])
''')


def test_roslibpy_is_a_client(ros: Any, web: Any) -> None:
    pytest.importorskip('roslibpy')
    def stop(request: Any, response: Any) -> Any:
        response.message = 'stopped'
        return response
    ros.probe.create_service(Stop, 'safety/stop', stop)
    publisher = ros.probe.create_publisher(TurretStatus, 'status', ros_qos.STATUS)
    client = subprocess.Popen(
        [sys.executable, '-c', ROSLIBPY, str(web.address[1])], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, 'PYTHONUNBUFFERED': '1'})
    seq = 0
    while client.poll() is None:
        seq += 1
        publisher.publish(TurretStatus(seq=seq))
        time.sleep(0.05)
    output, errors = client.communicate(timeout=30.0)
    assert client.returncode == 0, errors
    assert output.startswith('stopped [1, 1')
