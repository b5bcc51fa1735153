# SPDX-License-Identifier: Apache-2.0
"""Run a pattern of the head as an action, print its feedback, and cancel it after five messages.

Run with: .venv/bin/python examples/run_pattern.py
"""

from __future__ import annotations

import itertools
import sys

from turret_bringup.client.ros_client import TurretClient
from turret_msgs.action import RunPattern

FIGURE_EIGHT = {
    'kind': RunPattern.Goal.KIND_FIGURE_EIGHT, 'pan_size': 0.3, 'tilt_size': 0.15, 'loop': True}


def main() -> None:
    """Run the action; the operator lease is acquired for it and released at its end."""
    namespace = sys.argv[1] if len(sys.argv) > 1 else 'turret'
    with TurretClient(namespace, timeout_s=20.0, name='run_pattern') as turret, turret.operator(take_over=True):
        turret.wait_for('gimbal/state', lambda state: state.pan.homed and state.tilt.homed, 60.0)
        with turret.start('controller/run_pattern', FIGURE_EIGHT) as action:
            for feedback in itertools.islice(action.feedback(), 5):
                print('feedback:', feedback)
            print('result:', action.cancel())


if __name__ == '__main__':
    main()
