# SPDX-License-Identifier: Apache-2.0
"""The examples of the Python client run against a simulation."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.mqtt_broker import mqtt_broker
from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system
EXAMPLES = Path(__file__).parents[3] / 'examples'
PRINTED = {
    'watch_status': ('no faults', 'tracks', 'PID gain of pan: 20.0'),
    'move_head': ('arrived at pan', 'degrees'),
    'run_pattern': ('feedback:', f"'code': {ReasonCode.CANCELLED}"),
}


@pytest.fixture(scope='module')
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    with scratch_turret(tmp_path_factory.mktemp('state'), ['--set', 'gimbal.home_on_start=true']) as turret:
        yield turret


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob('*.py')} == {*PRINTED, 'status_to_mqtt'}


def test_the_status_reaches_a_broker_and_a_message_stops_the_turret(
        turret: ScratchTurret, client: TurretClient, tmp_path: Path) -> None:
    pytest.importorskip('amqtt')
    mqtt = pytest.importorskip('paho.mqtt.client')
    # A stop would end the homing at the start, which does not begin again by itself: other examples need the reference.
    client.wait_for('gimbal/state', lambda state: state.pan.homed and state.tilt.homed, 60.0)
    (tmp_path / 'password').write_text('a password\n')
    received: queue.Queue[dict[str, Any]] = queue.Queue()
    with mqtt_broker(tmp_path, 'turret', 'a password') as port:
        listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        listener.username_pw_set('turret', 'a password')
        listener.on_connect = lambda *_: listener.subscribe('turret/status')
        listener.on_message = lambda _client, _data, message: received.put(json.loads(message.payload))
        listener.connect('127.0.0.1', port)
        listener.loop_start()
        example = subprocess.Popen(
            [sys.executable, EXAMPLES / 'status_to_mqtt.py', '127.0.0.1', str(port), 'turret', tmp_path / 'password'],
            env=turret.environment)
        try:
            assert received.get(timeout=60.0)['stopped'] is False
            wait_until(lambda: listener.publish('turret/stop', '', qos=1) and stopped(received), 30.0, 'the stop')
        finally:
            example.send_signal(signal.SIGINT)
            example.wait(20.0)
            listener.disconnect()
            listener.loop_stop()
    with client.operator(take_over=True):
        client.command('safety/reset')


def stopped(received: queue.Queue[dict[str, Any]]) -> bool:
    """Return whether the next status that was received reports the software stop."""
    return bool(received.get(timeout=20.0)['stopped'])


@pytest.mark.parametrize('name', PRINTED)
def test_an_example_works(turret: ScratchTurret, name: str) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / f'{name}.py'], env=turret.environment, capture_output=True, text=True, timeout=120,
        check=False)
    assert done.returncode == 0, done.stderr
    for text in PRINTED[name][-2:]:
        assert text in done.stdout


def test_a_client_holds_the_lease_as_long_as_its_block_lasts(client: TurretClient) -> None:
    with client.operator(take_over=True) as operator:
        client.command('controller/set_mode', mode=0)
        client.wait_for('safety/state', lambda state: state.operator_name == 'Python client', 5.0)
        with pytest.raises(TurretError) as refused:
            client.command('controller/set_mode', mode=99)
        assert refused.value.code in (ReasonCode.UNKNOWN_NAME, ReasonCode.OUT_OF_RANGE, ReasonCode.INVALID_ARGUMENT)
    assert operator.lease_id
    client.wait_for('safety/state', lambda state: not state.operator_name, 5.0)


def test_unknown_names_and_wrong_values_are_refused(client: TurretClient) -> None:
    with pytest.raises(TurretError, match='has no service "no/such"'):
        client.call('no/such', {})
    with pytest.raises(TurretError, match='mood'):
        client.call('controller/set_mode', {'mood': 1})
