# SPDX-License-Identifier: Apache-2.0
"""What the supervisor imports for all its processes, so that none of them has to."""

from __future__ import annotations

import os
import subprocess
import sys

from turret_bringup.run.processes import PRELOADED
from turret_common.testing.ros_testing import claim_domain

_MAKE_A_NODE = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
import rclpy
rclpy.init()
before = set(sys.modules)
rclpy.create_node('any')
print(*(name for name in sys.modules if name not in before and '_typesupport_' not in name))
"""


def test_a_node_needs_no_module_that_is_not_preloaded() -> None:
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    imported = subprocess.run(
        [sys.executable, '-c', _MAKE_A_NODE, *PRELOADED], env=environment, check=True, capture_output=True, text=True)
    assert imported.stdout.split() == []
