# SPDX-License-Identifier: Apache-2.0
"""Print the state of a running turret twice: once in full, once as single fields.

Run with: .venv/bin/python examples/watch_status.py
"""

from __future__ import annotations

import math
import sys

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.client.ros_status import lines
from turret_bringup.client.ros_values import as_values


def main() -> None:
    """Connect, read two status messages and print them."""
    namespace = sys.argv[1] if len(sys.argv) > 1 else 'turret'
    with TurretClient(namespace) as turret:
        print('\n'.join(lines(as_values(turret.status()))))

        status = turret.status()
        pan, tilt = (math.degrees(axis.position) for axis in (status.gimbal.pan, status.gimbal.tilt))
        print(f'status {status.seq}: pan {pan:.1f} degrees, tilt {tilt:.1f} degrees, {len(status.tracks)} tracks')
        print('PID gain of pan:', turret.parameters('controller', ['aim.pan.kp'])['aim.pan.kp'])


if __name__ == '__main__':
    main()
