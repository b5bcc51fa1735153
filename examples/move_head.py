# SPDX-License-Identifier: Apache-2.0
"""Become the operator, move the head to a direction, wait until it is there, and hand the turret back.

Run with: .venv/bin/python examples/move_head.py
"""

from __future__ import annotations

import math
import sys

from turret_bringup.client.ros_client import TurretClient

PAN, TILT = math.radians(20.0), math.radians(10.0)
TOLERANCE = math.radians(0.5)


def main() -> None:
    """Move the head; leaving the inner block stops the heartbeats and releases the lease."""
    namespace = sys.argv[1] if len(sys.argv) > 1 else 'turret'
    with TurretClient(namespace, timeout_s=20.0, name='move_head') as turret:
        turret.wait_for('gimbal/state', lambda state: state.pan.homed and state.tilt.homed, 60.0)
        with turret.operator(take_over=True):
            turret.command('controller/move_to', pan=PAN, tilt=TILT)
            state = turret.wait_for(
                'gimbal/state',
                lambda state: max(abs(state.pan.position - PAN), abs(state.tilt.position - TILT)) < TOLERANCE, 20.0)
            print(f'arrived at pan {math.degrees(state.pan.position):.1f}, '
                  f'tilt {math.degrees(state.tilt.position):.1f} degrees')
            turret.command('controller/set_mode', mode=0)


if __name__ == '__main__':
    main()
