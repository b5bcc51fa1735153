# SPDX-License-Identifier: Apache-2.0
"""Images of a camera node of another project arrive, with the profile that the documents name for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import foreign_camera
import pytest
from rclpy.parameter import Parameter

from turret_common.ros.qos import STREAM
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import DetectionArray
from turret_vision.vision_node import VisionNode

ROOT = Path(__file__).resolve().parents[3]
#: Images in a row that are looked at, and how many of them must arrive. Without the profile most are lost.
IN_A_ROW, ARRIVED = 30, 28


@contextmanager
def foreign(ros: RosHarness, reliability: str) -> Iterator[None]:
    """Run the camera node as docs/troubleshooting.md says."""
    page = (ROOT / 'docs' / 'troubleshooting.md').read_text()
    documented = re.search(r'export (\w+)=.*/share/turret_bringup/(\S+)', page)
    assert documented
    variable, file = documented.groups()
    profile = str(resources.files('turret_bringup') / file)
    assert Path(profile).is_file()
    others = {name: value for name, value in os.environ.items() if 'DEFAULT_PROFILES_FILE' not in name}
    environment = {**others, variable: profile, 'ROS_DOMAIN_ID': str(ros.domain_id)}
    with subprocess.Popen(
            [sys.executable, foreign_camera.__file__, reliability], env=environment) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.parametrize('reliability', ['reliable', 'best_effort'])
def test_vision_looks_at_the_images_of_a_foreign_camera_at_30_hz(ros: RosHarness, reliability: str) -> None:
    ros.add(VisionNode(
        context=ros.context, namespace='turret', parameter_overrides=[Parameter('method', value='balloon')]))
    seen = ros.collect(DetectionArray, 'vision/detections', STREAM)

    def in_a_row() -> int:
        """Return how many of the last images in a row vision has looked at; the stamp of each is its number."""
        numbers = {message.header.stamp.sec for message in seen[-IN_A_ROW:]}
        return sum(number > max(numbers) - IN_A_ROW for number in numbers) if numbers else 0

    with foreign(ros, reliability):
        wait_until(lambda: in_a_row() >= ARRIVED, 60.0, f'{ARRIVED} of {IN_A_ROW} images in a row')
    assert (seen[-1].width, seen[-1].height) == (foreign_camera.WIDTH, foreign_camera.HEIGHT)
