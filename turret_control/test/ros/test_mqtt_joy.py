# SPDX-License-Identifier: Apache-2.0
"""The handset, over a real broker with user and password, turns the head of the controller node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from controller_surroundings import LEASE, Surroundings, stopped
from paho.mqtt import client as mqtt
from rclpy.parameter import Parameter

from turret_common.errors import TurretError
from turret_common.ros.qos import COMMAND
from turret_common.testing.mqtt_broker import mqtt_broker
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_control.controller_node import ControllerNode
from turret_control.handset.handset import HandsetParameters
from turret_control.handset.mqtt_joy import MqttJoy
from turret_msgs.msg import FireRequest, GimbalCommand

USER, PASSWORD, TOPIC = 'handset', 'a password', 'laserturret'
LEFT, IDLE = '-100,0,False,True,100.0', '2,-3,False,False,0.0'  # the laser button is pressed too


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """The port of a broker that requires the password."""
    with mqtt_broker(tmp_path, USER, PASSWORD) as port:
        yield port


@pytest.fixture
def send(broker: int) -> Iterator[Callable[[str], Any]]:
    """Publishes as the handset does."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(USER, PASSWORD)
    client.connect('127.0.0.1', broker)
    client.loop_start()
    yield lambda text, retain=False: client.publish(TOPIC, text, retain=retain)
    client.disconnect()
    client.loop_stop()


def settings(tmp_path: Path, port: int, password: str = PASSWORD, mode: int = 0o600) -> dict[str, Any]:
    path = tmp_path / 'password'
    path.write_text(password + '\n')
    path.chmod(mode)
    return {'enabled': True, 'host': '127.0.0.1', 'port': port, 'user': USER, 'password_file': str(path)}


def test_it_turns_the_head_slowly_until_it_is_let_go_or_silent_and_never_fires(
        ros: RosHarness, broker: int, send: Callable[[str], Any], tmp_path: Path) -> None:
    surroundings = Surroundings(ros)
    surroundings.operator = ''
    ros.add(ControllerNode(context=ros.context, namespace='turret', parameter_overrides=[
        Parameter(f'mqtt_joy.{name}', value=value) for name, value in settings(tmp_path, broker).items()]))
    commands = ros.collect(GimbalCommand, 'gimbal/command', COMMAND)
    fires = ros.collect(FireRequest, 'controller/fire_request', COMMAND)

    def turns_on_request(text: str) -> bool:
        send(text)
        return bool(commands and commands[-1].mode == GimbalCommand.MODE_VELOCITY and commands[-1].pan_rate > 0.1)
    try:
        wait_until(lambda: turns_on_request(LEFT), 20.0, 'the head turns')
        assert max(command.pan_rate for command in commands if not stopped(command)) <= 0.2
        send(IDLE)
        wait_until(lambda: stopped(commands[-1]) or abs(commands[-1].pan_rate) < 0.01, what='it stands when let go')
        wait_until(lambda: turns_on_request(LEFT), what='it turns again')
        wait_until(lambda: stopped(commands[-1]), what='it stands when silent')
        surroundings.operator = LEASE
        wait_until(lambda: not turns_on_request(LEFT) and stopped(commands[-1]), what='an operator is heard alone')
        assert not fires
    finally:
        surroundings.close()


def test_a_wrong_password_a_message_from_the_past_and_a_readable_password_lead_nowhere(
        broker: int, send: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(TurretError, match='chmod'):
        MqttJoy(HandsetParameters(**settings(tmp_path, broker, mode=0o644))).start()
    send(LEFT, retain=True).wait_for_publish(5.0)
    shut_out = MqttJoy(HandsetParameters(**settings(tmp_path, broker, 'wrong')))
    shut_out.start()
    let_in = MqttJoy(HandsetParameters(**settings(tmp_path, broker)))
    let_in.start()
    heard: list[str] = []
    try:
        def hears(text: str) -> bool:
            send(text)
            heard.extend(let_in.take())
            return IDLE in heard
        wait_until(lambda: hears(IDLE), 20.0, 'a message')
        assert LEFT not in heard
        assert not list(shut_out.take())
    finally:
        let_in.stop()
        shut_out.stop()
