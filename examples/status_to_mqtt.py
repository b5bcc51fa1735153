# SPDX-License-Identifier: Apache-2.0
"""Publish the status of a turret to an MQTT broker, and stop the turret when a message asks for it.

Run with: .venv/bin/python examples/status_to_mqtt.py BROKER PORT USER PASSWORD_FILE
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from paho.mqtt import client as mqtt

from turret_bringup.client.ros_client import TurretClient


def main() -> None:
    """Publish twice a second until interrupted: to turret/status; stop at any message on turret/stop."""
    broker, port, user, password_file = sys.argv[1:5]
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, Path(password_file).expanduser().read_text().strip())
    with TurretClient('turret') as turret:
        client.on_message = lambda *_: turret.command('safety/stop', reason='MQTT')
        client.on_connect = lambda *_: client.subscribe('turret/stop', qos=1)
        client.connect(broker, int(port))
        client.loop_start()
        for status in turret.messages('status'):
            client.publish('turret/status', json.dumps({
                'pan': round(math.degrees(status.gimbal.pan.position), 1),
                'tilt': round(math.degrees(status.gimbal.tilt.position), 1),
                'targets': len(status.tracks), 'armed': status.laser.state == status.laser.STATE_ARMED,
                'stopped': status.safety.software_stop, 'faults': [fault.message for fault in status.faults]}))


if __name__ == '__main__':
    main()
